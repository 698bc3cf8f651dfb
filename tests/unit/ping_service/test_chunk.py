"""A chunk: which targets are probed, and the batch that tells of it, whole or cut short."""

from dataclasses import fields, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from hoploom.ping_service import chunk, holding
from hoploom.ping_service.chunk import Chunk
from hoploom.ping_service.holding import Held
from hoploom.ping_service.orders import Orders
from hoploom.prober.probes import PingColumns
from hoploom.prober.traces import TraceSettings
from hoploom.wire.addresses import column, texts
from hoploom.wire.batch import Columns, check
from hoploom.wire.overlay import OptOut, OverlayDocument
from hoploom.wire.probe import DEFAULTS, Probe
from hoploom.wire.traces import FAILED, GAP, LABELS_A_HOP, REACHED, Traces
from unit.ping_service.stations import columns, lease, paths

AWAY = Orders(OverlayDocument(version=1, opt_outs=(OptOut(block="127.0.0.2/31"),)))
PING, TRACE = Probe(), Probe(kind="trace", protocol="udp", count=2, max_ttl=12, gap_limit=3, timeout_ms=700)
ID = "c0ffee00-0000-4000-8000-000000000000"


def targets(*hosts: str) -> NDArray[np.uint8]:
    return column(hosts)


def held(start: int = 0, probe: Probe = PING) -> Held:
    return holding.granted((), lease(start, start + 6, probe=probe), 0.0)[0]


def six(*, allow_private: bool = True, start: int = 0, probe: Probe = PING) -> Chunk:
    hosts = targets("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6")
    return chunk.of(held(start, probe), ID, hosts, AWAY, allow_private=allow_private)


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


@pytest.mark.parametrize(("rows", "positions", "stop"), [(4, [100, 103, 104, 105], 106), (2, [100, 103], 104)])
def test_the_batch_of_traceroutes_has_their_hops_too(rows: int, positions: list[int], stop: int) -> None:
    part = six(start=100, probe=TRACE)
    found = paths(part.targets[part.wanted][:rows], np.array([REACHED, GAP, REACHED, FAILED][:rows], np.uint8))
    batch = chunk.batch_of(part, found, "w", "b" * 8, suspect=False)
    check(batch)
    assert isinstance(batch.columns, Traces)
    assert (batch.kind, batch.stop, batch.columns.position.tolist()) == ("trace", stop, positions)
    assert batch.columns.outcome.tolist() == [REACHED, GAP, REACHED, FAILED][:rows]
    hops = ["192.0.2.1", "127.0.0.1", "192.0.2.1", "", "192.0.2.1", "127.0.0.5"]
    assert texts(batch.columns.hop_address) == hops[: 2 * rows]


def test_labels_beyond_what_a_hop_and_a_batch_may_have_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    part = six(probe=TRACE)
    deep = np.repeat([0, 2], [40, 3]).astype(np.int32)
    entries = np.arange(43, dtype=np.uint32)
    found = replace(paths(part.targets[part.wanted], np.zeros(4, np.uint8)), mpls_hop=deep, mpls_entry=entries)
    batch = chunk.batch_of(part, found, "w", "b" * 8, suspect=False)
    check(batch)
    assert isinstance(batch.columns, Traces)
    assert batch.columns.mpls_hop.tolist() == [0] * LABELS_A_HOP + [2] * 3
    assert batch.columns.mpls_entry.tolist() == [*range(LABELS_A_HOP), 40, 41, 42]
    monkeypatch.setattr(chunk, "MAX_LABELS", 5)
    assert len(chunk.batch_of(part, found, "w", "b" * 8, suspect=False).columns.mpls_hop) == 5  # type: ignore[union-attr]


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


def test_a_trace_is_asked_for_as_its_campaign_wants_it() -> None:
    capped = Orders(OverlayDocument(version=1, network_pps=3))
    found = chunk.trace_settings(lease(probe=TRACE, network_pps=5), 40, capped)
    assert (found.protocol, found.attempts, found.max_ttl, found.gap_limit) == ("udp", 2, 12, 3)
    assert (found.first_ttl, found.split_ttl, found.timeout_s, found.rate_pps, found.network_pps) == (1, 12, 0.7, 40, 3)
    assert chunk.trace_settings(lease(probe=Probe(kind="trace")), 0, Orders()) == TraceSettings(
        interval_s=1.0, timeout_s=1.0, size_bytes=56
    )


@pytest.mark.parametrize("max_ttl", [1, 64])
@pytest.mark.parametrize("probe", DEFAULTS.values(), ids=DEFAULTS)
def test_whatever_a_campaign_may_wish_a_prober_can_do(probe: Probe, max_ttl: int) -> None:
    chunk.trace_settings(lease(probe=replace(probe, max_ttl=max_ttl)), 0, Orders())


def test_the_columns_of_prober_and_batch_have_the_same_names() -> None:
    probed = {each.name for each in fields(PingColumns)} - {"started_monotonic_us", "started_at_us"}
    assert probed | {"position", "address"} == {each.name for each in fields(Columns)}
