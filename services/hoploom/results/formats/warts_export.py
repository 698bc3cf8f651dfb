"""Results as warts. Pure.

A campaign is a list, a worker's pass over it a cycle. What warts has no place for is left out: duplicates, and hops
that another path of the pass has (the path begins at its `first_ttl` instead). A row of pings keeps the mean and the
extremes of its RTTs, not each, so that a ping of several replies gets RTTs of the same mean and extremes. An ICMP error
is written where nothing else answered: scamper's statistics count it as a reply.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import BinaryIO, Final

from hoploom.results.formats import warts_records as warts
from hoploom.results.formats.warts import to_bytes
from hoploom.results.formats.warts_records import CycleStart, CycleStop, Hop, List, Ping, Record, Reply, Trace
from hoploom.results.rows import BatchHead, Group, HopRow, PingRow, TraceRow
from hoploom.wire import batch, traces

_US_PER_S: Final = 1_000_000
_ECHO_REPLIES: Final = {4: 0, 6: 129}
"""Type of the ICMP message (RFC 792) and of the ICMPv6 message (RFC 4443) that answers a ping."""
_NO_SOURCE: Final = {4: "0.0.0.0", 6: "::"}
"""Results do not say from which address a worker probed, and scamper reads no ping without one."""
_STOP_REASONS: Final = {
    traces.REACHED: warts.COMPLETED,
    traces.GAP: warts.GAP_LIMIT,
    traces.UNREACHABLE: warts.UNREACHABLE,
    traces.LOOP: warts.LOOP,
    traces.FAILED: warts.ERROR,
}
"""By the outcome of a traceroute."""
_METHODS: Final = {"icmp": warts.ICMP_PARIS, "udp": warts.UDP_PARIS, "": warts.ICMP_PARIS}


def write(groups: Iterable[Group], out: BinaryIO) -> None:
    """Write a file.

    Args:
        groups: Batches with their rows.
        out: Gets the bytes.
    """
    for record in records(groups):
        out.write(to_bytes(record))


def records(groups: Iterable[Group]) -> Iterator[Record]:
    """Batches with their rows as the records of one file, in its order."""
    lists: dict[str, int] = {}
    cycles: dict[tuple[str, str, int], int] = {}
    latest_s = 0
    for head, rows, protocol in groups:
        pass_ = (head.campaign, head.worker, head.round)
        if head.campaign not in lists:
            lists[head.campaign] = len(lists) + 1
            yield List(lists[head.campaign], head.campaign)
        if pass_ not in cycles:
            cycles[pass_] = len(cycles) + 1
            start_s = _seconds(head.moment_us(0))
            yield CycleStart(cycles[pass_], lists[head.campaign], start_s, head.worker, head.round)
        latest_s = max(latest_s, _seconds(head.received_at_us))
        for row in rows:
            made = _trace(head, row, protocol) if isinstance(row, TraceRow) else _ping(head, row)
            yield replace(made, list_id=lists[head.campaign], cycle_id=cycles[pass_])
    for cycle in cycles.values():
        yield CycleStop(cycle, latest_s)


def _seconds(at_us: int) -> int:
    # The format's moments are of 1970 to 2106; a worker's clock may say anything.
    return min(max(at_us // _US_PER_S, 0), 2**32 - 1)


def _ping(head: BatchHead, row: PingRow) -> Ping:
    return Ping(
        target=row.address,
        start_us=head.moment_us(row.at_ms),
        sent=row.sent,
        replies=tuple(_replies(head, row)),
        source=_NO_SOURCE[head.family],
        stop_reason=warts.PING_ERROR if row.outcome == batch.FAILED else warts.PING_COMPLETED,
    )


def _replies(head: BatchHead, row: PingRow) -> Iterator[Reply]:
    sent_us = head.moment_us(row.at_ms)
    for probe, rtt_us in enumerate(_rtts(row)):
        yield Reply(address=row.address, rtt_us=rtt_us, probe=probe, reply_ttl=row.reply_ttl,
                    icmp_type=_ECHO_REPLIES[head.family], icmp_code=0, sent_us=sent_us)  # fmt: skip
    if row.icmp_type is not None and row.icmp_from and not row.received:
        yield Reply(address=row.icmp_from, rtt_us=None, icmp_type=row.icmp_type, icmp_code=row.icmp_code,
                    sent_us=sent_us)  # fmt: skip


def _rtts(row: PingRow) -> Sequence[int]:
    """As many RTTs as replies, with the row's mean, smallest and largest to the microsecond of rounding."""
    mean, least, most = row.rtt_us, row.rtt_min_us, row.rtt_max_us
    if mean is None or least is None or most is None:
        return ()
    between = row.received - 2
    if between < 0:
        return (mean,) * row.received
    rest = mean * row.received - least - most
    inner = [rest // between + (place < rest % between) for place in range(between)] if between else []
    return (least, *(min(max(each, least), most) for each in inner), most)


def _trace(head: BatchHead, row: TraceRow, protocol: str) -> Trace:
    heard = [hop for hop in row.hops if hop.hop is not None]
    blocked = row.outcome == traces.UNREACHABLE and heard
    return Trace(
        target=row.address,
        start_us=head.moment_us(row.at_ms),
        hops=tuple(_hop(head, hop) for hop in heard),
        source=_NO_SOURCE[head.family],
        stop_reason=_STOP_REASONS[row.outcome],
        stop_data=(heard[-1].icmp_code or 0) if blocked else 0,
        # scamper's JSON leaves out whatever is before the first TTL.
        first_ttl=min([row.joined_ttl or 1, *(hop.ttl for hop in heard)]),
        probed_hops=max((hop.ttl for hop in row.hops), default=0),
        sent=row.sent,
        method=_METHODS[protocol],
    )


def _hop(head: BatchHead, hop: HopRow) -> Hop:
    return Hop(
        ttl=hop.ttl,
        address=hop.hop or "",
        rtt_us=hop.rtt_us or 0,
        reply_ttl=hop.reply_ttl,
        quoted_ttl=hop.quoted_ttl,
        icmp_type=hop.icmp_type,
        icmp_code=hop.icmp_code,
        labels=tuple(map(_entry, (hop.mpls or "").split())),
        sent_us=head.moment_us(hop.at_ms),
    )


def _entry(label: str) -> int:
    number, kind, bottom, ttl = map(int, label.split(":"))
    return number << 12 | kind << 9 | bottom << 8 | ttl
