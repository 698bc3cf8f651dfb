"""What the machine of a trace asks to be sent, and what it is told. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Probes(NamedTuple):
    """Probes to send.

    Attributes:
        target: (k,) int32: row of the target.
        ttl: (k,) uint8.
    """

    target: NDArray[np.int32]
    ttl: NDArray[np.uint8]


@dataclass(frozen=True, eq=False, kw_only=True)
class Answers:
    """Answers to probes, in the order in which they came; who tells of them has checked whose they are.

    Attributes:
        target: (k,) int32: row of the target.
        ttl: (k,) uint8: TTL of the probe.
        address: (k, 16) uint8: who answered.
        icmp_type: (k,) int16.
        icmp_code: (k,) int16.
        rtt_us: (k,) int32.
        reply_ttl: (k,) int16: TTL of the answer, -1 where unknown.
        quoted_ttl: (k,) int16: TTL of the quoted probe, -1 where nothing is quoted.
        at_us: (k,) int64: when the probe was sent, microseconds after the trace began.
        mpls_row: (m,) int32: which of these answers quotes the label.
        mpls_entry: (m,) uint32: label stack entries.
    """

    target: NDArray[np.int32]
    ttl: NDArray[np.uint8]
    address: NDArray[np.uint8]
    icmp_type: NDArray[np.int16]
    icmp_code: NDArray[np.int16]
    rtt_us: NDArray[np.int32]
    reply_ttl: NDArray[np.int16]
    quoted_ttl: NDArray[np.int16]
    at_us: NDArray[np.int64]
    mpls_row: NDArray[np.int32]
    mpls_entry: NDArray[np.uint32]


def joined(several: Sequence[Answers]) -> Answers:
    """Answers one after the other as one."""
    columns = {each.name: np.concatenate([getattr(part, each.name) for part in several]) for each in fields(Answers)}
    starts = np.cumsum([0, *(len(part.target) for part in several[:-1])])
    columns["mpls_row"] += np.repeat(starts, [len(part.mpls_row) for part in several]).astype(np.int32)
    return Answers(**columns)
