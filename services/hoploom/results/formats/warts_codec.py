"""Records of warts from and to their bytes. Pure.

Source: warts(5), "List structure", "Cycle structure", "Traceroute structure"; a ping's fields, which it does not
describe, from files by scamper 20211212 and what its sc_wartsdump says of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from hoploom.kit.errors import ConfigError
from hoploom.results.formats.warts_fields import (
    ADDRESS,
    ADDRESSES,
    LABELS,
    MOMENT,
    NOTHING,
    PATTERN,
    TEXT,
    TIMESTAMPS,
    U8,
    U16,
    U32,
    Body,
    Cursor,
    Layout,
    Params,
    read_params,
    write_params,
)
from hoploom.results.formats.warts_records import CycleStart, CycleStop, Hop, List, Ping, Record, Reply, Trace

LIST, CYCLE_START, CYCLE_STOP, TRACE, PING = 1, 2, 4, 6, 7
"""Types of records."""
_HAS_REPLY_TTL: Final = 0x10
_IS_TCP: Final = 0x08
_REPLY_HAS_TTL: Final = 0x01
_ERRORS: Final = ({3, 11}, {1, 3})
"""Types of ICMP (RFC 792) and of ICMPv6 (RFC 4443) that say unreachable or time exceeded."""
_USUAL_QUOTED_TTL: Final = 1
"""scamper writes the TTL in what such a message quotes only where it is another."""
_CODE_BITS: Final = 8

_LIST: Final = Layout(description=TEXT, monitor=TEXT)
_CYCLE: Final = Layout(stop_s=U32, hostname=TEXT)
_TRACE: Final = Layout(
    list=U32, cycle=U32, source_id=U32, target_id=U32, start_us=MOMENT, stop_reason=U8,
    stop_data=U8, flags=U8, attempts=U8, hop_limit=U8, method=U8, probe_size=U16, source_port=U16,
    target_port=U16, first_ttl=U8, tos=U8, wait_s=U8, loops=U8, probed_hops=U16, gap_limit=U8,
    gap_action=U8, loop_action=U8, sent=U16, probe_wait=U8, confidence=U8, source=ADDRESS,
    target=ADDRESS, user=U32, offset=U16, router=ADDRESS,
)  # fmt: skip
_HOP: Final = Layout(
    address_id=U32, ttl=U8, reply_ttl=U8, flags=U8, attempt=U8, rtt_us=U32, icmp=U16,
    probe_size=U16, reply_size=U16, ip_id=U16, tos=U8, next_mtu=U16, quoted_length=U16,
    quoted_ttl=U8, tcp_flags=U8, quoted_tos=U8, labels=LABELS, address=ADDRESS, sent_us=MOMENT,
)  # fmt: skip
_PING: Final = Layout(
    list=U32, cycle=U32, source_id=U32, target_id=U32, start_us=MOMENT, stop_reason=U8,
    stop_data=U8, pattern=PATTERN, pattern_bytes=NOTHING, count=U16, probe_size=U16, wait_s=U8,
    ttl=U8, reply_limit=U16, sent=U16, method=U8, source_port=U16, target_port=U16, user=U32,
    source=ADDRESS, target=ADDRESS, flags=U8, tos=U8, timestamps=ADDRESSES, checksum=U16,
    reply_mtu=U16, timeout_s=U8, wait_us=U32, tcp_ack=U32, more_flags=U32, tcp_seq=U32,
    router=ADDRESS,
)  # fmt: skip
_REPLY: Final = Layout(
    address_id=U32, flags=U8, reply_ttl=U8, reply_size=U16, icmp=U16, rtt_us=U32, probe=U16,
    reply_ip_id=U16, probe_ip_id=U16, protocol=U8, tcp_flags=U8, address=ADDRESS, route=ADDRESSES,
    timestamps=TIMESTAMPS, reply_ip_id_32=U32, sent_us=MOMENT,
)  # fmt: skip


def encode(record: Record) -> tuple[int, bytes]:
    """Type and body of a record.

    Args:
        record: Its numbers within what their fields hold: ports and counts 16 bits, RTTs 32; a moment outside 1970
            to 2106 becomes the nearer of the two.
    """
    kind, write = _WRITERS[type(record)]
    body = Body()
    write(body, record)
    return kind, bytes(body.data)


def is_known(kind: int) -> bool:
    """Whether records of this type are read here."""
    return kind in _READERS


def decode(kind: int, data: bytes) -> Record:
    """A record of its type, which is known, and its body.

    Raises:
        ConfigError: The body is none of this type.
    """
    return _READERS[kind](Cursor(data))


def _write_list(body: Body, record: List) -> None:
    body.number(record.list_id, 4)
    body.number(0, 4)
    body.text(record.name)
    write_params(body, _LIST, {"description": record.description or None})


def _read_list(cursor: Cursor) -> List:
    list_id, _, name = cursor.number(4), cursor.number(4), cursor.text()
    return List(list_id, name, read_params(cursor, _LIST).get("description", ""))


def _write_start(body: Body, record: CycleStart) -> None:
    for number in (record.cycle_id, record.list_id, record.number, record.start_s):
        body.number(number, 4)
    write_params(body, _CYCLE, {"hostname": record.hostname or None})


def _read_start(cursor: Cursor) -> CycleStart:
    cycle_id, list_id, number, start_s = (cursor.number(4) for _ in range(4))
    return CycleStart(cycle_id, list_id, start_s, read_params(cursor, _CYCLE).get("hostname", ""), number)


def _write_stop(body: Body, record: CycleStop) -> None:
    body.number(record.cycle_id, 4)
    body.number(record.stop_s, 4)
    write_params(body, _CYCLE, {})


def _read_stop(cursor: Cursor) -> CycleStop:
    return CycleStop(cursor.number(4), cursor.number(4))


def _write_trace(body: Body, trace: Trace) -> None:
    values: Params = {
        "list": trace.list_id, "cycle": trace.cycle_id, "start_us": trace.start_us, "stop_reason": trace.stop_reason,
        "stop_data": trace.stop_data, "attempts": 1, "method": trace.method, "first_ttl": trace.first_ttl,
        "probed_hops": trace.probed_hops, "sent": trace.sent, "source": trace.source or None, "target": trace.target,
    }  # fmt: skip
    write_params(body, _TRACE, values)
    body.number(len(trace.hops), 2)
    for hop in trace.hops:
        write_params(body, _HOP, _hop_values(hop))
    # Type of a further part of the record: none.
    body.number(0, 2)


def _hop_values(hop: Hop) -> Params:
    flags = (_HAS_REPLY_TTL if hop.reply_ttl is not None else 0) | (_IS_TCP if hop.icmp_type is None else 0)
    return {
        "ttl": hop.ttl, "reply_ttl": hop.reply_ttl, "flags": flags, "attempt": hop.attempt, "rtt_us": hop.rtt_us,
        "icmp": _icmp(hop), "quoted_ttl": hop.quoted_ttl, "labels": hop.labels or None, "address": hop.address or None,
        "sent_us": hop.sent_us,
    }  # fmt: skip


def _icmp(answer: Hop | Reply) -> int | None:
    return None if answer.icmp_type is None else answer.icmp_type << _CODE_BITS | (answer.icmp_code or 0)


def _read_trace(cursor: Cursor) -> Trace:
    values = read_params(cursor, _TRACE)
    hops = tuple(_read_hop(cursor) for _ in range(cursor.number(2)))
    return Trace(
        target=_target(values),
        start_us=values.get("start_us", 0),
        hops=hops,
        stop_reason=values.get("stop_reason", 0),
        stop_data=values.get("stop_data", 0),
        source=values.get("source", ""),
        method=values.get("method", 0),
        first_ttl=values.get("first_ttl", 1),
        probed_hops=values.get("probed_hops", 0),
        sent=values.get("sent", 0),
        list_id=values.get("list", 0),
        cycle_id=values.get("cycle", 0),
    )


def _target(values: Params) -> str:
    target: str = values.get("target", "")
    if not target:
        raise ConfigError("it has no address of a target; files by versions of before 2010 are not read")
    return target


def _read_hop(cursor: Cursor) -> Hop:
    values = read_params(cursor, _HOP)
    icmp, address = values.get("icmp"), values.get("address", "")
    is_error = icmp is not None and icmp >> _CODE_BITS in _ERRORS[":" in address]
    return Hop(
        ttl=values.get("ttl", 0),
        address=address,
        rtt_us=values.get("rtt_us", 0),
        reply_ttl=values.get("reply_ttl") if values.get("flags", 0) & _HAS_REPLY_TTL else None,
        quoted_ttl=values.get("quoted_ttl", _USUAL_QUOTED_TTL if is_error else None),
        icmp_type=None if icmp is None else icmp >> _CODE_BITS,
        icmp_code=None if icmp is None else icmp & 0xFF,
        labels=values.get("labels", ()),
        sent_us=values.get("sent_us"),
        attempt=values.get("attempt", 0),
    )


def _write_ping(body: Body, ping: Ping) -> None:
    values: Params = {
        "list": ping.list_id, "cycle": ping.cycle_id, "start_us": ping.start_us, "stop_reason": ping.stop_reason,
        "stop_data": 0, "count": ping.sent, "sent": ping.sent, "method": ping.method, "source": ping.source or None,
        "target": ping.target,
    }  # fmt: skip
    write_params(body, _PING, values)
    body.number(len(ping.replies), 2)
    for reply in ping.replies:
        write_params(body, _REPLY, _reply_values(reply))


def _reply_values(reply: Reply) -> Params:
    return {
        "flags": _REPLY_HAS_TTL if reply.reply_ttl is not None else 0, "reply_ttl": reply.reply_ttl,
        "icmp": _icmp(reply), "rtt_us": reply.rtt_us, "probe": reply.probe, "address": reply.address or None,
        "sent_us": reply.sent_us,
    }  # fmt: skip


def _read_ping(cursor: Cursor) -> Ping:
    values = read_params(cursor, _PING)
    replies = tuple(_read_reply(cursor) for _ in range(cursor.number(2)))
    return Ping(
        target=_target(values),
        start_us=values.get("start_us", 0),
        sent=values.get("sent", 0),
        replies=replies,
        stop_reason=values.get("stop_reason", 0),
        source=values.get("source", ""),
        method=values.get("method", 0),
        list_id=values.get("list", 0),
        cycle_id=values.get("cycle", 0),
    )


def _read_reply(cursor: Cursor) -> Reply:
    values = read_params(cursor, _REPLY)
    icmp = values.get("icmp")
    return Reply(
        address=values.get("address", ""),
        rtt_us=values.get("rtt_us"),
        probe=values.get("probe", 0),
        reply_ttl=values.get("reply_ttl") if values.get("flags", 0) & _REPLY_HAS_TTL else None,
        icmp_type=None if icmp is None else icmp >> _CODE_BITS,
        icmp_code=None if icmp is None else icmp & 0xFF,
        sent_us=values.get("sent_us"),
    )


_WRITERS: Final[dict[type, tuple[int, Callable[[Body, Any], None]]]] = {
    List: (LIST, _write_list),
    CycleStart: (CYCLE_START, _write_start),
    CycleStop: (CYCLE_STOP, _write_stop),
    Trace: (TRACE, _write_trace),
    Ping: (PING, _write_ping),
}
_READERS: Final[dict[int, Callable[[Cursor], Record]]] = {
    LIST: _read_list,
    CYCLE_START: _read_start,
    CYCLE_STOP: _read_stop,
    TRACE: _read_trace,
    PING: _read_ping,
}
