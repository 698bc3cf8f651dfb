"""Paths for programs: objects with the keys of scamper's JSON where it has them, and ours beside them. Pure.

Source: what scamper 20211212 writes with `-O json`; `joined_ttl`, `distance`, `target` and `outcome` are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hoploom.cli.trace.options import Options
from hoploom.cli.trace.paths import Hop, Path
from hoploom.prober import traces

METHODS = {"icmp": "icmp-echo-paris", "udp": "udp-paris"}
OUTCOMES = (*traces.OUTCOMES, "stopped")
STOP_REASONS = ("COMPLETED", "GAPLIMIT", "UNREACH", "LOOP", "ERROR", "HALTED")
"""scamper's words for our outcomes, in their order."""
_MPLS_CLASS, _MPLS_TYPE, _ENTRY_BYTES = 1, 1, 4
_US_PER_MS, _US = 1_000, 1_000_000


def document(path: Path, options: Options, names: Mapping[str, str]) -> dict[str, Any]:
    """One path.

    Args:
        path: The path.
        options: The command line.
        names: Names of addresses, where they were asked for.
    """
    settings = options.settings
    return {
        "type": "trace",
        "version": "0.1",
        "userid": options.user_id,
        "method": METHODS[settings.protocol],
        "dst": path.address,
        "stop_reason": STOP_REASONS[path.outcome],
        "stop_data": path.hops[-1].icmp_code if STOP_REASONS[path.outcome] == "UNREACH" and path.hops else 0,
        "start": _moment(path.at_s),
        "hop_count": max((hop.ttl for hop in path.hops), default=0),
        "attempts": settings.attempts,
        "hoplimit": settings.max_ttl,
        "firsthop": settings.first_ttl,
        "wait": settings.timeout_s,
        "wait_probe": settings.interval_s,
        "tos": 0,
        "probe_size": settings.size_bytes,
        "probe_count": path.sent,
        "hops": [_hop(hop, names) for hop in path.hops if hop.address],
        "target": path.target,
        "outcome": OUTCOMES[path.outcome],
        "distance": path.distance or None,
        "joined_ttl": path.joined_ttl or None,
    }


def unknown(name: str, reason: str) -> dict[str, Any]:
    """A name that no address was found for."""
    return {"type": "unknown", "target": name, "error": reason}


def summary(traced: list[int], sent: int, seconds: float, engine: str) -> dict[str, Any]:
    """The totals.

    Args:
        traced: How many targets had each outcome.
        sent: Packets of all.
        seconds: How long it took.
        engine: What the prober calls itself.
    """
    outcomes = dict(zip(OUTCOMES, traced, strict=True))
    return {"type": "summary", "targets": sum(traced), **outcomes, "probes": sent, "seconds": round(seconds, 3),
            "engine": engine}  # fmt: skip


def _hop(hop: Hop, names: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "addr": hop.address,
        "probe_ttl": hop.ttl,
        "probe_id": 1,
        "tx": _moment(hop.at_s),
        "rtt": hop.rtt_us / _US_PER_MS,
        "reply_ttl": _known(hop.reply_ttl),
        "icmp_type": hop.icmp_type,
        "icmp_code": hop.icmp_code,
    }
    if hop.address in names:
        found["name"] = names[hop.address]
    if hop.quoted_ttl >= 0:
        found["icmp_q_ttl"] = hop.quoted_ttl
    if hop.labels:
        labels = [{"mpls_ttl": each.ttl, "mpls_s": int(each.is_bottom), "mpls_exp": each.traffic_class,
                   "mpls_label": each.label} for each in hop.labels]  # fmt: skip
        size_bytes = _ENTRY_BYTES * len(labels)
        found["icmpext"] = [{"ie_cn": _MPLS_CLASS, "ie_ct": _MPLS_TYPE, "ie_dl": size_bytes, "mpls_labels": labels}]
    return found


def _moment(at_s: float) -> dict[str, int]:
    seconds, us = divmod(round(at_s * _US), _US)
    return {"sec": seconds, "usec": us}


def _known(value: int) -> int | None:
    return None if value < 0 else value
