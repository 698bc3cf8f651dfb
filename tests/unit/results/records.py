"""Records of other tools for tests: what a reader of a format yields."""

from __future__ import annotations

from typing import Any

from hoploom.results.imports import Origin, Record
from hoploom.results.rows import HopRow, PingRow, TraceRow

AT_MS = 1_700_000_000_123
PINGS = Origin("ping", 4, 1001, "atlas-6012", 6012, "imported")
TRACES = PINGS._replace(kind="trace", measurement=5001)
PING = PingRow("192.0.2.1", 0, 3, 2, 0, 1500, 1000, 2000, 57, None, None, None, AT_MS)
SILENT = HopRow(2, None, None, None, None, None, None, None, AT_MS)
HOPS = (
    HopRow(1, "198.51.100.1", 900, 64, 1, 11, 0, None, AT_MS),
    SILENT,
    HopRow(3, "198.51.100.3", 2500, 250, 1, 11, 0, "24001:0:0:1 16:5:1:254", AT_MS + 4),
    HopRow(4, "192.0.2.1", 3000, 57, None, 0, 0, None, AT_MS + 9),
)
TRACE = TraceRow("192.0.2.1", 0, 6, None, 4, HOPS, AT_MS)


def ping(line: int = 1, origin: Origin = PINGS, **changes: Any) -> Record:
    """A ping, answered twice of three times."""
    return Record(f"line {line}", origin, PING._replace(**changes))


def trace(line: int = 1, origin: Origin = TRACES, **changes: Any) -> Record:
    """A traceroute of four hops with a silent one and a labelled one."""
    return Record(f"line {line}", origin, TRACE._replace(**changes))


def silent(outcome: int, sent: int, address: str = "192.0.2.1") -> PingRow:
    """A ping that nothing came back to."""
    return PingRow(address, outcome, sent, 0, 0, None, None, None, None, None, None, None, 0)
