"""The columns of a trace as one path a target, for whoever prints them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from hoploom.prober.traces import TraceColumns
from hoploom.wire.addresses import texts

_LABEL_SHIFT, _CLASS_SHIFT, _BOTTOM_SHIFT = 12, 9, 8
_CLASS_MASK, _TTL_MASK = 7, 255
_US = 1_000_000


class Label(NamedTuple):
    """An MPLS label stack entry (RFC 3032, RFC 5462)."""

    label: int
    traffic_class: int
    is_bottom: bool
    ttl: int


class Hop(NamedTuple):
    """An answer, or a silence between answers.

    Attributes:
        ttl: Of the probe.
        address: Who answered; empty for a silent hop.
        rtt_us: -1 for a silent hop.
        reply_ttl: TTL of the answer, -1 where unknown.
        quoted_ttl: TTL of the quoted probe, -1 where nothing is quoted.
        icmp_type: Of the answer, -1 for a silent hop.
        icmp_code: Its code.
        at_s: When the probe was sent, seconds since 1970.
        labels: What the probe carried when it got there, from the top.
    """

    ttl: int
    address: str
    rtt_us: int
    reply_ttl: int
    quoted_ttl: int
    icmp_type: int
    icmp_code: int
    at_s: float
    labels: tuple[Label, ...]


class Path(NamedTuple):
    """What is known of the way to one target.

    Attributes:
        target: What the person wrote.
        address: Its address.
        outcome: Number of an outcome in `prober.traces`.
        sent: Packets for it.
        joined_ttl: TTL where it meets a known path, 0 where it is whole.
        distance: TTL that reaches the target, 0 where unknown.
        at_s: When its first probe was sent, seconds since 1970.
        hops: In the order of their TTLs.
    """

    target: str
    address: str
    outcome: int
    sent: int
    joined_ttl: int
    distance: int
    at_s: float
    hops: tuple[Hop, ...]


def paths(columns: TraceColumns, targets: Sequence[tuple[str, str]]) -> Iterator[Path]:
    """One path a row.

    Args:
        columns: Of a trace.
        targets: What was written and the address of each; those of a trace that was stopped may be more than its rows.
    """
    hops = list(_hops(columns))
    starts = np.searchsorted(columns.hop_target, np.arange(len(columns) + 1)).tolist()
    heads = (columns.outcome, columns.sent, columns.joined_ttl, columns.distance, columns.at_us)
    rows = zip(*(each.tolist() for each in heads), strict=True)
    for row, (outcome, sent, joined, distance, at_us) in enumerate(rows):
        target, address = targets[row]
        at_s = (columns.started_at_us + at_us) / _US
        yield Path(target, address, outcome, sent, joined, distance, at_s, tuple(hops[starts[row] : starts[row + 1]]))


def _hops(columns: TraceColumns) -> Iterator[Hop]:
    labels: dict[int, list[Label]] = {}
    for hop, entry in zip(columns.mpls_hop.tolist(), columns.mpls_entry.tolist(), strict=True):
        labels.setdefault(hop, []).append(label(entry))
    numbers = (columns.hop_ttl, columns.hop_rtt_us, columns.hop_reply_ttl, columns.hop_quoted_ttl,
               columns.hop_icmp_type, columns.hop_icmp_code, columns.hop_at_us)  # fmt: skip
    rows = zip(texts(columns.hop_address), *(each.tolist() for each in numbers), strict=True)
    for number, (address, ttl, rtt_us, reply_ttl, quoted_ttl, icmp_type, icmp_code, at_us) in enumerate(rows):
        at_s = (columns.started_at_us + at_us) / _US
        stack = tuple(labels.get(number, ()))
        yield Hop(ttl, address, rtt_us, reply_ttl, quoted_ttl, icmp_type, icmp_code, at_s, stack)


def label(entry: int) -> Label:
    """A label stack entry taken apart."""
    bottom = bool(entry >> _BOTTOM_SHIFT & 1)
    return Label(entry >> _LABEL_SHIFT, entry >> _CLASS_SHIFT & _CLASS_MASK, bottom, entry & _TTL_MASK)
