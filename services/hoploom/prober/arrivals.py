"""What came in, read as columns: echo replies, and ICMP errors that quote an echo request or a UDP datagram. Pure.

Nothing that arrives is trusted: what is short, odd or about something else has no row, whatever its bytes are. Whether
a row is about a probe of ours is for the caller to say, by identifier, sequence number, address and cookie.

Whole echo replies, which are nearly all of what a ping gets, are read in slices of the array; everything else by
windows at places of their own.

Sources: RFC 792, RFC 4443 (messages), RFC 768 (UDP), RFC 4884 and RFC 4950 (what routers append).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from hoploom.prober import extensions, quotes
from hoploom.prober.packets import COOKIE_BYTES, DIALECTS, HEADER_BYTES
from hoploom.prober.port import OWN, Messages
from hoploom.prober.windows import Bytes, Places, window, words
from hoploom.targets.notation import IPV4, IPV6
from hoploom.wire.addresses import is_mapped

ICMP = {IPV4: 1, IPV6: 58}
"""IANA protocol numbers of a family's ICMP."""
UDP = 17
_PLAIN_HEADER = 0x45
"""First byte of an IPv4 header of 20 bytes."""
_TTL_AT = 8
_LENGTH_FIELD = {IPV4: (5, 4), IPV6: (4, 8)}
"""RFC 4884 section 4: the byte with the quote's length, and its unit in bytes."""
_HAS_LENGTH = {IPV4: np.isin(np.arange(256), (3, 11, 12)), IPV6: np.isin(np.arange(256), (1, 3))}
"""By type: whether that byte has this meaning."""
_IS_ERROR = {family: np.isin(np.arange(256), list(dialect.errors)) for family, dialect in DIALECTS.items()}


@dataclass(frozen=True, eq=False, kw_only=True)
class Arrivals:
    """Messages about probes, in the order in which they were read; nothing is shared with the port's buffers.

    Attributes:
        source_row: (n,) int32: row of `Messages`.
        is_reply: (n,) bool: an echo reply; else an ICMP error.
        protocol: (n,) uint8: of the probe that it is about: 1 or 58 for an echo request, 17 for UDP.
        icmp_type: (n,) int16: type of the message.
        icmp_code: (n,) int16: its code.
        ident: (n,) uint16: identifier of the echo; source port of a UDP datagram.
        sequence: (n,) uint16: sequence number of the echo; length field of a UDP datagram.
        about: (n, 16) uint8: where the probe must have gone: sender of a reply, quoted destination of an error.
        sender: (n, 16) uint8: who sent the message.
        cookie: (n, 8) uint8: the probe's cookie as far as it came back, zeros behind.
        cookie_bytes: (n,) uint8: how many of the 8 came back. Zeros at the end of a quoted cookie do not count:
            routers fill short quotes up with them.
        ttl: (n,) int16: TTL or hop limit of the message, -1 where unknown.
        quoted_ttl: (n,) int16: TTL or hop limit of the probe where it was quoted, -1 where nothing says it.
        stamp_ns: (n,) int64: as in `Messages`.
        payload_bytes: (n,) int32: bytes behind an echo reply's ICMP header, 0 for errors.
        mpls_row: (m,) int32: row (of these columns) whose message has the label, ascending.
        mpls_entry: (m,) uint32: label stack entries from the top (label 20 bits, class 3, bottom 1, TTL 8).
    """

    source_row: NDArray[np.int32]
    is_reply: NDArray[np.bool_]
    protocol: NDArray[np.uint8]
    icmp_type: NDArray[np.int16]
    icmp_code: NDArray[np.int16]
    ident: NDArray[np.uint16]
    sequence: NDArray[np.uint16]
    about: NDArray[np.uint8]
    sender: NDArray[np.uint8]
    cookie: NDArray[np.uint8]
    cookie_bytes: NDArray[np.uint8]
    ttl: NDArray[np.int16]
    quoted_ttl: NDArray[np.int16]
    stamp_ns: NDArray[np.int64]
    payload_bytes: NDArray[np.int32]
    mpls_row: NDArray[np.int32]
    mpls_entry: NDArray[np.uint32]

    def __len__(self) -> int:
        """Number of messages about probes."""
        return len(self.source_row)


def parse(messages: Messages, family: int, *, has_header: bool, cookie_at: int) -> Arrivals:
    """Read messages.

    Args:
        messages: What a port read; any bytes at all. A `length` beyond the width of `data` says that the rest was cut
            off: it counts in `payload_bytes` alone.
        family: 4 or 6.
        has_header: Whether messages that are not of the error queue begin with an IPv4 header.
        cookie_at: Where in a probe's payload the cookie stands.

    Returns:
        Those that are about an echo request or a UDP datagram.
    """
    head = quotes.HEADER[IPV4] if has_header else 0
    is_plain = _are_plain(messages, DIALECTS[family].reply, head, head + HEADER_BYTES + cookie_at + COOKIE_BYTES)
    if len(messages) and is_plain.all():
        return _plain(messages, slice(None), family, head, cookie_at)
    rows, others = np.flatnonzero(is_plain), np.flatnonzero(~is_plain)
    read = _others(messages, others, family, head, cookie_at)
    return _merged(_plain(messages, rows, family, head, cookie_at), read) if len(rows) else read


