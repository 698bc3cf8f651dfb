"""A copy has exactly the batches that are wanted, whole, and nothing else of the files they lie in."""

from pathlib import Path

import apsw
import pytest

from hoploom.kit.errors import OutOfSpace, Unavailable
from hoploom.output_service import extract as extract_module
from hoploom.output_service.extract import Extracted, Wanted, extract
from hoploom.output_service.files import Source
from unit.output_service.sources import HOPS, STORE, make_source

# Batches 1 to 5, and 6 to 9.
KINDS = ("ping", "trace", "ping", "ping", "trace"), ("trace", "ping", "trace", "ping")
LAST, ROWS = 9, 5


@pytest.fixture
def sources(tmp_path: Path) -> list[Source]:
    """Two files, the first of which is closed."""
    one = make_source(tmp_path / "results-000001.db", KINDS[0])
    two = make_source(tmp_path / "live-000002.db", KINDS[1], first_seq=6)
    return [Source(1, one, is_closed=True), Source(2, two, is_closed=False)]


def in_time() -> bool:
    return False


@pytest.mark.parametrize("since", range(LAST + 2))
def test_each_range_of_batches_is_copied_with_all_their_rows(sources: list[Source], tmp_path: Path, since: int) -> None:
    kinds = dict(enumerate(KINDS[0] + KINDS[1], 1))
    for upto in range(since, LAST + 3):
        wanted = {seq: kinds[seq] for seq in range(since + 1, min(upto, LAST) + 1)}
        found = extract(sources, tmp_path / f"{upto}.db", Wanted(STORE, since, upto), in_time)
        assert (found.first_seq, found.last_seq) == (since + 1, max(wanted, default=since))
        copy = apsw.Connection(str(tmp_path / f"{upto}.db"), flags=apsw.SQLITE_OPEN_READONLY)
        assert dict(copy.execute("SELECT seq, kind FROM batches")) == wanted
        for kind, table, each in (("ping", "ping_results", 1), ("trace", "traceroutes", 1),
                                  ("trace", "traceroute_hops", HOPS)):
            counts = dict(copy.execute(f"SELECT batch_key - 1000, count(*) FROM {table} GROUP BY 1"))
            assert counts == {seq: each * ROWS for seq, known in wanted.items() if known == kind}
        copy.close()


def test_a_copy_is_exactly_a_dump(sources: list[Source], tmp_path: Path) -> None:
    found = extract(sources, tmp_path / "copy.db", Wanted(STORE, 2, 7), in_time)
    assert found == Extracted(3, 7, 3 * ROWS + 2 * (ROWS + HOPS * ROWS))
    copy = apsw.Connection(str(tmp_path / "copy.db"))
    assert dict(copy.execute("SELECT name, value FROM meta")) == {"store": STORE, "first_seq": "3", "last_seq": "7"}
    names = {(kind, name) for kind, name in copy.execute("SELECT type, name FROM sqlite_schema")}
    assert {name for kind, name in names if kind == "table"} == {
        "batches", "ping_results", "traceroutes", "traceroute_hops", "meta"
    }
    assert {name for kind, name in names if kind == "index"} == {"batches_by_key"}
    assert copy.pragma("user_version") == 7
    assert copy.pragma("journal_mode") == "delete"
    assert copy.pragma("integrity_check") == "ok"


def test_rows_keep_their_order(sources: list[Source], tmp_path: Path) -> None:
    extract(sources, tmp_path / "copy.db", Wanted(STORE, 1, 8), in_time)
    copy = apsw.Connection(str(tmp_path / "copy.db"))
    for table in ("ping_results", "traceroutes", "traceroute_hops"):
        order = list(copy.execute(f"SELECT batch_key, at_ms FROM {table} ORDER BY rowid"))
        assert order == sorted(order)


def test_a_copy_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    source = Source(1, make_source(tmp_path / "live-000001.db", ["ping"] * 20, rows=2000), is_closed=False)
    with pytest.raises(Unavailable, match="in time"):
        extract([source], tmp_path / "copy.db", Wanted(STORE, 1, 99), lambda: True)


def test_a_full_disk_is_said_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source(1, make_source(tmp_path / "live-000001.db", ["ping"]), is_closed=False)
    with pytest.raises(Unavailable) as caught:
        extract([source], tmp_path / "nowhere" / "copy.db", Wanted(STORE, 0, 9), in_time)
    assert not isinstance(caught.value, OutOfSpace)
    monkeypatch.setattr(extract_module, "_FRESH", "PRAGMA max_page_count = 4")
    with pytest.raises(OutOfSpace):
        extract([source], tmp_path / "copy.db", Wanted(STORE, 0, 9), in_time)


def test_a_file_that_cannot_be_read_is_said_as_such(tmp_path: Path) -> None:
    (tmp_path / "live-000001.db").write_bytes(b"no database" * 1000)
    with pytest.raises(Unavailable, match="no copy"):
        source = Source(1, tmp_path / "live-000001.db", is_closed=False)
        extract([source], tmp_path / "copy.db", Wanted(STORE, 0, 9), in_time)
