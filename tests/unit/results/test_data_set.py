"""Data sets: dumps are taken once, the cursor moves with the rows and over no gap, one process at a time."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest

from hoploom.kit.errors import ConfigError, OutOfSpace, Unavailable
from hoploom.results import merged_file
from hoploom.results.data_set import DataSet, Taken
from hoploom.results.merge import merge
from hoploom.results.merged_file import open_for_writing
from hoploom.results.source import Refused, open_source
from lab.result_files import STORE, write
from unit.wire.batches import make
from unit.wire.traces import traced

OTHER_STORE = "99999999-2222-4333-8444-555555555555"


@pytest.fixture
def data_set(tmp_path: Path) -> Iterator[DataSet]:
    opened = DataSet.open(tmp_path / "set", "lab")
    yield opened
    opened.close()


def rows(data_set: DataSet) -> int:
    with contextlib.closing(open_source(data_set.path)) as connection:
        return int(connection.execute("SELECT count(*) FROM ping_results").get)


def test_a_dump_is_taken_once_however_often_it_comes(data_set: DataSet, tmp_path: Path) -> None:
    dump = write(tmp_path / "a.db", STORE, [make(), traced(1)])
    assert data_set.take(dump) == Taken(2, 21, 0, 0, STORE, 2)
    assert data_set.take(dump) == Taken(0, 0, 2, 0, STORE, 2)
    assert (data_set.upto(STORE), data_set.upto(OTHER_STORE), rows(data_set)) == (2, 0, 6)


def test_every_store_has_a_cursor_of_its_own(data_set: DataSet, tmp_path: Path) -> None:
    data_set.take(write(tmp_path / "a.db", STORE, [make(), make(1)]))
    assert data_set.take(write(tmp_path / "b.db", OTHER_STORE, [make(1), make(2), make(3)])).duplicates == 1
    assert (data_set.upto(STORE), data_set.upto(OTHER_STORE)) == (2, 3)


def test_increments_move_the_cursor_on_and_older_dumps_never_back(data_set: DataSet, tmp_path: Path) -> None:
    first = write(tmp_path / "a.db", STORE, [make(), make(1)])
    dumps = [first, write(tmp_path / "b.db", STORE, [make(1), make(2)], first_seq=2), first]
    assert [data_set.take(each).upto for each in dumps] == [2, 3, 3]


def test_a_dump_beyond_a_gap_gives_its_rows_and_leaves_the_cursor(data_set: DataSet, tmp_path: Path) -> None:
    data_set.take(write(tmp_path / "a.db", STORE, [make()]))
    later = write(tmp_path / "c.db", STORE, [make(4)], first_seq=5)
    assert data_set.take(later) == Taken(1, 6, 0, 0, STORE, 1)
    assert data_set.take(write(tmp_path / "b.db", STORE, [make(1), make(2), make(3)], first_seq=2)).upto == 4
    assert data_set.take(later).upto == 5


def test_what_was_pruned_before_anybody_asked_is_no_gap(data_set: DataSet, tmp_path: Path) -> None:
    assert data_set.take(write(tmp_path / "a.db", STORE, [make()], first_seq=900), since=0).upto == 900
    assert data_set.take(write(tmp_path / "b.db", STORE, [make(1)], first_seq=902), since=901).upto == 900


def test_a_dump_without_batches_changes_nothing(data_set: DataSet, tmp_path: Path) -> None:
    empty = write(tmp_path / "a.db", STORE, [], first_seq=7)
    assert data_set.take(empty) == Taken(0, 0, 0, 0, STORE, 0)
    assert data_set.upto(STORE) == 0


def changed(statement: str) -> Callable[[Path], Path]:
    def made(path: Path) -> Path:
        write(path, STORE, [make(), make(1), make(2)])
        with contextlib.closing(apsw.Connection(str(path))) as connection:
            connection.execute(statement)
        return path

    return made


NO_DUMPS = {
    "nothing about its store": (changed("DELETE FROM meta"), "no dump of one store"),
    "a store that is no UUID": (changed("UPDATE meta SET value = 'x' WHERE name = 'store'"), "no dump of one store"),
    "batches of two stores": (
        changed(f"UPDATE batches SET store = '{OTHER_STORE}' WHERE seq = 2"), "one after another"),
    "a batch that is missing": (
        changed("DELETE FROM ping_results WHERE batch_key = (SELECT batch_key FROM batches WHERE seq = 2);"
                "DELETE FROM batches WHERE seq = 2"), "one after another"),
    "two batches of one number": (changed("UPDATE batches SET seq = 1 WHERE seq = 2"), "one after another"),
    "a number that is text": (changed("UPDATE batches SET seq = 'x' WHERE seq = 3"), "one after another"),
    "a bad cell": (changed("UPDATE ping_results SET rtt_us = -5"), "in rtt_us"),
    "a trigger": (changed("CREATE TRIGGER t AFTER INSERT ON meta BEGIN SELECT 1; END"), "differs"),
}


@pytest.mark.parametrize(("made", "reason"), NO_DUMPS.values(), ids=NO_DUMPS)
def test_what_is_no_good_dump_of_a_store_leaves_everything_as_it_was(
    made: Callable[[Path], Path], reason: str, data_set: DataSet, tmp_path: Path
) -> None:
    data_set.take(write(tmp_path / "first.db", STORE, [make()]))
    with pytest.raises(Refused, match=reason):
        data_set.take(made(tmp_path / "a.db"))
    assert (data_set.upto(STORE), rows(data_set)) == (1, 6)


def test_a_full_disk_leaves_rows_and_cursor_as_they_were(data_set: DataSet, tmp_path: Path) -> None:
    data_set.take(write(tmp_path / "a.db", STORE, [make()]))
    large = write(tmp_path / "b.db", STORE, [make(1, rows=4096)], first_seq=2)
    data_set._connection.pragma("max_page_count", data_set._connection.pragma("page_count") + 2)
    with pytest.raises(OutOfSpace):
        data_set.take(large)
    assert (data_set.upto(STORE), rows(data_set)) == (1, 6)
    data_set._connection.pragma("max_page_count", 2**30)
    assert data_set.take(large).upto == 2


QUESTIONS: dict[str, Callable[[DataSet], object]] = {
    "how far it is": lambda found: found.upto(STORE),
    "its last batch": lambda found: found.last_batch(STORE),
    "its Parquet files": lambda found: found.write_parquet(),
}


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=list(QUESTIONS))
def test_a_data_set_that_somebody_else_holds_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, question: Callable[[DataSet], object]
) -> None:
    monkeypatch.setattr(merged_file, "BUSY_MS", 0)
    data_set = DataSet.open(tmp_path / "set", "main")
    with contextlib.closing(data_set), contextlib.closing(apsw.Connection(str(data_set.path))) as shell:
        shell.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Unavailable, match="another process"):
            question(data_set)


def test_a_data_set_keeps_its_uuid_its_name_and_its_cursors(tmp_path: Path) -> None:
    first = DataSet.open(tmp_path / "set", "lab")
    first.take(write(tmp_path / "a.db", STORE, [make()]))
    first.close()
    second = DataSet.open(tmp_path / "set", "lab")
    assert (second.uuid, second.name, second.upto(STORE)) == (first.uuid, "lab", 1)
    assert re.fullmatch(r"[0-9a-f-]{36}", second.uuid)
    second.close()


def test_one_process_has_it_at_a_time(data_set: DataSet) -> None:
    with pytest.raises(ConfigError, match="already owns"):
        DataSet.open(data_set.path.parent, "lab")


def test_it_is_not_opened_under_another_name_and_not_kept_from_its_own(tmp_path: Path) -> None:
    DataSet.open(tmp_path, "lab").close()
    with pytest.raises(ConfigError, match="holds the data set lab, not field"):
        DataSet.open(tmp_path, "field")
    DataSet.open(tmp_path, "lab").close()


@pytest.mark.parametrize("name", ["", "-x", "a/b", "a b", "x" * 64, "a\n"])
def test_odd_names_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="letters"):
        DataSet.open(tmp_path / "set", name)


def test_a_folder_that_is_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "merged.db").write_text("no database, but enough of it to look at" * 9, encoding="ascii")
    with pytest.raises(ConfigError, match=r"merged\.db"):
        DataSet.open(tmp_path, "lab")


def test_its_file_can_be_merged_into_another(data_set: DataSet, tmp_path: Path) -> None:
    data_set.take(write(tmp_path / "a.db", STORE, [make(), traced(1)]))
    with contextlib.closing(open_for_writing(tmp_path / "m.db")) as into:
        assert merge(into, data_set.path).rows == 21
