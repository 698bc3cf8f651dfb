"""Cells are what counting row by row gives, in whatever order and portions batches come; and there are not too many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoploom.output_service.rollups.batches import Pings, StoredBatch
from hoploom.output_service.rollups.cells import Cells
from hoploom.targets.network_table import NetworkTable
from hoploom.targets.networks import named
from hoploom.targets.notation import parse_block
from hoploom.wire.addresses import column
from hoploom.wire.rollup import COARSE_S, FINE_KEPT_S, FINE_S
from unit.output_service.rollups.counting import counted, in_sums

NOW_S = 1_800_000_000
_ROW = st.tuples(
    st.sampled_from(["10.0.0.1", "10.9.9.9", "192.0.2.7", "198.51.100.3"]),
    st.integers(0, 4 * 3600),
    st.none() | st.integers(1, 3_000_000),
)


class NoDocuments:
    """Of no campaign anything is known."""

    def of(self, measurement: int) -> NetworkTable:
        return NetworkTable({})


def batch(seq: int, rows: Sequence[tuple[str, int, int | None]], worker: str = "w", campaign: int = 1) -> StoredBatch:
    """A batch of pings of (address, age in seconds, RTT)."""
    rtt = np.array([-1 if each[2] is None else each[2] for each in rows], np.int64)
    answered = rtt >= 0
    pings = Pings(
        address=column(each[0] for each in rows), outcome=np.where(answered, 0, 1), sent=np.full(len(rows), 3),
        received=answered * 2, rtt_us=rtt, rtt_min_us=np.where(answered, rtt // 2, -1),
        rtt_max_us=np.where(answered, rtt * 2, -1),
        at_us=np.array([(NOW_S - each[1]) * 1_000_000 for each in rows], np.int64),
    )  # fmt: skip
    return StoredBatch(seq, "c", campaign, campaign + 1, worker, 4, NOW_S * 1_000_000, pings)


def rows_of(each: StoredBatch) -> list[tuple[Any, ...]]:
    """As `counting.counted` takes them."""
    pings = each.rows
    assert isinstance(pings, Pings)
    texts = [".".join(map(str, address[12:])) for address in pings.address.tolist()]
    found = []
    for number, text in enumerate(texts):
        rtts = [int(column[number]) for column in (pings.rtt_us, pings.rtt_min_us, pings.rtt_max_us)]
        known = rtts if rtts[0] >= 0 else [None] * 3
        counts = (int(pings.outcome[number] == 0), int(pings.sent[number]), int(pings.received[number]))
        at_us = int(pings.at_us[number])
        found.append((each.campaign_number, each.worker, text, at_us, each.received_at_us, *counts, *known))
    return found


def opened(cells: Cells) -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    for statement in cells.tables:
        connection.execute(statement)
    return connection


@st.composite
def portions(draw: st.DrawFn) -> list[list[StoredBatch]]:
    """Batches in any order, cut into portions that are added at a time."""
    made = draw(st.lists(st.tuples(st.lists(_ROW, min_size=1, max_size=12), st.sampled_from("ab")), max_size=6))
    order = draw(st.permutations(range(len(made))))
    batches = [batch(seq + 1, *made[number]) for seq, number in enumerate(order)]
    cuts = sorted(draw(st.lists(st.integers(0, len(batches)), max_size=3)))
    return [batches[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(batches)], strict=True)]


@settings(max_examples=60, deadline=None)
@given(portions())
def test_cells_are_what_a_count_row_by_row_gives(portions: list[list[StoredBatch]]) -> None:
    cells = Cells(NoDocuments())
    connection = opened(cells)
    for each in portions:
        cells.add(connection, each)
    assert in_sums(connection) == counted(row for each in portions for one in each for row in rows_of(one))


def test_each_change_of_a_cell_has_a_greater_number_than_all_before() -> None:
    cells = Cells(NoDocuments())
    connection = opened(cells)
    cells.add(connection, [batch(1, [("10.0.0.1", 0, 5)]), batch(2, [("192.0.2.7", 0, 5)])])
    before = connection.execute("SELECT max(change) FROM cells").get
    cells.add(connection, [batch(3, [("10.0.0.1", 0, 5)])])
    query = "SELECT network, length_s FROM cells WHERE change > ? ORDER BY 2"
    changed = connection.execute(query, (before,)).fetchall()
    assert changed == [("10.0.0.0/8", FINE_S), ("10.0.0.0/8", COARSE_S)]
    assert connection.execute("SELECT count(DISTINCT change) = count(*) FROM cells").get == 1


def test_networks_have_the_names_of_the_document() -> None:
    class Documents:
        def of(self, measurement: int) -> NetworkTable:
            assert measurement == 2
            blocks = [parse_block("10.0.0.0/16"), parse_block("192.0.2.0/24")]
            return NetworkTable(named(blocks, [("amazon", 1), ("mine", 1)]))

    cells = Cells(Documents())
    connection = opened(cells)
    cells.add(connection, [batch(1, [("10.0.0.1", 0, 5), ("10.9.9.9", 0, 5), ("192.0.2.7", 0, 5)])])
    assert {key[4] for key in in_sums(connection)} == {"amazon", "mine", "10.0.0.0/8"}


def test_what_is_older_than_the_newest_of_its_campaign_by_too_much_goes() -> None:
    cells = Cells(NoDocuments())
    connection = opened(cells)
    old = [("10.0.0.1", FINE_KEPT_S + FINE_S, 5)]
    cells.add(connection, [batch(1, old), batch(2, old, campaign=7)])
    cells.add(connection, [batch(3, [("10.0.0.1", 0, 5)])])
    cells.add(connection, [batch(4, old)])
    kept = sorted((key[0], key[1], NOW_S - key[2] > FINE_KEPT_S) for key in in_sums(connection))
    assert [each for each in kept if each[0] == 1] == [(1, FINE_S, False), (1, COARSE_S, False), (1, COARSE_S, True)]
    # A campaign that rests keeps its picture.
    assert [each for each in kept if each[0] == 7] == [(7, FINE_S, True), (7, COARSE_S, True)]


@pytest.mark.parametrize("periods", [1, 2, 40])
def test_there_are_never_more_cells_than_the_bound_and_the_oldest_go_first(periods: int) -> None:
    cells = Cells(NoDocuments(), most_rows=30)
    connection = opened(cells)
    for seq in range(1, 101):
        # From the oldest on.
        age_s = (100 - seq) * periods // 100 * FINE_S
        cells.add(connection, [batch(seq, [("10.0.0.1", age_s, 5)], worker=f"w{seq:03}")])
        for length_s in (FINE_S, COARSE_S):
            assert connection.execute("SELECT count(*) FROM cells WHERE length_s = ?", (length_s,)).get <= 30
    newest = max(key[2] for key in in_sums(connection))
    assert any(key[2] == newest and key[1] == FINE_S for key in in_sums(connection))
    if periods > 1:
        oldest = min(key[2] for key in in_sums(connection) if key[1] == FINE_S)
        assert oldest > NOW_S - periods * FINE_S


def test_no_batch_changes_nothing() -> None:
    cells = Cells(NoDocuments())
    connection = opened(cells)
    cells.add(connection, [])
    assert cells.rows(connection) == 0
