"""A chunk: which targets are probed, and the batch that tells of it, whole or cut short."""

from dataclasses import fields

import numpy as np
import pytest
from numpy.typing import NDArray

from hoploom.ping_service import chunk, holding
from hoploom.ping_service.chunk import Chunk
from hoploom.ping_service.holding import Held
from hoploom.ping_service.orders import Orders
from hoploom.prober.probes import PingColumns
from hoploom.wire.addresses import column
from hoploom.wire.batch import Columns, check
from hoploom.wire.overlay import OptOut, OverlayDocument
from hoploom.wire.probe import Probe
from unit.ping_service.stations import columns, lease

AWAY = Orders(OverlayDocument(version=1, opt_outs=(OptOut(block="127.0.0.2/31"),)))
ID = "c0ffee00-0000-4000-8000-000000000000"


def targets(*hosts: str) -> NDArray[np.uint8]:
    return column(hosts)


def held(start: int = 0) -> Held:
    return holding.granted((), lease(start, start + 6), 0.0)[0]


def six(*, allow_private: bool = True, start: int = 0) -> Chunk:
    hosts = targets("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6")
    return chunk.of(held(start), ID, hosts, AWAY, allow_private=allow_private)


def answers(count: int) -> PingColumns:
    return columns(np.zeros(count, np.uint8))


@pytest.mark.parametrize(("rows", "upto"), [(0, 0), (1, 3), (2, 4), (3, 5), (4, 6)])
def test_a_chunk_cut_short_ends_before_the_next_target_that_was_to_be_probed(rows: int, upto: int) -> None:
    assert six().reached(rows) == upto


def test_what_is_opted_out_or_not_allowed_is_skipped_and_counted_once() -> None:
    assert six().skipped(6) == {"not-allowed": 0, "opt-out": 2}
    assert six().skipped(2) == {"not-allowed": 0, "opt-out": 1}
    assert six(allow_private=False).skipped(6) == {"not-allowed": 6, "opt-out": 0}
    assert six(allow_private=False).reached(0) == 6


@pytest.mark.parametrize(("rows", "positions", "stop"), [(4, [100, 103, 104, 105], 106), (2, [100, 103], 104)])
def test_the_batch_has_a_row_for_each_probed_target_and_says_how_far_it_goes(
    rows: int, positions: list[int], stop: int
) -> None:
    batch = chunk.batch_of(six(start=100), answers(rows), "w", "b" * 8, suspect=False)
    check(batch)
    assert batch.columns.position.tolist() == positions
    assert [each[15] for each in batch.columns.address] == [1, 4, 5, 6][:rows]
    assert (batch.batch, batch.start, batch.stop, batch.suspect) == (ID, 100, stop, False)


def test_a_batch_of_skipped_targets_alone_has_no_rows_and_still_deals_with_them() -> None:
    batch = chunk.batch_of(six(allow_private=False), answers(0), "w", "b" * 8, suspect=True)
    check(batch)
    assert (len(batch.columns), batch.start, batch.stop, batch.suspect) == (0, 0, 6, True)


def test_the_smaller_cap_of_a_network_counts() -> None:
    asked = lease(probe=Probe(count=2, interval_ms=500, timeout_ms=700, size_bytes=24), network_pps=5)
    capped = Orders(OverlayDocument(version=1, network_pps=3))
    found = chunk.probe_settings(asked, 40, capped)
    assert (found.count, found.interval_s, found.timeout_s, found.size_bytes) == (2, 0.5, 0.7, 24)
    assert (found.rate_pps, found.network_pps) == (40, 3)
    assert chunk.probe_settings(lease(), 0, Orders()).rate_pps is None


def test_the_columns_of_prober_and_batch_have_the_same_names() -> None:
    probed = {each.name for each in fields(PingColumns)} - {"started_monotonic_us", "started_at_us"}
    assert probed | {"position", "address"} == {each.name for each in fields(Columns)}
