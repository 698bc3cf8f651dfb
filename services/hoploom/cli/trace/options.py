"""scamper's letters, and ours beside them: from words to checked `Options`. Pure.

Where scamper's own letter and its trace's mean different things, the trace's is taken; -p and -r are a rate in packets
a second.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hoploom.cli.trace.flags import FLAGS, REFUSED
from hoploom.cli.words import BadWord, Given, nonempty, number, parse, whole
from hoploom.prober.traces import MAX_FLOWS, MAX_TTL, TraceSettings

METHODS = {"icmp": "icmp", "icmp-paris": "icmp", "icmp-echo": "icmp", "icmp-echo-paris": "icmp", "udp": "udp",
           "udp-paris": "udp"}
"""scamper's names of methods, and the prober's protocols; of these all keep one flow a target."""
WORDS = ("text", "json", "ptr")
DEFAULT_SPLIT_TTL, DEFAULT_MAX_TTL = 16, 32


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a person wants.

    Attributes:
        shows: `help` or `version` instead of tracing; empty to trace.
        operands: Names, addresses, blocks and files.
        family: 4 or 6; 0 takes what the resolver gives first.
        settings: How each is probed; the rate is what was asked for, None where nothing was.
        source: Address to send from; empty for any.
        interface: Interface to send by; empty for any.
        user_id: A number for the JSON.
        per_prefix: Sampling rule of blocks; empty for the default.
        max_targets: Most targets.
        engine: Which engine to probe with.
        flags: `whole`, `any`, `json`, `ndjson`, `ptr`: those that were given.
    """

    shows: str = ""
    operands: tuple[str, ...] = ()
    family: int = 0
    settings: TraceSettings = field(default_factory=TraceSettings)
    source: str = ""
    interface: str = ""
    user_id: int = 0
    per_prefix: str = ""
    max_targets: int = 1_000_000
    engine: str = "auto"
    flags: frozenset[str] = frozenset()

    @property
    def is_machine(self) -> bool:
        """Whether a program reads the output."""
        return bool(self.flags & {"json", "ndjson"})


def read(words: Sequence[str]) -> Options:
    """Understand a command line.

    Raises:
        BadWord: In one sentence what is wrong, or what of scamper's is not here.
    """
    given = _with_command(parse(words, FLAGS))
    values = given.values
    for shows in ("version", "help"):
        if shows in values:
            return Options(shows=shows)
    for letter, reason in REFUSED.items():
        if f"scamper-{letter}" in values:
            raise BadWord(f"-{letter} of scamper is not here: {reason}")
    _refuse_contradictions(values)
    found = {_PLAIN[name][0]: _PLAIN[name][1](name, text) for name, text in values.items() if name in _PLAIN}
    flags = frozenset(values) & {"whole", "any", "json", "ndjson"} | _words(values)
    if flags >= {"json", "ndjson"}:
        raise BadWord("specify only one of --json, --ndjson")
    family = 4 if "ipv4" in values else 6 if "ipv6" in values else 0
    return Options(
        operands=tuple(given.operands), family=family, settings=_settings(values), flags=flags, **found
    )


def _with_command(given: Given) -> Given:
    """`-c "trace -P udp-paris"` stands for its options; what stands on the command line itself counts more."""
    text = given.values.get("command")
    if text is None:
        return given
    words = text.split()
    if words[:1] != ["trace"]:
        raise BadWord(f"-c takes `trace` and its options, not {text!r} (for pings: hoploom ping)")
    inner = parse(words[1:], FLAGS)
    if inner.operands or "command" in inner.values:
        raise BadWord(f"-c takes `trace` and its options, not {text!r}")
    return Given({**inner.values, **given.values}, given.operands)


def _refuse_contradictions(values: dict[str, str]) -> None:
    for is_wrong, sentence in (
        ({"ipv4", "ipv6"} <= values.keys(), "can't specify both -4 and -6"),
        ({"pps", "rate"} <= values.keys(), "specify only one of -p, -r"),
        (values.get("gapaction", "1") != "1", "-G is 1 here: a target is given up after its gap"),
        (values.get("loops", "1") != "1", "-l is 1 here: a path ends with its first loop"),
        (values.get("tos", "0") != "0", "-t is 0 here: no other type of service is sent"),
    ):
        if is_wrong:
            raise BadWord(sentence)


def _words(values: dict[str, str]) -> frozenset[str]:
    """What -O asks for."""
    words = [each.lower() for each in values.get("option", "").split(",") if each]
    unknown = [each for each in words if each not in WORDS]
    if unknown:
        raise BadWord(f"-O is text, json or ptr here, not {unknown[0]!r}")
    return frozenset({"json": "ndjson"}.get(each, each) for each in words if each != "text")


def _settings(values: dict[str, str]) -> TraceSettings:
    found: dict[str, Any] = {"attempts": 2, "interval_s": 0.05, "max_ttl": DEFAULT_MAX_TTL}
    found |= {_PROBING[name][0]: _PROBING[name][1](name, text) for name, text in values.items() if name in _PROBING}
    first, most = found.get("first_ttl", 1), found["max_ttl"]
    if first > most:
        raise BadWord(f"-f {first} is beyond the largest TTL, {most} (-m)")
    split = found.setdefault("split_ttl", min(max(DEFAULT_SPLIT_TTL, first), most))
    if not first <= split <= most:
        raise BadWord(f"--split {split} is not between the smallest TTL, {first}, and the largest, {most}")
    return TraceSettings(is_whole="whole" in values, **found)


def _gap(name: str, text: str) -> int:
    return whole(0, MAX_TTL)(name, text) or MAX_TTL


def _method(name: str, text: str) -> str:
    if text.lower() not in METHODS:
        raise BadWord(f"-P is icmp-paris or udp-paris here, not {text!r}")
    return METHODS[text.lower()]


def _hundredths(name: str, text: str) -> float:
    return whole(0, 10_000)(name, text) / 100


_PROBING: dict[str, tuple[str, Callable[[str, str], Any]]] = {
    "first": ("first_ttl", whole(1, MAX_TTL)),
    "split": ("split_ttl", whole(1, MAX_TTL)),
    "maxttl": ("max_ttl", whole(1, MAX_TTL)),
    "gaplimit": ("gap_limit", _gap),
    "attempts": ("attempts", whole(1, 10)),
    "flows": ("flows", whole(1, MAX_FLOWS)),
    "method": ("protocol", _method),
    "wait": ("timeout_s", number(0.001, 600)),
    "wait-probe": ("interval_s", _hundredths),
    "rate": ("rate_pps", number(1e-3, 1e9)),
    "pps": ("rate_pps", number(1e-3, 1e9)),
}
"""By option: attribute of `TraceSettings`, and how its text becomes a value."""
_PLAIN: dict[str, tuple[str, Callable[[str, str], Any]]] = {
    "src": ("source", nonempty),
    "iface": ("interface", nonempty),
    "userid": ("user_id", whole(0, 2**32 - 1)),
    "per-prefix": ("per_prefix", nonempty),
    "max-targets": ("max_targets", whole(1, 10_000_000)),
    "engine": ("engine", nonempty),
}
"""By option: attribute of `Options`, and how its text becomes a value."""
