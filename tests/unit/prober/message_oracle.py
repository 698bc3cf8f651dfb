"""One message read byte by byte, as slowly as the RFCs are written: what the vectorised reader is compared with."""

from __future__ import annotations

import struct
from typing import NamedTuple

from hoploom.prober.arrivals import Arrivals, parse
from hoploom.prober.port import OWN, Messages
from unit.prober.model_router import ICMP, REPLY, REQUEST, UDP, checksum, messages, received

ERRORS = {4: (3, 11, 12), 6: (1, 2, 3, 4)}
HAS_LENGTH = {4: (3, 11, 12), 6: (1, 3)}
MAPPED = bytes(10) + b"\xff\xff"


class Row(NamedTuple):
    """A row of `Arrivals`, its labels with it."""

    is_reply: bool
    protocol: int
    icmp_type: int
    icmp_code: int
    ident: int
    sequence: int
    about: bytes
    cookie: bytes
    quoted_ttl: int
    ttl: int
    payload_bytes: int
    labels: tuple[int, ...]


class Beside(NamedTuple):
    """What a port says about a message beside its bytes; `error` is type and code of one of the error queue."""

    sender: bytes
    ttl: int
    about: bytes
    error: tuple[int, int] | None
    full_length: int


def read(data: bytes, family: int, cookie_at: int, beside: Beside, *, has_header: bool) -> Row | None:
    """What a message says, or None when it is about no probe."""
    if beside.error is not None:
        return _of_queue(data, family, cookie_at, beside)
    start, ttl = 0, beside.ttl
    if has_header:
        start = (data[0] & 15) * 4 if data else 0
        if start < 20:
            return None
        ttl = data[8] if len(data) > 8 else 0
    message = data[start:]
    if len(message) < 8:
        return None
    if message[0] == REPLY[family]:
        ident, sequence = struct.unpack("!HH", message[4:8])
        cookie = message[8 + cookie_at :][:8]
        payload = beside.full_length - start - 8
        head = (True, ICMP[family], message[0], message[1], ident, sequence)
        return Row(*head, beside.sender, cookie, -1, ttl, payload, ())
    if message[0] not in ERRORS[family]:
        return None
    quote, labels = split(message, family)
    return _about(quote, family, cookie_at, (message[0], message[1]), ttl, labels)


def split(message: bytes, family: int) -> tuple[bytes, tuple[int, ...]]:
    """Quoted packet and labels of an error."""
    length = 0
    if message[0] in HAS_LENGTH[family]:
        length = message[5] * 4 if family == 4 else message[4] * 8
    at = 8 + (length or 128)
    labels = stack(message[at:], needs_checksum=not length)
    return (message[8:], ()) if labels is None else (message[8:at], labels)


def stack(raw: bytes, *, needs_checksum: bool) -> tuple[int, ...] | None:
    """Labels of an extension structure; None when it is none."""
    if len(raw) < 4 or raw[0] >> 4 != 2:
        return None
    if checksum(raw) and (needs_checksum or raw[2:4] != b"\0\0"):
        return None
    at, found = 4, []
    for _ in range(8):
        if at + 4 > len(raw):
            break
        length, kind, subtype = struct.unpack("!HBB", raw[at : at + 4])
        if length < 4 or at + length > len(raw):
            break
        if (kind, subtype) == (1, 1):
            found += [int.from_bytes(raw[i : i + 4], "big") for i in range(at + 4, at + length - 3, 4)]
        at += length
    return tuple(found)


def _of_queue(data: bytes, family: int, cookie_at: int, beside: Beside) -> Row | None:
    assert beside.error is not None
    if beside.error[0] not in ERRORS[family]:
        return None
    at = 128 - (20 if family == 4 else 40)
    labels = stack(data[at:], needs_checksum=True)
    if labels is not None:
        data = data[:at]
    return _row(data, ICMP[family], family, cookie_at, beside.error, beside.ttl, beside.about, -1, labels or ())


def _about(
    quote: bytes, family: int, cookie_at: int, error: tuple[int, int], ttl: int, labels: tuple[int, ...]
) -> Row | None:
    if len(quote) < 20 or quote[0] >> 4 != family:
        return None
    if family == 4:
        size = (quote[0] & 15) * 4
        if size < 20:
            return None
        return _row(quote[size:], quote[9], 4, cookie_at, error, ttl, MAPPED + quote[16:20], quote[8], labels)
    if len(quote) < 40:
        return None
    protocol, rest = quote[6], quote[40:]
    for _ in range(4):
        if protocol not in (0, 43, 44, 60) or len(rest) < 2:
            break
        protocol, rest = rest[0], rest[8 if protocol == 44 else (rest[1] + 1) * 8 :]
    return _row(rest, protocol, 6, cookie_at, error, ttl, quote[24:40], quote[7], labels)


def _row(
    probe: bytes, protocol: int, family: int, cookie_at: int, error: tuple[int, int], ttl: int, about: bytes,
    quoted_ttl: int, labels: tuple[int, ...],
) -> Row | None:  # fmt: skip
    if len(probe) < 8 or (protocol != UDP and (protocol != ICMP[family] or probe[0] != REQUEST[family])):
        return None
    source_port, _, length, _ = struct.unpack("!4H", probe[:8])
    ident, sequence = (source_port, length) if protocol == UDP else struct.unpack("!HH", probe[4:8])
    cookie = probe[8 + cookie_at :][:8].rstrip(b"\0")
    return Row(False, protocol, *error, ident, sequence, about, cookie, quoted_ttl, ttl, 0, labels)


def rows(found: Arrivals) -> list[tuple[int, Row]]:
    """Columns as rows, each with its row in the messages."""
    labels: list[list[int]] = [[] for _ in range(len(found))]
    for row, entry in zip(found.mpls_row, found.mpls_entry, strict=True):
        labels[row].append(int(entry))
    return [
        (
            int(found.source_row[i]),
            Row(
                bool(found.is_reply[i]), int(found.protocol[i]), int(found.icmp_type[i]), int(found.icmp_code[i]),
                int(found.ident[i]), int(found.sequence[i]), bytes(found.about[i]),
                bytes(found.cookie[i])[: found.cookie_bytes[i]], int(found.quoted_ttl[i]), int(found.ttl[i]),
                int(found.payload_bytes[i]), tuple(labels[i]),
            ),
        )
        for i in range(len(found))
    ]  # fmt: skip


def expected(given_messages: Messages, family: int, cookie_at: int, *, has_header: bool) -> list[tuple[int, Row]]:
    """What `parse` has to find in messages."""
    found = []
    for i in range(len(given_messages)):
        m = given_messages
        kind = None if m.icmp_type[i] == OWN else (int(m.icmp_type[i]), int(m.icmp_code[i]))
        beside = Beside(bytes(m.sender[i]), int(m.ttl[i]), bytes(m.about[i]), kind, int(m.length[i]))
        data = bytes(m.data[i, : max(0, m.length[i])])
        row = read(data, family, cookie_at, beside, has_header=has_header)
        found += [] if row is None else [(i, row)]
    return found


def only(family: int, message: bytes, options: bytes = b"", cookie_at: int = 0) -> Row:
    """What `parse` finds in one message that arrives by itself."""
    found = parse(messages([received(family, message, options)]), family, has_header=family == 4, cookie_at=cookie_at)
    ((_, row),) = rows(found)
    return row
