"""Traceroutes as the store reads them back, written down as rows of letters, and those of an internet that is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoploom.output_service.rollups.batches import StoredBatch, Traces
from hoploom.prober.traces import TraceColumns, TraceSettings
from hoploom.wire.addresses import column
from lab.internet.topology import Topology
from lab.trace_world import Drive, Reply

EXPIRED, UNREACHABLE, ECHO = 11, 3, 0
SECOND = 1_000_000


def address(name: str) -> str:
    """A letter's own address; "" for nobody."""
    return f"198.18.0.{ord(name)}" if name else ""


def traced(*paths: tuple[str, Sequence[tuple[int, str]]], joined: int = -1, distance: int = -1) -> Traces:
    """Paths: the target's letter, and TTLs with who answered: a letter, "" for nobody, "!a" for an unreachable of a."""
    hops = [(number, ttl, name) for number, (_, path) in enumerate(paths) for ttl, name in path]
    names = [name.removeprefix("!") for _, _, name in hops]
    own = [paths[number][0] for number, _, _ in hops]
    types = [
        -1 if not name else UNREACHABLE if said.startswith("!") else ECHO if name == target else EXPIRED
        for name, target, (_, _, said) in zip(names, own, hops, strict=True)
    ]
    ttl = np.array([ttl for _, ttl, _ in hops], np.int64)
    count = len(paths)
    return Traces(
        address=column(address(target) for target, _ in paths),
        outcome=np.zeros(count, np.int64),
        sent=np.full(count, 3),
        joined_ttl=np.full(count, joined),
        distance=np.full(count, distance),
        at_us=np.full(count, SECOND),
        hop_target=np.array([number for number, _, _ in hops], np.int64),
        hop_ttl=ttl,
        hop_address=column(map(address, names)),
        hop_rtt_us=np.where(np.array(types) < 0, -1, 1000 * ttl),
        hop_icmp_type=np.array(types, np.int64),
        hop_at_us=SECOND + ttl,
    )


def batch(rows: Any, seq: int = 1, campaign: int = 1, worker: str = "w1") -> StoredBatch:
    """A stored batch with these rows."""
    return StoredBatch(seq, f"c{campaign}", campaign, campaign, worker, 4, 0, rows)


def walked(topology: Topology, targets: NDArray[np.uint8]) -> Traces:
    """What the machine of a trace finds in an internet under a virtual clock."""
    random = np.random.default_rng(1)

    def ask(rows: NDArray[np.int32], ttls: NDArray[np.uint8]) -> list[list[Reply]]:
        told = topology.respond(targets[rows], ttls, np.zeros(len(rows), np.uint64), random=random)
        return [
            [Reply(int(told.delay_ns[row]), told.address[row].tobytes(), int(told.icmp_type[row]),
                   int(told.icmp_code[row]), int(told.reply_ttl[row]), int(told.quoted_ttl[row]))]
            if told.kind[row] else []
            for row in range(len(rows))
        ]  # fmt: skip

    return _stored(Drive(targets, TraceSettings(rate_pps=2_000.0), ask).run(), targets)


def _stored(found: TraceColumns, targets: NDArray[np.uint8]) -> Traces:
    return Traces(
        address=targets,
        outcome=found.outcome.astype(np.int64),
        sent=found.sent.astype(np.int64),
        joined_ttl=np.where(found.joined_ttl == 0, -1, found.joined_ttl.astype(np.int64)),
        distance=np.where(found.distance == 0, -1, found.distance.astype(np.int64)),
        at_us=found.at_us,
        hop_target=found.hop_target.astype(np.int64),
        hop_ttl=found.hop_ttl.astype(np.int64),
        hop_address=found.hop_address,
        hop_rtt_us=found.hop_rtt_us.astype(np.int64),
        hop_icmp_type=found.hop_icmp_type.astype(np.int64),
        hop_at_us=found.hop_at_us,
    )
