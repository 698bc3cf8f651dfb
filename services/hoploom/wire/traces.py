"""Rows of a batch of traceroutes: a row a target, a row a hop, a row an MPLS label; they mirror the prober's. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hoploom.wire import addresses
from hoploom.wire.columns import (
    ADDRESS,
    MAX_RTT_US,
    NONE,
    Frame,
    Rows,
    Table,
    byte_rules,
    has_none,
    outside,
    repeated,
    repeated_addresses,
    time_rule,
)

REACHED, GAP, UNREACHABLE, LOOP, FAILED = range(5)
OUTCOMES = ("reached", "gap", "unreachable", "loop", "failed")
"""Names of the values of `outcome`: why the probing of a path ended."""

MAX_TTL: Final = 64
"""Twice the longest paths of the internet."""
MAX_TARGETS: Final = 16_384
MAX_HOPS: Final = 32 * MAX_TARGETS
"""As many as targets at the usual largest TTL can have, and 21 MB unpacked."""
MAX_LABELS: Final = MAX_HOPS // 2
LABELS_A_HOP: Final = 16
"""Stacks of routers have a few; what a stranger's message quotes beyond is noise."""
_MIN_TTL: Final = 1
_IPV4: Final = 4


@dataclass(frozen=True, eq=False, kw_only=True)
class Traces(Rows):
    """Traceroutes: a row a target (n), a row a hop (h), a row an MPLS label (m).

    Hops are ordered by target, then by TTL; a TTL that was probed in vain between others has a row without address.

    Attributes:
        position: (n,) int64: place of the target in the campaign's order.
        address: (n, 16) uint8: the target, IPv4 mapped.
        outcome: (n,) uint8: index into `OUTCOMES`.
        sent: (n,) uint16: packets for it that left.
        joined_ttl: (n,) uint8: TTL below which the path is in other paths of the worker's pass, 0 where it is whole.
        distance: (n,) uint8: TTL that reached the target, 0 where unknown.
        at_us: (n,) int64: first send, microseconds after the batch's start on the worker's monotonic clock.
        hop_target: (h,) int32: row of its target.
        hop_ttl: (h,) uint8: TTL of the probe.
        hop_address: (h, 16) uint8: who answered, zeros for a silent hop.
        hop_rtt_us: (h,) int32: -1 for a silent hop.
        hop_reply_ttl: (h,) int16: TTL of the answer, -1 where unknown.
        hop_quoted_ttl: (h,) int16: TTL of the quoted probe as it arrived there, -1 where nothing is quoted.
        hop_icmp_type: (h,) int16: -1 for a silent hop.
        hop_icmp_code: (h,) int16: -1 for a silent hop.
        hop_at_us: (h,) int64: when the probe was sent, as `at_us`.
        mpls_hop: (m,) int32: row of the hop that quoted the label.
        mpls_entry: (m,) uint32: label stack entries from the top (RFC 3032: label 20 bits, class 3, bottom 1, TTL 8).
    """

    position: NDArray[np.int64]
    address: NDArray[np.uint8]
    outcome: NDArray[np.uint8]
    sent: NDArray[np.uint16]
    joined_ttl: NDArray[np.uint8]
    distance: NDArray[np.uint8]
    at_us: NDArray[np.int64]
    hop_target: NDArray[np.int32]
    hop_ttl: NDArray[np.uint8]
    hop_address: NDArray[np.uint8]
    hop_rtt_us: NDArray[np.int32]
    hop_reply_ttl: NDArray[np.int16]
    hop_quoted_ttl: NDArray[np.int16]
    hop_icmp_type: NDArray[np.int16]
    hop_icmp_code: NDArray[np.int16]
    hop_at_us: NDArray[np.int64]
    mpls_hop: NDArray[np.int32]
    mpls_entry: NDArray[np.uint32]


