"""One chunk of a lease: which of its targets are probed, how, and the batch that its results become. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoploom.ping_service.holding import Held
from hoploom.ping_service.orders import Orders
from hoploom.prober import politeness
from hoploom.prober.probes import PingColumns, ProbeSettings
from hoploom.prober.traces import TraceColumns, TraceSettings
from hoploom.wire.batch import Batch, Columns
from hoploom.wire.lease import Lease
from hoploom.wire.traces import MAX_LABELS, Traces, surplus

Found = PingColumns | TraceColumns
"""What a prober found out about the first targets of a chunk."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Chunk:
    """Positions [start, stop) of a lease, and what is done about them.

    Attributes:
        lease: The lease.
        start: First position.
        stop: Position after the last.
        batch: Id of the batch that the results become, fixed before the first packet leaves.
        targets: (n, 16) bytes, in the order of the positions.
        allowed: (n,) True where this worker may probe at all.
        wanted: (n,) True where it probes now: what is allowed and not opted out.
    """

    lease: Lease
    start: int
    stop: int
    batch: str
    targets: NDArray[np.uint8]
    allowed: NDArray[np.bool_]
    wanted: NDArray[np.bool_]

    def reached(self, rows: int) -> int:
        """The position after the last that is dealt with when the first `rows` of the probed targets are."""
        probed = np.flatnonzero(self.wanted)
        return self.stop if rows >= len(probed) else self.start + int(probed[rows])

    def skipped(self, upto: int) -> dict[str, int]:
        """How many targets before a position were skipped, by why."""
        size = upto - self.start
        allowed, wanted = self.allowed[:size], self.wanted[:size]
        return {"not-allowed": int((~allowed).sum()), "opt-out": int((allowed & ~wanted).sum())}


def of(held: Held, batch: str, targets: NDArray[np.uint8], orders: Orders, *, allow_private: bool) -> Chunk:
    """The next chunk of a lease.

    Args:
        held: The lease.
        batch: Id of its batch.
        targets: (n, 16) bytes: of the chunk's positions.
        orders: What to stay away from.
        allow_private: Whether campaign and owner both gave their key to loopback and private space.
    """
    allowed = politeness.allowed(targets, allow_private=allow_private)
    return Chunk(
        lease=held.lease,
        start=held.probed_upto,
        stop=held.probed_upto + len(targets),
        batch=batch,
        targets=targets,
        allowed=allowed,
        wanted=allowed & ~politeness.inside(targets, orders.opt_outs),
    )


def probe_settings(lease: Lease, rate_pps: int, orders: Orders) -> ProbeSettings:
    """How a lease's targets are probed.

    Args:
        lease: The lease.
        rate_pps: Packets a second; 0 for no limit.
        orders: The mesh's caps.
    """
    return ProbeSettings(
        count=lease.probe.count,
        interval_s=lease.probe.interval_ms / 1000,
        timeout_s=lease.probe.timeout_ms / 1000,
        size_bytes=lease.probe.size_bytes,
        rate_pps=rate_pps or None,
        network_pps=politeness.smallest(lease.network_pps, orders.network_pps) or None,
    )


def trace_settings(lease: Lease, rate_pps: int, orders: Orders) -> TraceSettings:
    """How a lease's targets are traced; arguments as of `probe_settings`."""
    probe, first_ttl = lease.probe, orders.owner.hidden_hops + 1
    max_ttl = max(probe.max_ttl, first_ttl)
    return TraceSettings(
        protocol=probe.protocol,
        first_ttl=first_ttl,
        split_ttl=min(max(TraceSettings.split_ttl, first_ttl), max_ttl),
        max_ttl=max_ttl,
        gap_limit=probe.gap_limit,
        attempts=probe.count,
        interval_s=probe.interval_ms / 1000,
        timeout_s=probe.timeout_ms / 1000,
        size_bytes=probe.size_bytes,
        rate_pps=rate_pps or None,
        network_pps=politeness.smallest(lease.network_pps, orders.network_pps) or None,
    )


def batch_of(chunk: Chunk, found: Found, worker: str, boot_id: str, *, suspect: bool) -> Batch:
    """The batch of what was probed of a chunk; it ends where the probing did.

    Args:
        chunk: The chunk.
        found: Results of its first probed targets.
        worker: The worker's name.
        boot_id: Names the run of the machine that the monotonic times belong to.
        suspect: Whether the uplink was dead.
    """
    lease, probed = chunk.lease, np.flatnonzero(chunk.wanted)[: len(found)]
    return Batch(
        batch=chunk.batch,
        worker=worker,
        worker_number=lease.worker_number,
        campaign=lease.campaign,
        campaign_number=lease.campaign_number,
        measurement=lease.measurement,
        revision=lease.revision,
        round=lease.round,
        group=lease.group,
        lease=lease.id,
        family=lease.family,
        kind=lease.probe.kind,
        start=chunk.start,
        stop=chunk.reached(len(found)),
        boot_id=boot_id,
        started_at_us=found.started_at_us,
        started_monotonic_us=found.started_monotonic_us,
        sent_monotonic_us=found.started_monotonic_us + (int(found.at_us.max()) if len(found) else 0),
        suspect=suspect,
        columns=_columns(found, chunk.start + probed.astype(np.int64), chunk.targets[probed]),
    )


def _columns(found: Found, position: NDArray[np.int64], address: NDArray[np.uint8]) -> Columns | Traces:
    """The rows of a batch: those that were found, with each target's place and address."""
    kind = Columns if isinstance(found, PingColumns) else Traces
    columns: dict[str, Any] = {name: getattr(found, name, None) for name in kind.types()}
    if isinstance(found, TraceColumns):
        # What a stranger quotes has no bound, a batch has.
        kept = ~surplus(found.mpls_hop)
        columns |= {name: getattr(found, name)[kept][:MAX_LABELS] for name in ("mpls_hop", "mpls_entry")}
    return kind(**{**columns, "position": position, "address": address})
