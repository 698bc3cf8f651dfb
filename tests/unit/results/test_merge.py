"""Merging files of results: whole batches once, in any order; what is no good file of results changes nothing."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoploom.kit.errors import OutOfSpace, Unavailable
from hoploom.results import tables
from hoploom.results.merge import Merged, merge
from hoploom.results.merged_file import open_for_writing
from hoploom.results.source import Refused
from hoploom.wire.batch import Batch
from lab.result_files import STORE, write
from unit.wire.batches import make
from unit.wire.traces import traced

OTHER_STORE = "99999999-2222-4333-8444-555555555555"
BATCHES = (make(), make(1), traced(2), make(3, family=6), traced(4, family=6), make(5, rows=6, suspect=True))


def content(path: Path) -> list[list[tuple[object, ...]]]:
    """What a file holds, whatever the order."""
    with contextlib.closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        return [sorted(connection.execute(f"SELECT * FROM {table}"), key=repr) for table in tables.TABLES]


def merged(target: Path, *sources: Path) -> list[Merged]:
    with contextlib.closing(open_for_writing(target)) as connection:
        connection.pragma("synchronous", "OFF")
        return [merge(connection, source) for source in sources]


def test_every_row_of_every_file_is_there_once(tmp_path: Path) -> None:
    first = write(tmp_path / "a.db", STORE, BATCHES[:3])
    second = write(tmp_path / "b.db", OTHER_STORE, BATCHES[3:])
    assert merged(tmp_path / "m.db", first, second) == [
        Merged(batches=3, rows=27, duplicates=0, conflicts=0, named=()),
        Merged(batches=3, rows=27, duplicates=0, conflicts=0, named=()),
    ]
    both = [sorted([*a, *b], key=repr) for a, b in zip(content(first), content(second), strict=True)]
    assert content(tmp_path / "m.db") == both


def test_a_second_merge_changes_not_one_byte(tmp_path: Path) -> None:
    source = write(tmp_path / "a.db", STORE, BATCHES)
    merged(tmp_path / "m.db", source)
    before = (tmp_path / "m.db").read_bytes()
    assert merged(tmp_path / "m.db", source) == [Merged(0, 0, len(BATCHES), 0, ())]
    assert (tmp_path / "m.db").read_bytes() == before


def test_a_merged_file_can_be_merged_again(tmp_path: Path) -> None:
    source = write(tmp_path / "a.db", STORE, BATCHES)
    merged(tmp_path / "m.db", source)
    assert merged(tmp_path / "n.db", tmp_path / "m.db")[0].batches == len(BATCHES)
    assert content(tmp_path / "n.db") == content(source)


def test_a_batch_without_rows_is_taken_too(tmp_path: Path) -> None:
    source = write(tmp_path / "a.db", STORE, [make(rows=0, stop=6), make(1)])
    assert merged(tmp_path / "m.db", source) == [Merged(2, 6, 0, 0, ())]


def test_the_same_id_with_other_content_is_reported_and_stays_as_it_was(tmp_path: Path) -> None:
    first = write(tmp_path / "a.db", STORE, [make(), make(1)])
    second = write(tmp_path / "b.db", OTHER_STORE, [make(lease="another"), make(2)])
    found = merged(tmp_path / "m.db", first, second)
    assert found[1] == Merged(batches=1, rows=6, duplicates=0, conflicts=1, named=(make().batch,))
    assert content(write(tmp_path / "c.db", STORE, [make(), make(1)]))[1] == content(first)[1]
    with contextlib.closing(apsw.Connection(str(tmp_path / "m.db"))) as connection:
        leases = connection.execute("SELECT lease FROM batches ORDER BY batch").fetchall()
        assert leases[0] == (make().lease,)
        assert connection.execute("SELECT count(*) FROM ping_results").get == 18


def test_another_id_that_begins_alike_is_a_conflict(tmp_path: Path) -> None:
    first = write(tmp_path / "a.db", STORE, [make()])
    second = write(tmp_path / "b.db", OTHER_STORE, [make(batch="00000000-0000-4000-8000-000000000001")])
    assert merged(tmp_path / "m.db", first, second)[1].conflicts == 1


def test_a_batch_of_two_stores_names_the_one_that_had_it_first(tmp_path: Path) -> None:
    late = dataclasses.replace(make(), sent_monotonic_us=9_000_000)
    files = [write(tmp_path / "a.db", STORE, [late]), write(tmp_path / "b.db", OTHER_STORE, [make()])]
    for target, order in (("m.db", files), ("n.db", files[::-1])):
        merged(tmp_path / target, *order)
        with contextlib.closing(apsw.Connection(str(tmp_path / target))) as connection:
            assert connection.execute("SELECT store FROM batches").fetchall() == [(OTHER_STORE,)]


SUBSETS = st.lists(st.tuples(st.sampled_from([STORE, OTHER_STORE]), st.sets(st.integers(0, 5))), min_size=1, max_size=3)


@settings(max_examples=12, deadline=None)
@given(subsets=SUBSETS, data=st.data())
def test_order_grouping_and_repetition_make_no_difference(
    subsets: Sequence[tuple[str, set[int]]], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("merges")
    files = [
        write(folder / f"{number}.db", store, [BATCHES[each] for each in sorted(chosen)])
        for number, (store, chosen) in enumerate(subsets)
    ]
    merged(folder / "all.db", *files)
    order = data.draw(st.permutations(files))
    again = data.draw(st.lists(st.sampled_from(files), max_size=2))
    split = data.draw(st.integers(0, len(files)))
    merged(folder / "left.db", *order[:split])
    merged(folder / "right.db", *order[split:])
    merged(folder / "grouped.db", folder / "left.db", *again, folder / "right.db")
    assert content(folder / "grouped.db") == content(folder / "all.db")


def full(connection: apsw.Connection) -> None:
    connection.pragma("max_page_count", connection.pragma("page_count") + 2)


def test_a_full_disk_leaves_everything_as_it_was(tmp_path: Path) -> None:
    small, large = write(tmp_path / "a.db", STORE, [make()]), write(tmp_path / "b.db", STORE, [make(1, rows=4096)])
    merged(tmp_path / "m.db", small)
    before = content(tmp_path / "m.db")
    with contextlib.closing(open_for_writing(tmp_path / "m.db")) as connection:
        full(connection)
        with pytest.raises(OutOfSpace, match="make room"):
            merge(connection, large)
        assert content(tmp_path / "m.db") == before
        connection.pragma("max_page_count", 2**30)
        assert merge(connection, large).rows == 4096


def test_whoever_writes_to_the_file_is_waited_for_and_then_left_alone(tmp_path: Path) -> None:
    source = write(tmp_path / "a.db", STORE, [make()])
    merged(tmp_path / "m.db", source)
    with contextlib.closing(apsw.Connection(str(tmp_path / "m.db"))) as stranger:
        with contextlib.closing(open_for_writing(tmp_path / "m.db")) as connection:
            connection.set_busy_timeout(0)
            stranger.execute("BEGIN IMMEDIATE")
            with pytest.raises(Unavailable, match="another process"):
                merge(connection, source)
            stranger.execute("ROLLBACK")
            assert merge(connection, source).duplicates == 1


def test_a_file_is_not_merged_into_itself(tmp_path: Path) -> None:
    merged(tmp_path / "m.db", write(tmp_path / "a.db", STORE, [make()]))
    with pytest.raises(Refused, match="into itself"):
        merged(tmp_path / "m.db", tmp_path / "m.db")


def test_many_pieces_of_a_batch_are_one_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hoploom.results.runs._PIECE_ROWS", 5)
    batches: list[Batch] = [make(0, rows=12), traced(1, targets=4)]
    source = write(tmp_path / "a.db", STORE, batches)
    merged(tmp_path / "m.db", source)
    assert content(tmp_path / "m.db") == content(source)
