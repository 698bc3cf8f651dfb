"""What a row of results may hold: the rules of `wire.batch` and `wire.traces` once more, for the cells of a file. Pure.

SQLite stores a value of any type in any column, so types are asked for too. A rule here is never stricter than
what an output takes from a worker: one odd row would otherwise keep a whole dump out of every data set.
"""

from __future__ import annotations

from typing import Final

from hoploom.results.tables import PING_OUTCOMES, TRACE_OUTCOMES
from hoploom.wire.batch import ANSWERED
from hoploom.wire.columns import MAX_BYTE, MAX_INT, MAX_RTT_US
from hoploom.wire.traces import LABELS_A_HOP, MAX_TTL, REACHED

_MAX_SENT: Final = 2**16 - 1
_MAX_MS: Final = MAX_INT // 1000


def _number(column: str, least: int | str, most: int | str) -> str:
    # Without its plus, a column of numbers takes text that looks like one for a number.
    return f"(+{column} BETWEEN {least} AND {most})"


def _optional(column: str, least: int | str, most: int | str) -> str:
    return f"({column} IS NULL OR {_number(column, least, most)})"


def _bytes(*columns: str) -> dict[str, str]:
    return {column: _optional(column, 0, MAX_BYTE) for column in columns}


RULES: Final = {
    "ping_results": {
        "address": "typeof(address) = 'text'",
        "outcome": _number("outcome", 0, len(PING_OUTCOMES) - 1),
        "sent": _number("sent", 0, _MAX_SENT),
        "received": _number("received", 0, "+sent") + f" AND (outcome <> {ANSWERED} OR received > 0)",
        "duplicates": _number("duplicates", 0, _MAX_SENT),
        "rtt_us": _optional("rtt_us", 0, MAX_RTT_US) + f" AND (outcome <> {ANSWERED} OR rtt_us IS NOT NULL)",
        "rtt_min_us": _optional("rtt_min_us", 0, "+rtt_us"),
        "rtt_max_us": _optional("rtt_max_us", "+rtt_us", MAX_RTT_US),
        **_bytes("reply_ttl", "icmp_type", "icmp_code"),
        "icmp_from": "typeof(icmp_from) IN ('text', 'null')",
        "at_ms": _number("at_ms", 0, _MAX_MS),
    },
    "traceroutes": {
        "address": "typeof(address) = 'text'",
        "outcome": _number("outcome", 0, len(TRACE_OUTCOMES) - 1),
        "sent": _number("sent", f"(outcome = {REACHED})", _MAX_SENT),
        "joined_ttl": _optional("joined_ttl", 1, MAX_TTL),
        "distance": _optional("distance", 1, MAX_TTL),
        "hops": _number("hops", 0, MAX_TTL),
        "at_ms": _number("at_ms", 0, _MAX_MS),
    },
    "traceroute_hops": {
        "address": "typeof(address) = 'text'",
        "ttl": _number("ttl", 1, MAX_TTL),
        "hop": "typeof(hop) IN ('text', 'null')",
        "rtt_us": _optional("rtt_us", 0, MAX_RTT_US) + " AND (hop IS NULL) = (rtt_us IS NULL)",
        **_bytes("reply_ttl", "quoted_ttl", "icmp_type", "icmp_code"),
        "mpls": "typeof(mpls) IN ('text', 'null')",
        "at_ms": _number("at_ms", 0, _MAX_MS),
    },
}
"""What each column of each table must be, as an expression of SQL; `batch_key` is compared with the batch's. Fractions
are for `ARE_WHOLE` to find."""
_TEXTS: Final = {"address", "icmp_from", "hop", "mpls"}
ARE_WHOLE: Final = {
    table: f"typeof({' + '.join(f'coalesce({column}, 0)' for column in rules if column not in _TEXTS)}) = 'integer'"
    for table, rules in RULES.items()
}
"""Whether no number of a row that keeps the rules is a fraction: one makes the sum a fraction. Asking each for its type
takes half as long again as the whole merge."""

BOTH: Final = (4, 6)
ADDRESSES: Final[dict[str, dict[str, tuple[int, ...]]]] = {
    "ping_results": {"address": (), "icmp_from": BOTH},
    "traceroutes": {"address": ()},
    "traceroute_hops": {"address": (), "hop": ()},
}
"""Columns that hold addresses, and of which families; of the batch's own where none is named."""

_ENTRY: Final = r"\d{1,7}:[0-7]:[01]:\d{1,3}"
MPLS_PATTERN: Final = f"{_ENTRY}( {_ENTRY}){{0,{LABELS_A_HOP - 1}}}"
"""A label stack as it is written: label:class:bottom:ttl from the top."""
