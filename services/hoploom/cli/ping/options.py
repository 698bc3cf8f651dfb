"""fping 5.1's options, and ours beside them: from words to a checked `Options`. Pure.

Source: fping(8) of fping 5.1 for letters, names, defaults and ranges.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from hoploom.cli.ping.flags import FLAGS
from hoploom.cli.words import BadWord, Given, nonempty, number, parse, whole

MAX_SIZE_BYTES = 65_487
"""fping's limit; it leaves room for the longest IPv4 header."""
MAX_COUNT = 2**31 - 1
MAX_MS = 3_600_000.0
"""An hour: more is a slip of the hand."""
MAX_TIMEOUT_MS = 600_000.0
"""What the prober believes at most; see `prober.probes.MAX_TIMEOUT_S`."""
LONGEST_COUNT_TIMEOUT_MS = 2_000.0
MIN_BACKOFF, MAX_BACKOFF = 1.0, 5.0
MAX_BYTE = 255


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a person wants.

    Attributes:
        shows: `help` or `version` instead of pinging; empty to ping.
        operands: Targets, or the ends of a range.
        family: 4 or 6; 0 takes what the resolver gives first.
        count: Requests to each target; None outside of counting.
        is_endless: Loop until stopped.
        is_verbose_count: The sums show every request's time.
        retries: Further requests to a target that does not answer, where nothing is counted.
        backoff: What the time-out is multiplied by with each of them.
        interval_ms: Least time between two requests.
        period_ms: Time between two requests to one target, where they are counted.
        timeout_ms: How long an answer is waited for.
        size_bytes: Payload of a request.
        split_s: Time between two interim sums; 0 for none.
        reachable: How many targets have to answer; 0 asks no such question.
        ttl: TTL or hop limit; None for the system's.
        tos: Type of service.
        source: Address to send from; empty for any.
        interface: Interface to send by; empty for any.
        file: Where targets are listed, `-` for stdin; empty for none.
        engine: Which engine to probe with.
        flags: Names of the options without a value that were given, such as `alive`.
    """

    shows: str = ""
    operands: tuple[str, ...] = ()
    family: int = 0
    count: int | None = None
    is_endless: bool = False
    is_verbose_count: bool = False
    retries: int = 3
    backoff: float = 1.5
    interval_ms: float = 10.0
    period_ms: float = 1_000.0
    timeout_ms: float = 500.0
    size_bytes: int = 56
    split_s: float = 0.0
    reachable: int = 0
    ttl: int | None = None
    tos: int = 0
    source: str = ""
    interface: str = ""
    file: str = ""
    engine: str = "auto"
    flags: frozenset[str] = frozenset()

    @property
    def is_counting(self) -> bool:
        """Whether each target gets a set number of requests, or requests without end."""
        return self.count is not None or self.is_endless

    @property
    def is_machine(self) -> bool:
        """Whether a program reads the output."""
        return bool(self.flags & {"json", "ndjson"})


def read(words: Sequence[str]) -> Options:
    """Understand a command line.

    Raises:
        BadWord: In one sentence what is wrong.
    """
    given = parse(words, FLAGS)
    for shows in ("version", "help"):
        if shows in given.values:
            return Options(shows=shows)
    _refuse_contradictions(given.values)
    found = _values(given)
    _require_operands(given, found)
    return Options(**found)


def _values(given: Given) -> dict[str, Any]:
    values = given.values
    # In the order of the command line: of -c and -C the last one counts.
    known = {name: text for name, text in values.items() if name in _CONVERSIONS}
    found = {_CONVERSIONS[name][0]: _CONVERSIONS[name][1](name, text) for name, text in known.items()}
    found["flags"] = frozenset(name for name in values if not values[name])
    found["operands"] = tuple(given.operands)
    found["is_endless"] = "loop" in values
    found["is_verbose_count"] = "vcount" in values
    found["family"] = 4 if "ipv4" in values else 6 if "ipv6" in values else 0
    if "rate" in values:
        found["interval_ms"] = 1_000.0 / number(1e-3, 1e9)("rate", values["rate"])
    if "timeout" not in values and ("count" in found or found["is_endless"]):
        found["timeout_ms"] = min(found.get("period_ms", Options.period_ms), LONGEST_COUNT_TIMEOUT_MS)
    return found


def _refuse_contradictions(values: dict[str, str]) -> None:
    counts = "count" in values or "vcount" in values
    for is_wrong, sentence in (
        ({"ipv4", "ipv6"} <= values.keys(), "can't specify both -4 and -6"),
        ({"alive", "unreach"} <= values.keys(), "specify only one of a, u"),
        (counts and "loop" in values, "specify only one of c, l"),
        ({"name", "rdns"} <= values.keys(), "use either one of -d or -n"),
        ({"json", "ndjson"} <= values.keys(), "specify only one of --json, --ndjson"),
        ({"interval", "rate"} <= values.keys(), "specify only one of -i, --rate"),
        ("loop" in values and "json" in values, "--json is one document at the end, and -l has none: use --ndjson"),
    ):
        if is_wrong:
            raise BadWord(sentence)


def _require_operands(given: Given, found: dict[str, Any]) -> None:
    if "generate" in given.values and "file" in found:
        raise BadWord("specify only one of f, g")
    if "generate" in given.values and len(given.operands) not in (1, 2):
        raise BadWord("-g takes a network such as 192.0.2.0/24, or a first and a last address")
    if "generate" in given.values and len(given.operands) == 1 and "/" not in given.operands[0]:
        raise BadWord("-g takes a network such as 192.0.2.0/24, or a first and a last address")
    if "file" in found and given.operands:
        raise BadWord("targets stand in the file (-f) or on the command line, not in both")


def _size(name: str, text: str) -> int:
    value = whole(0, 2**63)(name, text)
    if value > MAX_SIZE_BYTES:
        raise BadWord(f"data size {value} not valid, must be lower than {MAX_SIZE_BYTES + 1}")
    return value


def _backoff(name: str, text: str) -> float:
    value = number(-math.inf, math.inf)(name, text)
    if not MIN_BACKOFF <= value <= MAX_BACKOFF:
        raise BadWord(f"backoff factor {value:.1f} not valid, must be between {MIN_BACKOFF:.1f} and {MAX_BACKOFF:.1f}")
    return value


def _ttl(name: str, text: str) -> int:
    value = whole(0, 2**63)(name, text)
    if not 1 <= value <= MAX_BYTE:
        raise BadWord(f"ttl {value} out of range")
    return value


def _tos(name: str, text: str) -> int:
    try:
        value = int(text, 16 if text.lower().startswith("0x") else 10)
    except ValueError:
        raise BadWord(f"--{name} needs a number, decimal or 0x and hexadecimal, not {text!r}") from None
    if not 0 <= value <= MAX_BYTE:
        raise BadWord(f"--{name} is 0 to {MAX_BYTE}, not {text}")
    return value


def _source(name: str, text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise BadWord(f"can't parse source address: {text}") from None


_CONVERSIONS: dict[str, tuple[str, Callable[[str, str], Any]]] = {
    "count": ("count", whole(1, MAX_COUNT)),
    "vcount": ("count", whole(1, MAX_COUNT)),
    "retry": ("retries", whole(0, 1_000)),
    "backoff": ("backoff", _backoff),
    "interval": ("interval_ms", number(0.0, MAX_MS)),
    "period": ("period_ms", number(0.001, MAX_MS)),
    "timeout": ("timeout_ms", number(0.001, MAX_TIMEOUT_MS)),
    "size": ("size_bytes", _size),
    "squiet": ("split_s", number(0.001, MAX_MS)),
    "reachable": ("reachable", whole(1, MAX_COUNT)),
    "ttl": ("ttl", _ttl),
    "tos": ("tos", _tos),
    "src": ("source", _source),
    "iface": ("interface", nonempty),
    "file": ("file", nonempty),
    "engine": ("engine", nonempty),
}
"""By option: attribute of `Options`, and how its text becomes a value."""
