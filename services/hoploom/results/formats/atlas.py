"""Results as objects of RIPE Atlas, one JSON object a line. Pure.

What a file of results does not know is left out: the vantage point's address (`from`, `src_addr`) and the size of
packets. The list `result` of a ping has an entry for each request, in no particular order: `{"rtt": ...}` where its
RTT is known, `{"x": "*"}` for one without an answer, and an entry without either for one that was answered where only
smallest, mean and largest RTT of three and more are kept; `min`, `avg` and `max` say those. A traceroute has one
packet a hop. The key `hoploom` has what Atlas has no word for, so that an import brings it back.

Sources: RIPE Atlas, "Result format" for firmware 5000 and later; ripe.atlas.sagan 2.0.1, its reader.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, Final

from hoploom.results.rows import BatchHead, Group, HopRow, PingRow, TraceRow
from hoploom.results.tables import PING_OUTCOMES, TRACE_OUTCOMES
from hoploom.wire.batch import FAILED, UNREACHABLE
from hoploom.wire.traces import REACHED

FIRMWARE: Final = 5000
"""The format that this is."""
_NOT_KNOWN: Final = -1
"""How Atlas says that it does not know how long ago a probe's clock was right."""
_PARIS: Final = 1
"""Number of the flow that a path's packets belong to; 0 would be a traceroute whose packets differ."""
_IPV4: Final = 4
_PROTOCOLS: Final = {"icmp": "ICMP", "udp": "UDP"}
_US_PER_MS, _MS, _US = 1_000, 1_000, 1_000_000
UNREACHABLE_TYPE: Final = {4: 3, 6: 1}
PORT_UNREACHABLE: Final = {4: 3, 6: 4}
"""ICMP types and codes (RFC 792; RFC 4443 section 3.1)."""
ERRORS: Final = {
    4: {0: "N", 1: "H", 2: "P", 3: "p", 9: "A", 10: "A", 13: "A"},
    6: {0: "N", 1: "A", 2: "h", 3: "H", 4: "p"},
}
"""Atlas' letters for codes of Destination Unreachable (RFC 792, RFC 1812 section 5.2.7.1, RFC 4443 section 3.1)."""
_ONE_EACH: Final = 2
"""Of two replies, the smallest and the largest RTT are those of each."""
_encode: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def write(groups: Iterable[Group], out: BinaryIO) -> None:
    """Write one object a line.

    Args:
        groups: Batches with their rows.
        out: Gets ASCII; every other character is escaped.
    """
    for group in groups:
        for found in objects(group):
            out.write(_encode(found).encode("ascii") + b"\n")


def objects(group: Group) -> Iterator[dict[str, Any]]:
    """The objects of one batch, in the order of its rows."""
    common = _common(group.batch)
    for row in group.rows:
        yield common | (ping(group.batch, row) if isinstance(row, PingRow) else traceroute(group, row))


def ping(batch: BatchHead, row: PingRow) -> dict[str, Any]:
    """What a ping says beyond its batch."""
    found: dict[str, Any] = {
        "dst_addr": row.address,
        "dst_name": row.address,
        "timestamp": batch.moment_us(row.at_ms) // _US,
        "sent": row.sent,
        "rcvd": row.received,
        "dup": row.duplicates,
        **{name: _NOT_KNOWN if rtt_us is None else _ms(rtt_us)
           for name, rtt_us in (("min", row.rtt_min_us), ("avg", row.rtt_us), ("max", row.rtt_max_us))},
        "result": _answers(row),
        "hoploom": _ours(batch) | {"outcome": PING_OUTCOMES[row.outcome], "at_ms": _rest_ms(batch, row.at_ms),
                                   **_error(row)},
    }  # fmt: skip
    return found if row.reply_ttl is None else found | {"ttl": row.reply_ttl}