def _are_plain(messages: Messages, reply: int, head: int, whole: int) -> NDArray[np.bool_]:
    """Which are echo replies behind a header of the usual length, their cookies whole."""
    data = messages.data
    if data.shape[1] < whole:
        return np.zeros(len(messages), np.bool_)
    is_plain: NDArray[np.bool_] = (data[:, head] == reply) & (messages.icmp_type == OWN)
    is_plain &= messages.length >= whole
    if head:
        is_plain &= data[:, 0] == _PLAIN_HEADER
    return is_plain


def _plain(messages: Messages, rows: slice | NDArray[np.intp], family: int, head: int, cookie_at: int) -> Arrivals:
    """Read echo replies that `_are_plain`."""
    start = head + HEADER_BYTES + cookie_at
    data = messages.data[:, : start + COOKIE_BYTES][rows]
    count = len(data)
    numbers = words(data[:, head + 4 : head + HEADER_BYTES])
    sender = messages.sender[rows].copy()
    return Arrivals(
        source_row=np.arange(len(messages), dtype=np.int32)[rows],
        is_reply=np.ones(count, np.bool_),
        protocol=np.full(count, ICMP[family], np.uint8),
        icmp_type=np.full(count, DIALECTS[family].reply, np.int16),
        icmp_code=data[:, head + 1].astype(np.int16),
        ident=numbers[:, 0],
        sequence=numbers[:, 1],
        about=sender,
        sender=sender,
        cookie=data[:, start:].copy(),
        cookie_bytes=np.full(count, COOKIE_BYTES, np.uint8),
        ttl=data[:, _TTL_AT].astype(np.int16) if head else messages.ttl[rows].copy(),
        quoted_ttl=np.full(count, -1, np.int16),
        stamp_ns=messages.stamp_ns[rows].copy(),
        payload_bytes=messages.length[rows] - np.int32(head + HEADER_BYTES),
        mpls_row=np.empty(0, np.int32),
        mpls_entry=np.empty(0, np.uint32),
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class _Rows:
    """Messages whose parts stand at places of their own.

    Attributes:
        data: (k, w) bytes.
        start: (k,) where the ICMP message begins.
        end: (k,) where the row ends.
        icmp_type: (k,) type of the message.
        icmp_code: (k,) its code.
        is_queued: (k,) whether it came by the error queue: the row is the quoted ICMP message.
        is_reply: (k,) whether it is an echo reply.
        is_error: (k,) whether it is an error.
    """

    data: Bytes
    start: Places
    end: Places
    icmp_type: NDArray[np.int16]
    icmp_code: NDArray[np.int16]
    is_queued: NDArray[np.bool_]
    is_reply: NDArray[np.bool_]
    is_error: NDArray[np.bool_]


def _rows(messages: Messages, rows: NDArray[np.intp], family: int, *, has_header: bool) -> _Rows:
    end = messages.length[rows].clip(0, messages.data.shape[1]).astype(np.int64)
    data = messages.data[rows, : end.max(initial=0)]
    is_queued, start = messages.icmp_type[rows] != OWN, np.zeros(len(rows), np.int64)
    if has_header:
        size = (window(data, start, 1, end)[:, 0] & 15).astype(np.int64) * 4
        end = np.where(is_queued | (size >= quotes.HEADER[IPV4]), end, 0)
        start = np.where(is_queued, 0, size)
    head = window(data, start, 2, end).astype(np.int16)
    kind = np.where(is_queued, messages.icmp_type[rows] & 255, head[:, 0])
    return _Rows(
        data=data,
        start=start,
        end=end,
        icmp_type=kind,
        icmp_code=np.where(is_queued, messages.icmp_code[rows], head[:, 1]),
        is_queued=is_queued,
        is_reply=~is_queued & (kind == DIALECTS[family].reply),
        is_error=_IS_ERROR[family][kind],
    )


def _probes(found: _Rows, about: Bytes, family: int) -> quotes.Quote:
    """Echo or UDP headers: in the quote of an error, in the row itself where it is a reply or came by the queue."""
    quote = quotes.locate(found.data, found.start + HEADER_BYTES, found.end, family)
    is_here = found.is_queued | found.is_reply
    return quotes.Quote(
        transport=np.where(is_here, found.start, quote.transport),
        protocol=np.where(is_here, np.uint8(ICMP[family]), quote.protocol),
        about=np.where(is_here[:, None], about, quote.about),
        ttl=np.where(is_here, np.int16(-1), quote.ttl),
    )


def _stacks(found: _Rows, family: int) -> tuple[Places, extensions.Stacks]:
    """Where the quotes end, and the label stacks that are appended to them."""
    field, unit = _LENGTH_FIELD[family]
    length = window(found.data, found.start + field, 1, found.end)[:, 0].astype(np.int64) * unit
    length *= ~found.is_queued & _HAS_LENGTH[family][found.icmp_type]
    before = np.where(found.is_queued, -quotes.HEADER[family], found.start + HEADER_BYTES)
    at = before + np.where(length, length, extensions.OLDER_AT)
    stacks = extensions.read(found.data, np.where(found.is_error, at, found.end), found.end, length > 0)
    return np.where(stacks.is_valid, at, found.end), stacks


def _cookies(found: _Rows, at: Places, end: Places) -> tuple[Bytes, NDArray[np.uint8]]:
    """Cookies, and how many bytes of each came back."""
    cookie = window(found.data, at, COOKIE_BYTES, end)
    count = np.minimum(end - at, COOKIE_BYTES).clip(0)
    said = np.where(cookie != 0, np.arange(1, COOKIE_BYTES + 1), 0).max(axis=1)
    return cookie, np.where(found.is_reply, count, said).astype(np.uint8)


def _others(messages: Messages, rows: NDArray[np.intp], family: int, head: int, cookie_at: int) -> Arrivals:
    """Read what has to be searched for: errors, replies with IP options, cut replies; drop all that is neither."""
    found = _rows(messages, rows, family, has_header=head > 0)
    sender = messages.sender[rows]
    probe = _probes(found, np.where(found.is_queued[:, None], messages.about[rows], sender), family)
    end, stacks = _stacks(found, family)
    header = window(found.data, probe.transport, HEADER_BYTES, end)
    numbers, is_udp = words(header), probe.protocol == UDP
    is_request = (probe.protocol == ICMP[family]) & (header[:, 0] == DIALECTS[family].request)
    is_kept = found.is_reply | (found.is_error & (is_udp | is_request))
    is_kept &= (probe.transport + HEADER_BYTES <= end) & ~_is_nobody(sender, family)
    kept = np.flatnonzero(is_kept)
    cookie, cookie_bytes = _cookies(found, probe.transport + HEADER_BYTES + cookie_at, end)
    ttl = window(found.data, np.full(len(rows), _TTL_AT), 1, found.end)[:, 0].astype(np.int16)
    payload = (messages.length[rows] - found.start - HEADER_BYTES) * found.is_reply
    is_labelled = is_kept[stacks.row]
    return Arrivals(
        source_row=rows[kept].astype(np.int32),
        is_reply=found.is_reply[kept],
        protocol=probe.protocol[kept],
        icmp_type=found.icmp_type[kept],
        icmp_code=found.icmp_code[kept],
        ident=np.where(is_udp, numbers[:, 0], numbers[:, 2])[kept],
        sequence=np.where(is_udp, numbers[:, 2], numbers[:, 3])[kept],
        about=probe.about[kept],
        sender=sender[kept],
        cookie=cookie[kept],
        cookie_bytes=cookie_bytes[kept],
        ttl=np.where(found.is_queued | (head == 0), messages.ttl[rows], ttl)[kept],
        quoted_ttl=probe.ttl[kept],
        stamp_ns=messages.stamp_ns[rows[kept]],
        payload_bytes=payload[kept].astype(np.int32),
        mpls_row=(np.cumsum(is_kept) - 1)[stacks.row[is_labelled]].astype(np.int32),
        mpls_entry=stacks.entry[is_labelled],
    )


def _is_nobody(sender: Bytes, family: int) -> NDArray[np.bool_]:
    """Which senders are no address that a path of IPv6 can lead to: none at all, or IPv4; anybody can write them."""
    if family == IPV4:
        return np.zeros(len(sender), np.bool_)
    found: NDArray[np.bool_] = ~sender.any(axis=1) | is_mapped(sender)
    return found


def _merged(plain: Arrivals, others: Arrivals) -> Arrivals:
    """Both in the order in which they were read; plain replies have no labels."""
    order = np.argsort(np.concatenate((plain.source_row, others.source_row)))
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    columns = {
        each.name: np.concatenate((getattr(plain, each.name), getattr(others, each.name)))[order]
        for each in fields(Arrivals)
        if not each.name.startswith("mpls_")
    }
    return Arrivals(**columns, mpls_row=place[len(plain) + others.mpls_row], mpls_entry=others.mpls_entry)
