"""Paths for a person: a line a hop, as traceroute and scamper write them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hoploom.cli.trace.paths import Hop, Path
from hoploom.prober.traces import FAILED, GAP, LOOP, REACHED, STOPPED, UNREACHABLE

_UNREACHABLE, _UNREACHABLE_V6 = 3, 1
_MARKS = {
    _UNREACHABLE: {0: "!N", 1: "!H", 2: "!P", 4: "!F", 5: "!S", 9: "!X", 10: "!X", 13: "!X"},
    _UNREACHABLE_V6: {0: "!N", 1: "!X", 3: "!H"},
}
"""traceroute's marks of destination unreachable (RFC 792, RFC 1812, RFC 4443)."""
_PORT = {_UNREACHABLE: 3, _UNREACHABLE_V6: 4}
_US_PER_MS = 1_000
ENDS = {
    GAP: "not reached: nothing answers from here on",
    UNREACHABLE: "not reached: it is said to be unreachable",
    LOOP: "not reached: the way goes round in a loop",
    FAILED: "nothing could be sent to it",
    STOPPED: "stopped: the rest was not probed",
}
"""What is said under a path that does not reach its target, or is not done."""


class Report:
    """Writes paths down; remembers them, so that a path that joins another can say which."""

    def __init__(self) -> None:
        """Begin with no path."""
        self._ways: dict[tuple[str, int], str] = {}

    def path(self, path: Path, names: Mapping[str, str] | None = None) -> Iterator[str]:
        """The lines about one path.

        Args:
            path: The path.
            names: Names of addresses, where they are asked for.
        """
        title = path.address if path.target == path.address else f"{path.target} ({path.address})"
        yield f"traceroute to {title}"
        if path.joined_ttl > 1:
            yield f"{_span(1, path.joined_ttl - 1)}  {self._rest(path)}"
        last = path.joined_ttl - 1 if path.joined_ttl else 0
        for hop in path.hops:
            if last and hop.ttl > last + 1:
                yield f"{_span(last + 1, hop.ttl - 1)}  (not probed)"
            last = hop.ttl
            yield _line(hop, path.address, names or {})
        if path.outcome != REACHED:
            yield f"    {ENDS[path.outcome]}"

    def remember(self, path: Path) -> None:
        """Paths that are printed later may join this one."""
        for hop in path.hops:
            if hop.address and (hop.ttl > path.joined_ttl or not path.joined_ttl):
                self._ways.setdefault((hop.address, hop.ttl), path.address)

    def _rest(self, path: Path) -> str:
        met = next((hop for hop in path.hops if hop.ttl == path.joined_ttl), None)
        other = self._ways.get((met.address, met.ttl)) if met else None
        return f"as on the way to {other}" if other else "(known already)"


def _span(first: int, last: int) -> str:
    return f"{first:2d}" if first == last else f"{first:2d}-{last}"


def _line(hop: Hop, target: str, names: Mapping[str, str]) -> str:
    if not hop.address:
        return f"{hop.ttl:2d}  *"
    name = names.get(hop.address, hop.address)
    shown = hop.address if name == hop.address else f"{name} ({hop.address})"
    said = f"{hop.ttl:2d}  {shown}  {hop.rtt_us / _US_PER_MS:.3f} ms"
    for each in hop.labels:
        said += f"  [MPLS label {each.label} TTL {each.ttl}]"
    return said + _mark(hop, target)


def _mark(hop: Hop, target: str) -> str:
    kind = _UNREACHABLE_V6 if ":" in hop.address else _UNREACHABLE
    # The target's own port unreachable is how a datagram ends.
    if hop.icmp_type != kind or (hop.address == target and hop.icmp_code == _PORT[kind]):
        return ""
    return "  " + _MARKS[kind].get(hop.icmp_code, f"!{hop.icmp_code}")
