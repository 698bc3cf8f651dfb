"""Warts as results of other tools. Pure.

A vantage point is who its cycle says; a file that names none has `scamper`. Of several answers to one TTL the first
counts; a TTL without any between others is a silent hop. Rows know answers by ICMP alone: a target that answered by
TCP is no hop, and tells the distance.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, Final

from hoploom.kit.errors import ConfigError
from hoploom.results import imports
from hoploom.results.formats import warts, warts_records
from hoploom.results.formats.warts_records import CycleStart, CycleStop, Hop, Ping, Reply, Trace
from hoploom.results.imports import Origin
from hoploom.results.rows import HopRow, PingRow, TraceRow
from hoploom.wire import batch, traces

_US_PER_MS: Final = 1_000
_ECHO_REPLIES: Final = {4: 0, 6: 129}
"""Types of the ICMP (RFC 792) and the ICMPv6 (RFC 4443) message that answers a ping."""
_NOBODY: Final = "scamper"
_UNUSUAL: Final = re.compile(r"[^A-Za-z0-9_.:-]+")
"""What names of workers have none of; see `wire.batch.TEXT_PATTERNS`."""
_NAME_LENGTH: Final = 128
_MOST_CYCLES: Final = 65_536
"""Names to remember at a time; files have one cycle."""
_OUTCOMES: Final = {
    warts_records.COMPLETED: traces.REACHED,
    warts_records.UNREACHABLE: traces.UNREACHABLE,
    warts_records.ICMP: traces.UNREACHABLE,
    warts_records.LOOP: traces.LOOP,
    warts_records.GAP_LIMIT: traces.GAP,
    # Nothing stood in its way and the target is not known to be reached.
    warts_records.HOP_LIMIT: traces.GAP,
    warts_records.STOP_SET: traces.GAP,
}
"""By the reason to stop; of all others nothing is known."""


def read(file: BinaryIO, campaign: str) -> Iterator[imports.Record]:
    """The measurements of a file.

    Args:
        file: At its start.
        campaign: Id of the campaign that they become part of.

    Raises:
        ConfigError: The file is no warts, or damaged; it says where.
    """
    workers: dict[int, str] = {}
    for number, record in enumerate(warts.records(file), 1):
        match record:
            case CycleStart():
                workers[record.cycle_id] = _worker(record.hostname)
            case CycleStop():
                workers.pop(record.cycle_id, None)
            case Trace() | Ping():
                yield _measured(number, record, workers.get(record.cycle_id, _NOBODY), campaign)
        if len(workers) > _MOST_CYCLES:
            raise ConfigError(f"the warts file has more than {_MOST_CYCLES} cycles that begin and do not end")


def _worker(hostname: str) -> str:
    return _UNUSUAL.sub("-", hostname).strip("-._:")[:_NAME_LENGTH] or _NOBODY


def _measured(number: int, record: Trace | Ping, worker: str, campaign: str) -> imports.Record:
    kind, row = ("trace", trace_row(record)) if isinstance(record, Trace) else ("ping", ping_row(record))
    origin = Origin(kind, _family(record.target), 0, worker, imports.number(worker), campaign)
    return imports.Record(f"record {number}", origin, row)


def _family(address: str) -> int:
    return 6 if ":" in address else 4


def trace_row(trace: Trace) -> TraceRow:
    """A traceroute as a row with its hops; its times count from 1970."""
    at_ms = trace.start_us // _US_PER_MS
    heard = {hop.ttl: hop for hop in reversed(trace.hops) if hop.address and hop.icmp_type is not None}
    outcome = _OUTCOMES.get(trace.stop_reason, traces.FAILED)
    silent = HopRow(0, None, None, None, None, None, None, None, at_ms)
    ttls = range(min((trace.first_ttl, *heard)), max(heard, default=0) + 1)
    return TraceRow(
        address=trace.target,
        outcome=outcome,
        # Early files do not say how many.
        sent=max(trace.sent, len(trace.hops)),
        joined_ttl=trace.first_ttl if trace.first_ttl > 1 else None,
        distance=max((hop.ttl for hop in trace.hops), default=None) if outcome == traces.REACHED else None,
        hops=tuple(_hop_row(heard[ttl], at_ms) if ttl in heard else silent._replace(ttl=ttl) for ttl in ttls),
        at_ms=at_ms,
    )


def _hop_row(hop: Hop, trace_at_ms: int) -> HopRow:
    at_ms = trace_at_ms if hop.sent_us is None else hop.sent_us // _US_PER_MS
    stack = " ".join(map(_label, hop.labels[: traces.LABELS_A_HOP])) or None
    return HopRow(hop.ttl, hop.address, hop.rtt_us, hop.reply_ttl, hop.quoted_ttl, hop.icmp_type, hop.icmp_code, stack,
                  at_ms)  # fmt: skip


def ping_row(ping: Ping) -> PingRow:
    """A ping as a row; its times count from 1970."""
    answers = [each for each in ping.replies if _is_answer(ping, each)]
    first = {each.probe: each for each in reversed(answers)}
    error = next((each for each in ping.replies if not _is_answer(ping, each)), None)
    rtts = [each.rtt_us or 0 for each in first.values()]
    return PingRow(
        address=ping.target,
        outcome=_outcome(ping, bool(first), error),
        sent=max(ping.sent, len(first)),
        received=len(first),
        duplicates=len(answers) - len(first),
        rtt_us=round(sum(rtts) / len(rtts)) if rtts else None,
        rtt_min_us=min(rtts, default=None),
        rtt_max_us=max(rtts, default=None),
        reply_ttl=answers[0].reply_ttl if answers else None,
        icmp_type=error.icmp_type if error else None,
        icmp_code=error.icmp_code if error else None,
        icmp_from=(error.address or None) if error else None,
        at_ms=ping.start_us // _US_PER_MS,
    )


def _is_answer(ping: Ping, reply: Reply) -> bool:
    if ping.method != warts_records.ICMP_ECHO:
        return reply.address == ping.target
    return reply.icmp_type == _ECHO_REPLIES[_family(ping.target)]


def _outcome(ping: Ping, is_answered: bool, error: Reply | None) -> int:
    if is_answered:
        return batch.ANSWERED
    if error:
        return batch.UNREACHABLE
    return batch.LOST if ping.sent else batch.FAILED


def _label(entry: int) -> str:
    """As `traceroute_hops.mpls` has it."""
    return f"{entry >> 12}:{entry >> 9 & 7}:{entry >> 8 & 1}:{entry & 255}"
