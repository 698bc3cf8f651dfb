"""The file of sums loses nothing and doubles nothing, whatever ends the process, and follows from the store alone."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import apsw
import pytest

from hoploom.kit.errors import Unavailable
from hoploom.output_service import disk
from hoploom.output_service.rollups import sums
from hoploom.output_service.rollups.sums import FILE, Sums
from hoploom.output_service.store import Store
from unit.output_service.rollups.counting import in_store
from unit.output_service.rollups.stored import added, fill, sums_over

ROOT = Path(__file__).parents[4]
KILLED = """
import os, signal, sys
from pathlib import Path
from hoploom.output_service.rollups import reading
from hoploom.output_service.rollups.cells import Cells
from hoploom.output_service.store import Store
from unit.output_service.rollups.stored import sums_over

folder = Path(sys.argv[1])
store = Store(folder, 8)
sums = sums_over(folder, store)
calls, add = [], Cells.add

def dying(self, connection, batches):
    add(self, connection, batches)
    calls.append(1)
    if len(calls) == 3:
        # The cells are in the transaction, and the cursor is not yet.
        os.kill(os.getpid(), signal.SIGKILL)

Cells.add = dying
while (found := reading.following(store.files, sums.upto, 50)).upto != sums.upto:
    sums.add(found.batches, found.upto)
"""


async def test_sums_are_what_a_count_of_all_rows_gives(store: Store, tmp_path: Path) -> None:
    await fill(store)
    made = sums_over(tmp_path, store)
    assert added(made, store) == in_store(store.files)
    assert made.upto == store.writer.seq
    made.close()


async def test_a_kill_in_the_middle_loses_and_doubles_nothing(store: Store, tmp_path: Path) -> None:
    await fill(store)
    folder, expected = store.files.folder, in_store(store.files)
    store.close()
    killed = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, str(folder),
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'services'}:{ROOT / 'tests'}"},
    )  # fmt: skip
    assert await killed.wait() == -signal.SIGKILL
    again = Store(folder, 8)
    made = sums_over(folder, again)
    assert made.upto > 0, "nothing that was added before was kept"
    assert added(made, again) == expected
    made.close()
    again.close()


def damaged(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000] + os.urandom(20_000))


def no_database(path: Path) -> None:
    path.write_bytes(b"x" * 8192)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def of_another_store(path: Path) -> None:
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE meta SET value = 'another' WHERE name = 'store'")
    connection.close()


def of_other_tables(path: Path) -> None:
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE meta SET value = 'another' WHERE name = 'tables'")
    connection.close()


def without_meta(path: Path) -> None:
    connection = apsw.Connection(str(path))
    connection.execute("DROP TABLE meta")
    connection.close()


def all_but_its_wal(path: Path) -> None:
    kept = apsw.Connection(str(path))
    kept.execute("DELETE FROM cells")
    wal = path.with_name(f"{path.name}-wal").read_bytes()
    kept.close()
    path.unlink()
    path.with_name(f"{path.name}-wal").write_bytes(wal)


FAULTS = [all_but_its_wal, Path.unlink, damaged, no_database, empty, of_another_store, of_other_tables, without_meta]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda each: each.__name__)
async def test_a_file_that_cannot_be_gone_on_with_is_made_anew(store: Store, tmp_path: Path, fault) -> None:  # type: ignore[no-untyped-def]
    await fill(store)
    before = sums_over(tmp_path, store)
    expected = added(before, store)
    generation = before.ask(sums.standing).generation
    before.close()
    fault(tmp_path / FILE)
    made = sums_over(tmp_path, store)
    assert made.upto == 0 and made.ask(sums.standing).generation != generation
    assert added(made, store) == expected
    made.close()


async def test_a_whole_file_is_gone_on_with(store: Store, tmp_path: Path) -> None:
    await fill(store)
    before = sums_over(tmp_path, store)
    expected, standing = added(before, store), before.ask(sums.standing)
    before.close()
    made = sums_over(tmp_path, store)
    assert made.ask(sums.standing) == standing
    assert added(made, store) == expected
    made.close()


async def test_damage_that_is_met_later_begins_the_file_anew(store: Store, tmp_path: Path) -> None:
    await fill(store)
    made = sums_over(tmp_path, store)
    expected = added(made, store)

    class Damaged:
        name, tables = "cells", made._rollups[0].tables

        def add(self, connection: object, batches: object) -> None:
            raise apsw.CorruptError("database disk image is malformed")

    whole = made._rollups
    made._rollups = [Damaged()]  # type: ignore[list-item]
    made.add([], made.upto)
    made._rollups = whole
    assert made.upto == 0
    assert added(made, store) == expected
    made.close()


async def test_a_question_of_too_long_is_given_up(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sums, "READ_S", 0.0)
    made = sums_over(tmp_path, store)
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    with pytest.raises(Unavailable, match="longer than"):
        made.ask(lambda connection: connection.execute(endless).get)
    made.close()


async def test_a_reader_writes_nothing(store: Store, tmp_path: Path) -> None:
    made: Sums = sums_over(tmp_path, store)
    with pytest.raises(Unavailable):
        made.ask(lambda connection: connection.execute("DELETE FROM cells"))
    made.close()
    assert disk.size_bytes(tmp_path / FILE) > 0
