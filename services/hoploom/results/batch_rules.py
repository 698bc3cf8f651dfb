"""What a row of `batches` may hold, in a file that a stranger made. Pure.

The rules are those by which an output takes batches (`wire.batch`), and those that tie its columns together.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any, Final

from hoploom.wire.batch import INTEGER_RANGES, MAX_NUMBER, MAX_ROWS, TEXT_PATTERNS
from hoploom.wire.columns import MAX_INT
from hoploom.wire.traces import MAX_HOPS, MAX_TARGETS

DIGEST_BYTES: Final = 32
UUID: Final = TEXT_PATTERNS["batch"]
_KEY_BITS: Final = 63
_COUNTS: Final = ("answered", "lost", "unreachable", "failed")
_NAMED_OTHERWISE: Final = {"group": "worker_group"}
_TEXTS: Final[Mapping[str, re.Pattern[str]]] = {
    **{_NAMED_OTHERWISE.get(name, name): pattern for name, pattern in TEXT_PATTERNS.items()},
    "store": UUID,
}
_HEAD: Final = (
    *("campaign_number", "measurement", "worker_number", "round", "family", "start", "stop", "started_at_us"),
)
_INTEGERS: Final[Mapping[str, range]] = {
    **{name: INTEGER_RANGES[name] for name in _HEAD},
    # Measurements and vantage points of other tools keep the numbers that they have there.
    "measurement": range(MAX_NUMBER),
    "worker_number": range(MAX_NUMBER),
    "seq": range(1, MAX_INT),
    "result_rows": range(MAX_ROWS + 1),
    "hop_rows": range(MAX_HOPS + 1),
    **dict.fromkeys(_COUNTS, range(MAX_ROWS + 1)),
    "suspect": range(2),
    # A clock's offset is what three numbers below MAX_INT add up to.
    "clock_offset_us": range(-3 * MAX_INT, 3 * MAX_INT),
    "received_at_us": range(MAX_INT),
}


def fault(row: Mapping[str, Any]) -> str:
    """What is wrong with a row, by the names of its columns; empty when it is good."""
    for name, pattern in _TEXTS.items():
        if not isinstance(row[name], str) or not pattern.fullmatch(row[name]):
            return f"its {name} does not match {pattern.pattern}"
    for name, allowed in _INTEGERS.items():
        if type(row[name]) is not int or row[name] not in allowed:
            return f"its {name} is not a whole number from {allowed.start} to {allowed.stop - 1}"
    if not isinstance(row["digest"], bytes) or len(row["digest"]) != DIGEST_BYTES:
        return f"its digest is not of {DIGEST_BYTES} bytes"
    return next((reason for reason, is_wrong in _contradictions(row).items() if is_wrong), "")


def batch_key(batch: str) -> int:
    """What the rows of a batch name it by: the first 63 bits of its id."""
    return uuid.UUID(batch).int >> (128 - _KEY_BITS)


def _contradictions(row: Mapping[str, Any]) -> dict[str, bool]:
    is_trace = row["kind"] == "trace"
    return {
        "its batch_key is not the beginning of its id": row["batch_key"] != batch_key(row["batch"]),
        "stop is not greater than start": row["stop"] <= row["start"],
        "it has more result_rows than a batch may": row["result_rows"] > (MAX_TARGETS if is_trace else MAX_ROWS),
        "it has hop_rows and no traceroutes": row["hop_rows"] > 0 and not (is_trace and row["result_rows"]),
        "its counts do not add up to its result_rows": sum(row[each] for each in _COUNTS) != row["result_rows"],
    }
