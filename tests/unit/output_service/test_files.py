"""Which files there are, and that none goes under whoever reads it."""

import contextlib
from pathlib import Path

import apsw
import pytest

from hoploom.kit.errors import Unavailable
from hoploom.output_service import reading_only
from hoploom.output_service.closed import ClosedFile
from hoploom.output_service.files import Files
from unit.output_service.sources import HOPS, make_source


def closed(number: int, *, pruned: bool = False) -> ClosedFile:
    return ClosedFile(number, number, number, 5, 4096, "ab" * 32, 0, pruned)


def test_a_file_is_read_in_its_old_form_until_it_has_its_closed_one(tmp_path: Path) -> None:
    files = Files(tmp_path, {1: 1}, [])
    files.rotated(8)
    assert (files.numbers(), files.unclosed, files.live) == ([1, 2], [1], 2)
    assert [files.number_of(seq) for seq in (1, 7, 8, 99)] == [1, 1, 2, 2]
    assert files.first_seq(2) == 8
    with files.leased(1) as before:
        files.was_closed(closed(1))
        with files.leased(1) as after:
            assert (before.path.name, before.is_closed) == ("live-000001.db", False)
            assert (after.path.name, after.is_closed) == ("results-000001.db", True)
        assert files.unread() == []
    assert files.unread() == [tmp_path / "live-000001.db"]
    assert files.unread() == []


def test_a_pruned_file_is_listed_and_not_read_and_goes_when_nobody_reads_it(tmp_path: Path) -> None:
    files = Files(tmp_path, {2: 2, 3: 3}, [closed(1)])
    assert files.numbers() == [1, 2, 3]
    with files.leased(1):
        files.was_closed(closed(1, pruned=True))
        assert files.unread() == []
    assert files.unread() == [tmp_path / "results-000001.db"]
    assert files.numbers() == [2, 3]
    assert [file.number for file in files.closed] == [1]
    with pytest.raises(Unavailable, match="pruned"), files.leased(1):
        pass


def test_a_closed_file_is_read_as_the_one_that_is_written_to(tmp_path: Path) -> None:
    make_source(tmp_path / "results-000001.db", ["ping", "trace", "trace", "ping", "trace"], first_seq=7, rows=5)
    files = Files(tmp_path, {2: 12}, [closed(1)])
    with files.opened(1) as connection:
        assert list(connection.execute("SELECT seq, first_row, first_hop FROM locations JOIN batches USING (seq) "
                                       "WHERE kind = 'trace' ORDER BY seq")) == [
            (8, 1, 1), (9, 6, 1 + 5 * HOPS), (11, 11, 1 + 10 * HOPS)
        ]
        assert connection.execute("SELECT first_row FROM locations WHERE seq = 10").get == 6
        assert connection.execute("SELECT count(*) FROM earlier_batches").get == 0
    assert sorted(each.name for each in tmp_path.iterdir()) == ["results-000001.db"]


@pytest.fixture
def live(tmp_path: Path) -> Files:
    """A store of two files; the first one is written to."""
    for number in (1, 2):
        with contextlib.closing(apsw.Connection(str(tmp_path / f"live-{number:06}.db"))) as made:
            made.execute("CREATE TABLE of_file (number); INSERT INTO of_file VALUES (?)", (number,))
    return Files(tmp_path, {1: 1}, [])


def test_the_next_reader_gets_the_connection_of_the_last_one_as_if_it_were_new(live: Files) -> None:
    with live.opened(1) as first:
        first.execute("BEGIN")
        first.set_progress_handler(lambda: True, 1)
        reading_only.confine(first)
    with live.opened(1) as again, live.opened(1) as other:
        assert again is first is not other
        assert not again.in_transaction and again.authorizer is None
        assert again.execute("SELECT number FROM of_file").get == 1


def test_a_connection_that_broke_is_not_given_to_the_next_reader(live: Files) -> None:
    with pytest.raises(apsw.SQLError), live.opened(1) as first:
        first.execute("SELECT nothing")
    with live.opened(1) as again:
        assert again is not first


def test_no_connection_outlasts_its_file_or_the_last_reader(live: Files) -> None:
    with live.opened(1) as kept:
        pass
    with live.opened(1) as late:
        assert late is kept
        live.rotated(8)
    with live.opened(2) as second:
        assert second.execute("SELECT number FROM of_file").get == 2
    live.wait_for_readers(1)
    for each in (kept, late, second):
        with pytest.raises(apsw.ConnectionClosedError):
            each.execute("SELECT 1")
    with live.opened(2) as last:
        pass
    with pytest.raises(apsw.ConnectionClosedError):
        last.execute("SELECT 1")


def test_the_size_is_that_of_all_files(tmp_path: Path) -> None:
    for name, size in (("live-000002.db", 20), ("live-000003.db", 30),
                       ("live-000003.db-wal", 40), ("results-000004.db", 50)):
        (tmp_path / name).write_bytes(bytes(size))
    assert Files(tmp_path, {2: 2, 3: 3}, [closed(1)]).size_bytes() == 4096 + 90
