"""The guide's plain recipe: dumps merged with SQLite's own shell give what `hoploom merge` gives."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import apsw
import pytest

from hoploom.output_service import dump
from hoploom.output_service.dump import Order
from hoploom.output_service.extract import EVERYTHING, Wanted
from hoploom.output_service.store import Store
from hoploom.results import tables
from hoploom.wire.batch import Batch
from unit.wire.batches import make
from unit.wire.traces import traced

pytestmark = pytest.mark.skipif(shutil.which("sqlite3") is None, reason="sqlite3 is not installed")

OURS = f"{sys.executable} -c 'import sys; from hoploom.cli.main import main; sys.exit(main(sys.argv[1:]))'"
NAMES = ("ping_results", "traceroutes", "traceroute_hops", "batches")
ALL = "INSERT INTO {name} SELECT * FROM {file}.{name};"
NEW = "INSERT INTO {name} SELECT * FROM {file}.{name} WHERE batch_key NOT IN (SELECT batch_key FROM batches);"


def shell(folder: Path, command: str) -> None:
    done = subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), command


def recipe(statement: str, file: str) -> str:
    """The guide's statements for one file; the batches come last."""
    return f"ATTACH '{file}.db' AS {file}; " + " ".join(statement.format(name=name, file=file) for name in NAMES)


def content(path: Path) -> list[list[tuple[object, ...]]]:
    with contextlib.closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        return [sorted(connection.execute(f"SELECT * FROM {table}"), key=repr) for table in tables.TABLES]


def dumped(folder: Path, name: str, batches: Sequence[Batch]) -> None:
    """A dump that an output with these batches gives."""
    (folder / name).mkdir()
    store = Store(folder / name, 8)

    async def stored() -> None:
        for batch in batches:
            await store.append(batch)

    asyncio.run(stored())
    with dump.made(store.files, Order(Wanted(store.uuid, 0, EVERYTHING), lambda: False)) as made:
        shutil.copy(made.path, folder / f"{name}.db")
    store.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    dumped(tmp_path, "A", [make(), traced(1), make(2, rows=2_000)])
    dumped(tmp_path, "B", [make(6), traced(7, family=6)])
    shell(tmp_path, f"{OURS} merge A.db B.db -o ours.db > /dev/null")
    return tmp_path


def test_the_plain_recipe_gives_what_hoploom_merge_gives(folder: Path) -> None:
    shell(folder, f"{OURS} schema | sqlite3 merged.db")
    shell(folder, f"sqlite3 merged.db \"{recipe(ALL, 'A')} {recipe(ALL, 'B')}\"")
    assert content(folder / "merged.db") == content(folder / "ours.db")


def test_the_recipe_for_new_batches_alone_can_be_repeated(folder: Path) -> None:
    shell(folder, f"{OURS} schema | sqlite3 merged.db")
    for file in "ABAB":
        shell(folder, f'sqlite3 merged.db "BEGIN; {recipe(NEW, file)} COMMIT"')
    assert content(folder / "merged.db") == content(folder / "ours.db")


def test_what_the_shell_has_merged_hoploom_merges_again(folder: Path) -> None:
    shell(folder, f"{OURS} schema | sqlite3 merged.db")
    shell(folder, f"sqlite3 merged.db \"{recipe(NEW, 'A')} {recipe(NEW, 'B')}\"")
    shell(folder, f"{OURS} merge merged.db -o again.db > /dev/null")
    assert content(folder / "again.db") == content(folder / "ours.db")
    before = (folder / "ours.db").read_bytes()
    shell(folder, f"{OURS} merge merged.db again.db -o ours.db > /dev/null")
    assert (folder / "ours.db").read_bytes() == before
