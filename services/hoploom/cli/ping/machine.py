"""What `hoploom ping` says to programs: one document (`--json`), or an object a line (`--ndjson`). Pure.

Times are milliseconds, `at` is seconds since 1970; what is not known is null.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hoploom.cli.ping.hosts import NONE, REPLY, Event, Host, Icmp, Totals
from hoploom.cli.ping.options import Options
from hoploom.cli.ping.report import Line, error_name

_NS_PER_MS = 1_000_000


def milliseconds(ns: int) -> float | None:
    """A time for a program."""
    return None if ns == NONE else round(ns / _NS_PER_MS, 6)


def event_document(host: Host, event: Event) -> dict[str, Any]:
    """What happened to a request."""
    found: dict[str, Any] = {"event": event.kind, "target": host.target, "address": host.address}
    found |= {"seq": event.request, "at": round(event.at_s, 6)}
    if event.rtt_ns != NONE:
        found |= {"rtt_ms": milliseconds(event.rtt_ns), "size_bytes": event.size_bytes}
        found |= {"ttl": None if event.ttl == NONE else event.ttl}
    if event.icmp:
        found |= {"icmp": icmp_document(event.icmp)}
    if event.reason:
        found |= {"error": event.reason}
    return found


def icmp_document(icmp: Icmp) -> dict[str, Any]:
    """An ICMP error, with its name where fping has one."""
    name = None if ":" in icmp.sender else error_name(icmp.type, icmp.code)
    return {"type": icmp.type, "code": icmp.code, "from": icmp.sender, "name": name}


def target_document(host: Host) -> dict[str, Any]:
    """What became of a target."""
    span = host.whole
    return {
        "target": host.target,
        "name": host.name,
        "address": host.address,
        "alive": host.is_alive,
        "sent": span.sent,
        "received": span.received,
        "duplicates": host.duplicates,
        "loss_percent": round((span.sent - span.received) * 100 / span.sent, 2) if span.sent else None,
        "rtt_min_ms": milliseconds(span.least_ns),
        "rtt_avg_ms": milliseconds(span.mean_ns),
        "rtt_max_ms": milliseconds(span.most_ns),
        "rtts_ms": [milliseconds(host.rtts_ns[request]) for request in sorted(host.rtts_ns)],
        "ttl": None if host.ttl == NONE else host.ttl,
        "icmp": icmp_document(host.icmp) if host.icmp else None,
        "error": host.refusal or None,
    }


def summary_document(hosts: Sequence[Host], totals: Totals, elapsed_s: float) -> dict[str, Any]:
    """The totals of the run."""
    alive = sum(host.is_alive for host in hosts)
    return {
        "targets": len(hosts),
        "alive": alive,
        "unreachable": len(hosts) - alive,
        "unknown": totals.unknown,
        "timeouts": totals.timeouts,
        "sent": totals.sent,
        "received": totals.replies,
        "other_icmp": totals.other,
        "duplicates": sum(host.duplicates for host in hosts),
        "rtt_min_ms": milliseconds(totals.all.least_ns),
        "rtt_avg_ms": milliseconds(totals.all.mean_ns),
        "rtt_max_ms": milliseconds(totals.all.most_ns),
        "seconds": round(elapsed_s, 3),
    }


class Machine:
    """The voice for programs."""

    def __init__(self, options: Options, engine: str) -> None:
        """Remember what is wanted.

        Args:
            options: The command line.
            engine: What the prober calls itself.
        """
        self._is_stream = "ndjson" in options.flags
        self._is_counting = options.is_counting
        self._engine = engine
        self._unknown: list[dict[str, Any]] = []

    def tell(self, host: Host, event: Event) -> list[Line]:
        """An object for each request of a count, and for each mishap."""
        if not self._is_stream:
            return []
        found = [event_document(host, event)] if self._is_counting or event.kind != REPLY else []
        decided = not self._is_counting and (event.is_last or event.kind == REPLY)
        return [_line(each) for each in [*found, *([{"event": "target", **target_document(host)}] if decided else [])]]

    def not_found(self, target: str, reason: str) -> list[Line]:
        """A name that no address was found for."""
        self._unknown.append({"target": target, "error": reason})
        return [_line({"event": "unknown", **self._unknown[-1]})] if self._is_stream else []

    def interim(self, hosts: list[Host], clock: str) -> list[Line]:
        """Programs add up themselves."""
        return []

    def finish(self, hosts: list[Host], totals: Totals, elapsed_s: float) -> list[Line]:
        """The document; of a stream, what is left to say."""
        whole = summary_document(hosts, totals, elapsed_s) | {"engine": self._engine}
        if not self._is_stream:
            targets = [target_document(host) for host in hosts]
            return [_line({"summary": whole, "targets": targets, "unknown": self._unknown})]
        left = hosts if self._is_counting else []
        return [*(_line({"event": "target", **target_document(host)}) for host in left),
                _line({"event": "summary", **whole})]


def _line(document: dict[str, Any]) -> Line:
    return Line(json.dumps(document))
