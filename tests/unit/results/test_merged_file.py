"""The file that is merged into: whole when it appears, the old one if something goes wrong."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from hoploom.kit.errors import ConfigError
from hoploom.results import tables
from hoploom.results.merge import merge
from hoploom.results.merged_file import merged_file
from hoploom.results.source import Refused, open_source
from lab.result_files import STORE, write
from unit.wire.batches import make


def batches(path: Path) -> int:
    with contextlib.closing(open_source(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM batches").get)


def test_a_new_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    source = write(tmp_path / "a.db", STORE, [make()])
    with merged_file(tmp_path / "m.db") as into:
        merge(into, source)
        assert not (tmp_path / "m.db").exists()
    assert batches(tmp_path / "m.db") == 1
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.db", "m.db"]


def test_nothing_stays_of_a_new_file_that_was_not_finished(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), merged_file(tmp_path / "m.db"):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_an_old_file_takes_more_and_keeps_what_it_has(tmp_path: Path) -> None:
    for number in range(2):
        source = write(tmp_path / f"{number}.db", STORE, [make(number)])
        with merged_file(tmp_path / "m.db") as into:
            merge(into, source)
    assert batches(tmp_path / "m.db") == 2


KILLED = """
import os, signal, sys
from pathlib import Path
from hoploom.results.merge import transaction
from hoploom.results.merged_file import merged_file
with merged_file(Path(sys.argv[1])) as into:
    into.pragma("cache_size", 10)
    with transaction(into):
        into.execute("WITH n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 5000) "
                     "INSERT INTO traceroutes SELECT 1, '127.0.0.1', 0, 1, NULL, NULL, 0, 0 FROM n")
        os.kill(os.getpid(), signal.SIGKILL)
"""


def killed_while_merging(target: Path) -> None:
    """A process that ends half-way through a transaction, with pages of it in the file already."""
    found = subprocess.run([sys.executable, "-c", KILLED, str(target)], check=False, timeout=30, env=os.environ)
    assert found.returncode == -signal.SIGKILL


def test_a_kill_leaves_no_half_file_and_the_next_merge_clears_up(tmp_path: Path) -> None:
    source = write(tmp_path / "a.db", STORE, [make()])
    killed_while_merging(tmp_path / "m.db")
    assert not (tmp_path / "m.db").exists()
    with merged_file(tmp_path / "m.db") as into:
        merge(into, source)
    assert batches(tmp_path / "m.db") == 1
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.db", "m.db"]


def test_a_kill_leaves_an_old_file_with_what_it_had(tmp_path: Path) -> None:
    target = write(tmp_path / "m.db", STORE, [make()])
    killed_while_merging(target)
    assert (tmp_path / "m.db-journal").exists()
    with pytest.raises(Refused, match="broken off"):
        open_source(target)
    with merged_file(target) as into:
        assert into.execute("SELECT count(*) FROM traceroutes").get == 0
    assert batches(target) == 1


def test_two_processes_do_not_make_one_file(tmp_path: Path) -> None:
    with merged_file(tmp_path / "m.db"), pytest.raises(ConfigError, match="already owns"):
        with merged_file(tmp_path / "m.db"):
            pass
    assert batches(tmp_path / "m.db") == 0


def test_a_file_that_came_meanwhile_is_not_written_over(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="by another meanwhile"), merged_file(tmp_path / "m.db"):
        (tmp_path / "m.db").write_text("another's", encoding="ascii")
    assert (tmp_path / "m.db").read_text(encoding="ascii") == "another's"


def test_an_empty_file_becomes_one_of_results(tmp_path: Path) -> None:
    (tmp_path / "m.db").touch()
    with merged_file(tmp_path / "m.db"):
        pass
    assert batches(tmp_path / "m.db") == 0


def test_another_programs_database_is_left_as_it_is(tmp_path: Path) -> None:
    with contextlib.closing(apsw.Connection(str(tmp_path / "m.db"))) as connection:
        connection.execute(f"CREATE TABLE t (a); PRAGMA user_version = {tables.SCHEMA}")
    before = (tmp_path / "m.db").read_bytes()
    with pytest.raises(Refused, match="differs"), merged_file(tmp_path / "m.db"):
        pass
    assert (tmp_path / "m.db").read_bytes() == before


@pytest.mark.parametrize(("name", "reason"), [("nosuch/m.db", "no folder"), (".", "folder")])
def test_a_place_where_no_file_can_be_is_refused(name: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=reason), merged_file(tmp_path / name):
        pass
