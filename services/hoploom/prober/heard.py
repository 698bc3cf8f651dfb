"""What a ping tells while it runs, as rows of `Heard`. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hoploom.prober.matching import Answers
from hoploom.prober.probes import DUPLICATE, ICMP_ERROR, REPLY, TIMED_OUT, UNSENT, Heard
from hoploom.wire.addresses import WIDTH
from hoploom.wire.columns import NONE


def answers(found: Answers, targets: int) -> Heard:
    """Replies, or errors.

    Args:
        found: What came.
        targets: Number of targets; probe p is request p // targets to target p % targets.
    """
    arrivals, rows, count = found.arrivals, found.rows, len(found.probes)
    none = np.full(count, NONE, np.int16)
    kinds = np.where(found.is_first, REPLY, DUPLICATE) if found.is_reply else np.full(count, ICMP_ERROR)
    return Heard(
        kind=kinds.astype(np.uint8),
        target=(found.probes % targets).astype(np.int32),
        request=(found.probes // targets).astype(np.uint16),
        rtt_ns=found.rtt_ns if found.is_reply else np.full(count, NONE, np.int64),
        ttl=arrivals.ttl[rows],
        size_bytes=arrivals.payload_bytes[rows],
        icmp_type=none if found.is_reply else arrivals.icmp_type[rows],
        icmp_code=none if found.is_reply else arrivals.icmp_code[rows],
        sender=arrivals.sender[rows],
        at_ns=np.full(count, found.at_ns, np.int64),
        error=np.zeros(count, np.int16),
    )


def lost(probes: NDArray[np.int64], targets: int, now_ns: int) -> Heard:
    """Requests that timed out."""
    return _silent(TIMED_OUT, probes, targets, now_ns, np.zeros(len(probes), np.int16))


def unsent(probes: NDArray[np.int64], targets: int, now_ns: int, errors: NDArray[np.int16]) -> Heard:
    """Requests that the system refused to send, and its error numbers."""
    return _silent(UNSENT, probes, targets, now_ns, errors)


def _silent(
    kind: int, probes: NDArray[np.int64], targets: int, now_ns: int, errors: NDArray[np.int16]
) -> Heard:
    count = len(probes)
    none = np.full(count, NONE, np.int16)
    return Heard(
        kind=np.full(count, kind, np.uint8),
        target=(probes % targets).astype(np.int32),
        request=(probes // targets).astype(np.uint16),
        rtt_ns=np.full(count, NONE, np.int64),
        ttl=none,
        size_bytes=np.zeros(count, np.int32),
        icmp_type=none,
        icmp_code=none,
        sender=np.zeros((count, WIDTH), np.uint8),
        at_ns=np.full(count, now_ns, np.int64),
        error=errors,
    )
