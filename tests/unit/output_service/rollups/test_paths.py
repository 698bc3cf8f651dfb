"""Links and hops in their tables: added up, bounded, told."""

from __future__ import annotations

import apsw
import pytest

from hoploom.output_service.rollups.paths import Paths, read
from hoploom.wire.addresses import text
from unit.output_service.rollups.made_traces import address, batch, traced

PATH = [(1, "a"), (2, "b"), (3, "x")]


@pytest.fixture
def connection() -> apsw.Connection:
    """A file of rollups with these tables."""
    made = apsw.Connection(":memory:")
    for statement in Paths.tables:
        made.execute(statement)
    return made


def test_batches_add_up_by_campaign_and_worker(connection: apsw.Connection) -> None:
    rows = traced(("x", PATH), distance=3)
    paths = Paths()
    paths.add(connection, [batch(rows), batch(rows, seq=2), batch(rows, seq=3, worker="w2")])
    paths.add(connection, [batch(rows, seq=4, campaign=2)])
    found = read(connection, 1)
    assert found.workers == ("w1", "w2") and found.left_out == 0
    assert sorted(found.links["count"][found.links["worker"] == 0]) == [2, 2, 2]
    assert sorted(found.hops["count"][found.hops["worker"] == 1]) == [1, 1, 1]
    assert {text(each.tobytes()) for each in found.hops["address"]} == set(map(address, "abx"))
    assert len(read(connection, None).links) == 9 and paths.rows(connection) == 18
    assert len(read(connection, 3).links) == 0


def test_of_too_many_rows_the_campaign_goes_that_was_heard_of_least_lately(connection: apsw.Connection) -> None:
    paths, rows = Paths(most_links=6), traced(("x", PATH), distance=3)
    paths.add(connection, [batch(rows, seq=1, campaign=1), batch(rows, seq=2, campaign=2)])
    paths.add(connection, [batch(rows, seq=3, campaign=1)])
    paths.add(connection, [batch(rows, seq=4, campaign=3)])
    assert [len(read(connection, campaign).links) for campaign in (1, 2, 3)] == [3, 0, 3]


def test_of_one_campaign_with_too_many_links_those_go_that_were_seen_first(connection: apsw.Connection) -> None:
    paths = Paths(most_links=2)
    paths.add(connection, [batch(traced(("x", PATH), distance=3))])
    found = read(connection, 1)
    assert [text(each.tobytes()) for each in found.links["far"]] == [address("b"), address("x")]
    assert found.left_out == 1 and len(found.hops) == 3
