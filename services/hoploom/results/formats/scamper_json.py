"""Results as scamper's own JSON, one object a line. Pure.

The keys are those that `sc_warts2json` writes, as far as a file of results knows the values: the prober's address, the
sizes of packets and the settings (attempts, waits, TTL limits) are not in it, and left out. `responses` of a ping has
one entry for each reply whose RTT is known; where only smallest, mean and largest of three and more are kept it is
empty, and `statistics` says those. `rtt` is in milliseconds.

Source: what sc_warts2json of scamper 20211212 writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, BinaryIO, Final

from hoploom.results.rows import BatchHead, Group, HopRow, PingRow, TraceRow
from hoploom.wire.traces import UNREACHABLE

_VERSIONS: Final = {"ping": "0.4", "trace": "0.1"}
METHODS: Final = {"icmp": "icmp-echo-paris", "udp": "udp-paris", "": "unknown"}
STOP_REASONS: Final = ("COMPLETED", "GAPLIMIT", "UNREACH", "LOOP", "ERROR")
"""scamper's words for the outcomes of traceroutes, in their order."""
_US_PER_MS, _MS, _US = 1_000, 1_000, 1_000_000
_ENTRY_BYTES: Final = 4
"""Of a label stack entry (RFC 3032 section 2.1)."""
_ECHO_REPLY: Final = {4: 0, 6: 129}
_TWO: Final = 2
_EPOCH: Final = datetime(1970, 1, 1)
_encode: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def write(groups: Iterable[Group], out: BinaryIO) -> None:
    """Write one object a line.

    Args:
        groups: Batches with their rows.
        out: Gets ASCII; every other character is escaped.
    """
    for group in groups:
        for row in group.rows:
            found = ping(group.batch, row) if isinstance(row, PingRow) else trace(group, row)
            out.write(_encode(found).encode("ascii") + b"\n")


def trace(group: Group, row: TraceRow) -> dict[str, Any]:
    """A traceroute."""
    batch, start = group.batch, _moment(group.batch, row.at_ms)
    is_unreachable = row.outcome == UNREACHABLE and row.hops
    found: dict[str, Any] = {
        "type": "trace",
        "version": _VERSIONS["trace"],
        "userid": 0,
        "method": METHODS[group.protocol],
        "dst": row.address,
        "stop_reason": STOP_REASONS[row.outcome],
        "stop_data": (row.hops[-1].icmp_code or 0) if is_unreachable else 0,
        "start": start | {"ftime": _calendar(start["sec"])},
        "hop_count": max((hop.ttl for hop in row.hops), default=0),
        "firsthop": row.joined_ttl or 1,
        "tos": 0,
        "probe_count": row.sent,
    }
    hops = [_hop(batch, hop) for hop in row.hops if hop.hop is not None]
    return found | {"hops": hops} if hops else found


def ping(batch: BatchHead, row: PingRow) -> dict[str, Any]:
    """A ping."""
    return {
        "type": "ping",
        "version": _VERSIONS["ping"],
        "method": "icmp-echo",
        "dst": row.address,
        "start": _moment(batch, row.at_ms),
        "ping_sent": row.sent,
        "userid": 0,
        "responses": _responses(batch, row),
        "statistics": _statistics(row),
    }


def _hop(batch: BatchHead, hop: HopRow) -> dict[str, Any]:
    found: dict[str, Any] = {
        "addr": hop.hop,
        "probe_ttl": hop.ttl,
        "probe_id": 1,
        "tx": _moment(batch, hop.at_ms),
        "rtt": None if hop.rtt_us is None else hop.rtt_us / _US_PER_MS,
        "reply_ttl": hop.reply_ttl,
        "icmp_type": hop.icmp_type,
        "icmp_code": hop.icmp_code,
    }
    if hop.quoted_ttl is not None:
        found["icmp_q_ttl"] = hop.quoted_ttl
    if hop.mpls:
        labels = [_label(each) for each in hop.mpls.split()]
        found["icmpext"] = [{"ie_cn": 1, "ie_ct": 1, "ie_dl": _ENTRY_BYTES * len(labels), "mpls_labels": labels}]
    return found


def _label(entry: str) -> dict[str, int]:
    label, traffic_class, bottom, ttl = map(int, entry.split(":"))
    return {"mpls_ttl": ttl, "mpls_s": bottom, "mpls_exp": traffic_class, "mpls_label": label}


def _responses(batch: BatchHead, row: PingRow) -> list[dict[str, Any]]:
    """The replies that have an RTT of their own: one, two, or all where all are alike."""
    if row.rtt_us is None:
        return []
    if row.rtt_min_us == row.rtt_max_us:
        rtts = [row.rtt_us] * row.received
    else:
        rtts = [each for each in (row.rtt_min_us, row.rtt_max_us) if each is not None] if row.received == _TWO else []
    common = {"from": row.address, "reply_ttl": row.reply_ttl, "reply_proto": "icmp"}
    message = {"icmp_type": _ECHO_REPLY[batch.family], "icmp_code": 0}
    return [{**common, "rtt": rtt_us / _US_PER_MS, **message} for rtt_us in rtts]


def _statistics(row: PingRow) -> dict[str, Any]:
    """As sc_warts2json: RTTs only where something came back; the loss is a part of one."""
    lost = row.sent - row.received
    found: dict[str, Any] = {"replies": row.received, "loss": round(lost / row.sent, 2) if row.sent else 0}
    if row.rtt_us is not None and row.rtt_min_us is not None and row.rtt_max_us is not None:
        found |= {"min": row.rtt_min_us / _US_PER_MS, "max": row.rtt_max_us / _US_PER_MS,
                  "avg": row.rtt_us / _US_PER_MS}  # fmt: skip
    return found


def _moment(batch: BatchHead, at_ms: int) -> dict[str, int]:
    seconds, us = divmod(batch.moment_us(at_ms), _US)
    return {"sec": seconds, "usec": us}


def _calendar(seconds: int) -> str:
    """As sc_warts2json writes a second, in UTC; empty for one that calendars do not have."""
    try:
        return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S}"
    except OverflowError:
        return ""