def traceroute(group: Group, row: TraceRow) -> dict[str, Any]:
    """What a traceroute says beyond its batch."""
    batch = group.batch
    end_ms = max((hop.at_ms + (hop.rtt_us or 0) // _US_PER_MS for hop in row.hops), default=row.at_ms)
    found: dict[str, Any] = {
        "dst_addr": row.address,
        "dst_name": row.address,
        "timestamp": batch.moment_us(row.at_ms) // _US,
        "endtime": batch.moment_us(max(end_ms, row.at_ms)) // _US,
        "paris_id": _PARIS,
        "result": [{"hop": hop.ttl, "result": [_packet(hop, row, batch.family)]} for hop in row.hops],
        "hoploom": _ours(batch) | {"outcome": TRACE_OUTCOMES[row.outcome], "at_ms": _rest_ms(batch, row.at_ms),
                                   "sent": row.sent, "joined_ttl": row.joined_ttl, "distance": row.distance},
    }  # fmt: skip
    return found | {"proto": _PROTOCOLS[group.protocol]} if group.protocol else found


def _common(batch: BatchHead) -> dict[str, Any]:
    is_ping = batch.kind == "ping"
    return {
        "fw": FIRMWARE,
        "type": "ping" if is_ping else "traceroute",
        "msm_name": "Ping" if is_ping else "Traceroute",
        "msm_id": batch.measurement,
        "group_id": batch.measurement,
        "prb_id": batch.worker_number,
        "af": batch.family,
        "lts": _NOT_KNOWN,
        "stored_timestamp": batch.received_at_us // _US,
        **({"proto": "ICMP"} if is_ping else {}),
    }


def _ours(batch: BatchHead) -> dict[str, Any]:
    return {"v": 1, "campaign": batch.campaign, "worker": batch.worker, "round": batch.round, "batch": batch.batch}


def _answers(row: PingRow) -> list[dict[str, Any]]:
    """An entry for each request."""
    if row.outcome == FAILED:
        return [{"error": "not sent"}]
    ttl = {} if row.reply_ttl is None else {"ttl": row.reply_ttl}
    if row.rtt_min_us == row.rtt_max_us or row.received > _ONE_EACH:
        known = {} if row.rtt_us is None or row.rtt_min_us != row.rtt_max_us else {"rtt": _ms(row.rtt_us)}
        replies = [known | ttl for _ in range(row.received)]
    else:
        replies = [{"rtt": _ms(rtt_us)} | ttl for rtt_us in (row.rtt_min_us, row.rtt_max_us) if rtt_us is not None]
    silent: list[dict[str, Any]] = [{"x": "*"} for _ in range(row.sent - row.received)]
    if row.outcome == UNREACHABLE and silent:
        silent[0] = {"error": f"ICMP type {row.icmp_type} code {row.icmp_code} from {row.icmp_from or 'nobody known'}"}
    return replies + silent


def _error(row: PingRow) -> dict[str, Any]:
    if row.icmp_type is None and row.icmp_from is None:
        return {}
    return {"icmp_type": row.icmp_type, "icmp_code": row.icmp_code, "icmp_from": row.icmp_from}


def _packet(hop: HopRow, row: TraceRow, family: int) -> dict[str, Any]:
    if hop.hop is None:
        return {"x": "*"}
    found: dict[str, Any] = {"from": hop.hop}
    if hop.rtt_us is not None:
        found["rtt"] = _ms(hop.rtt_us)
    if hop.reply_ttl is not None:
        found["ttl"] = hop.reply_ttl
    if hop.quoted_ttl is not None and hop.quoted_ttl != 1:
        found["ittl"] = hop.quoted_ttl
    if hop.mpls:
        found["icmpext"] = {"version": 2, "obj": [{"class": 1, "type": 1, "mpls": _labels(hop.mpls)}]}
    # The target itself may end a path by an unreachable: that is an answer and no error.
    if hop.icmp_type == UNREACHABLE_TYPE[family] and not (row.outcome == REACHED and hop.hop == row.address):
        found["err"] = ERRORS[family].get(hop.icmp_code or 0, hop.icmp_code)
    return found


def _labels(mpls: str) -> list[dict[str, int]]:
    """The stack from the top, as RFC 4950 sends it."""
    return [dict(zip(("label", "exp", "s", "ttl"), map(int, label.split(":")), strict=True)) for label in mpls.split()]


def _rest_ms(batch: BatchHead, at_ms: int) -> int:
    """The milliseconds that `timestamp` leaves out."""
    return batch.moment_us(at_ms) // _US_PER_MS % _MS


def _ms(rtt_us: int) -> float:
    return rtt_us / _US_PER_MS