def most_targets(max_ttl: int) -> int:
    """How many targets a batch has room for, whatever their paths turn out to be."""
    return min(MAX_TARGETS, MAX_HOPS // max_ttl)


def surplus(mpls_hop: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which labels are more than a hop may have.

    Args:
        mpls_hop: (m,) row of the hop of each label, ascending.
    """
    found = np.zeros(len(mpls_hop), np.bool_)
    found[LABELS_A_HOP:] = mpls_hop[LABELS_A_HOP:] == mpls_hop[:-LABELS_A_HOP]
    return found


def _silent(rows: Traces) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = np.logical_not(rows.hop_address.any(axis=1))
    return found


def _has_answer(rows: Traces) -> NDArray[np.bool_]:
    columns = (rows.hop_rtt_us, rows.hop_reply_ttl, rows.hop_quoted_ttl, rows.hop_icmp_type, rows.hop_icmp_code)
    found: NDArray[np.bool_] = (np.stack(columns) != NONE).any(axis=0)
    return found


def _lacks_message(rows: Traces) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (rows.hop_icmp_type == NONE) | (rows.hop_icmp_code == NONE)
    return found


def _is_foreign(rows: Traces, frame: Frame) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (addresses.is_mapped(rows.hop_address) != (frame.family == _IPV4)) & ~_silent(rows)
    return found


def _unsorted(rows: Traces, _: Frame) -> NDArray[np.bool_]:
    keys = rows.hop_target.astype(np.int64) * (MAX_TTL + 1) + rows.hop_ttl
    found: NDArray[np.bool_] = np.diff(keys, prepend=-1) <= 0
    return found


_TARGETS = Table(
    row="row",
    most=MAX_TARGETS,
    columns={
        "position": "<i8",
        "address": ADDRESS,
        "outcome": "u1",
        "sent": "<u2",
        "joined_ttl": "u1",
        "distance": "u1",
        "at_us": "<i8",
    },
    rules={
        "it has no address": lambda t, _: has_none(t.address),
        "its position is outside the batch's [start, stop)": lambda t, f: outside(t.position, f.start, f.stop - 1),
        "its position appears twice": lambda t, _: repeated(t.position),
        # A row is found by its batch and its address alone.
        "its address appears twice": lambda t, _: repeated_addresses(t.address),
        "its address is not of the batch's family": lambda t, f: addresses.is_mapped(t.address) != (f.family == _IPV4),
        "its outcome is unknown": lambda t, _: t.outcome >= len(OUTCOMES),
        "it is reached and nothing was sent": lambda t, _: (t.outcome == REACHED) & (t.sent == 0),
        f"its joined_ttl is over {MAX_TTL}": lambda t, _: t.joined_ttl > MAX_TTL,
        f"its distance is over {MAX_TTL}": lambda t, _: t.distance > MAX_TTL,
        **time_rule("at_us"),
    },
)
_HOPS = Table(
    row="hop",
    most=MAX_HOPS,
    columns={
        "hop_target": "<i4",
        "hop_ttl": "u1",
        "hop_address": ADDRESS,
        "hop_rtt_us": "<i4",
        "hop_reply_ttl": "<i2",
        "hop_quoted_ttl": "<i2",
        "hop_icmp_type": "<i2",
        "hop_icmp_code": "<i2",
        "hop_at_us": "<i8",
    },
    rules={
        "its target is no row of the batch": lambda t, _: outside(t.hop_target, 0, len(t) - 1),
        f"its ttl is not {_MIN_TTL}..{MAX_TTL}": lambda t, _: outside(t.hop_ttl, _MIN_TTL, MAX_TTL),
        "it does not follow the one before by target and TTL": _unsorted,
        "its address is not of the batch's family": _is_foreign,
        f"its RTT is not 0..{MAX_RTT_US} us": lambda t, _: ~_silent(t) & outside(t.hop_rtt_us, 0, MAX_RTT_US),
        "it has no address and yet an answer": lambda t, _: _silent(t) & _has_answer(t),
        "it answered without an ICMP type and code": lambda t, _: ~_silent(t) & _lacks_message(t),
        **byte_rules("hop_reply_ttl", "hop_quoted_ttl", "hop_icmp_type", "hop_icmp_code"),
        **time_rule("hop_at_us"),
    },
)
_LABELS = Table(
    row="label",
    most=MAX_LABELS,
    columns={"mpls_hop": "<i4", "mpls_entry": "<u4"},
    rules={
        "its hop is no hop of the batch": lambda t, _: outside(t.mpls_hop, 0, len(t.hop_ttl) - 1),
        "it does not follow the one before by hop": lambda t, _: np.diff(t.mpls_hop, prepend=0) < 0,
        "its hop is silent": lambda t, _: _silent(t)[t.mpls_hop],
        f"it is beyond the {LABELS_A_HOP} of its hop": lambda t, _: surplus(t.mpls_hop),
    },
)
Traces.tables = (_TARGETS, _HOPS, _LABELS)
