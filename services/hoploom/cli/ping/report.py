"""fping 5.1's lines: from what happens to what is printed, and on which stream. Pure.

Source: fping 5.1 itself, asked with the same arguments (tests/integration/test_fping_compat.py).
"""

from __future__ import annotations

from typing import NamedTuple

from hoploom.cli.ping.hosts import DUPLICATE, ERROR, NONE, REFUSED, REPLY, Event, Host, Span, Totals
from hoploom.cli.ping.netdata import charts
from hoploom.cli.ping.options import Options

_NS_PER_MS = 1_000_000
_MAX_PLAIN_MS = 1_000_000
_UNREACHABLE, _TIME_EXCEEDED = 3, 11
UNREACHABLE = (
    "ICMP Network Unreachable",
    "ICMP Host Unreachable",
    "ICMP Protocol Unreachable",
    "ICMP Port Unreachable",
    *(
        f"ICMP Unreachable ({reason})"
        for reason in (
            "Fragmentation Needed",
            "Source Route Failed",
            "Destination Network Unknown",
            "Destination Host Unknown",
            "Source Host Isolated",
            "Communication with Network Prohibited",
            "Communication with Host Prohibited",
            "Network Unreachable For Type Of Service",
            "Host Unreachable For Type Of Service",
            "Communication Administratively Prohibited",
            "Host Precedence Violation",
            "Precedence cutoff in effect",
        )
    ),
)
"""Names of the codes of destination unreachable, as fping says them (RFC 792, RFC 1122, RFC 1812)."""
OTHER_ERRORS = {4: "ICMP Source Quench", 5: "ICMP Redirect", _TIME_EXCEEDED: "ICMP Time Exceeded",
                12: "ICMP Parameter Problem"}


class Line(NamedTuple):
    """One line of output.

    Attributes:
        text: Without its end.
        is_error: Whether it goes to stderr.
    """

    text: str
    is_error: bool = False


def milliseconds(ns: int) -> str:
    """A time as fping writes it: three digits or more."""
    value = ns / _NS_PER_MS
    for limit, digits in ((1, 3), (10, 2), (100, 1), (_MAX_PLAIN_MS, 0)):
        if value < limit:
            return f"{value:.{digits}f}"
    return f"{value:.3e}"


class Report:
    """What fping would print.

    Attributes:
        says_each: Whether each request gets a line.
    """

    def __init__(self, options: Options, width: int) -> None:
        """Remember what is wanted.

        Args:
            options: The command line.
            width: Of the longest name; those of a count stand in a column.
        """
        self._options = options
        self._flags = options.flags
        self._width = width if options.is_counting else 0
        is_brief = bool(self._flags & {"alive", "unreach", "quiet"} or options.split_s or options.reachable)
        self.says_each = options.is_counting and (not options.split_s if options.is_endless else not is_brief)
        self._says_all = not options.is_counting and not is_brief
        self._has_charts = False
        self._is_quiet = "quiet" in self._flags or options.split_s > 0

    def tell(self, host: Host, event: Event) -> list[Line]:
        """What an event is worth saying; the host has it in its book already."""
        if event.kind == ERROR:
            return self._error(host, event)
        if event.kind == DUPLICATE:
            return self._repeated(host, event)
        if event.kind == REFUSED:
            return self._refused(host, event)
        if self._options.is_counting:
            return self._each(host, event)
        return self._alive(host, event) if event.kind == REPLY else []

    def _alive(self, host: Host, event: Event) -> list[Line]:
        elapsed = f" ({milliseconds(event.rtt_ns)} ms)" if "elapsed" in self._flags else ""
        if "alive" in self._flags:
            return [Line(f"{host.name}{elapsed}")]
        return [Line(f"{host.name} is alive{elapsed}")] if self._says_all else []

    def _refused(self, host: Host, event: Event) -> list[Line]:
        said = Line(f"{host.name}: error while sending ping: {event.reason}", is_error=True)
        return [said] if self._says_all else []

    def _repeated(self, host: Host, event: Event) -> list[Line]:
        if self.says_each:
            return []
        got = f"{event.size_bytes} bytes, {milliseconds(event.rtt_ns)} ms"
        return [Line(f"{host.name} : duplicate for [{event.request}], {got}", is_error=True)]

    def _error(self, host: Host, event: Event) -> list[Line]:
        # fping 5.1 says nothing about those of IPv6.
        if self._is_quiet or event.icmp is None or ":" in host.address:
            return []
        what = error_name(event.icmp.type, event.icmp.code)
        return [Line(f"{what} from {event.icmp.sender} for ICMP Echo sent to {host.name}", is_error=True)]

    def not_found(self, target: str, reason: str) -> list[Line]:
        """A name that no address was found for."""
        return [] if self._is_quiet else [Line(f"{target}: {reason}", is_error=True)]

    def interim(self, hosts: list[Host], clock: str) -> list[Line]:
        """The sums since the last ones.

        Args:
            hosts: All targets.
            clock: The time of day, as HH:MM:SS.
        """
        if "netdata" in self._flags:
            return self._charts(hosts)
        head = [Line("", is_error=True)] if self.says_each else []
        sums = [Line(self._sums(host, host.recent), is_error=True) for host in hosts]
        return [*head, Line(f"[{clock}]", is_error=True), *sums]

    def finish(self, hosts: list[Host], totals: Totals, elapsed_s: float) -> list[Line]:
        """What is said at the end."""
        given_up = [line for host in hosts if not host.is_alive for line in self._given_up(host)]
        return [*given_up, *self._reachable(hosts), *self._all_sums(hosts), *self._totals(hosts, totals, elapsed_s)]

    def _charts(self, hosts: list[Host]) -> list[Line]:
        seconds, is_first = int(self._options.split_s), not self._has_charts
        self._has_charts = True
        return [Line(each) for host in hosts for each in charts(host, seconds, is_first=is_first)]

    def _reachable(self, hosts: list[Host]) -> list[Line]:
        wanted, alive = self._options.reachable, sum(host.is_alive for host in hosts)
        if not wanted:
            return []
        enough = "Enough" if alive >= wanted else "Not enough"
        return [Line(f"{enough} hosts reachable (required: {wanted}, reachable: {alive})")]

    def _all_sums(self, hosts: list[Host]) -> list[Line]:
        if not self._options.is_counting:
            return []
        head = [Line("", is_error=True)] if self.says_each else []
        return head + [Line(self._final(host), is_error=True) for host in hosts]

    def _totals(self, hosts: list[Host], totals: Totals, elapsed_s: float) -> list[Line]:
        if "stats" not in self._flags:
            return []
        alive, times = sum(host.is_alive for host in hosts), totals.all
        counts = (
            (len(hosts), "targets"), (alive, "alive"), (len(hosts) - alive, "unreachable"),
            (totals.unknown, "unknown addresses"), None,
            (totals.timeouts, "timeouts (waiting for response)"), (totals.sent, "ICMP Echos sent"),
            (totals.replies, "ICMP Echo Replies received"), (totals.other, "other ICMP received"), None,
        )  # fmt: skip
        lines = ["", *(f"{each[0]:8d} {each[1]}" if each else "" for each in counts)]
        for ns, name in ((times.least_ns, "min"), (times.mean_ns, "avg"), (times.most_ns, "max")):
            lines.append(f" {milliseconds(max(ns, 0))} ms ({name} round trip time)")
        return [Line(each, is_error=True) for each in [*lines, f"{elapsed_s:13.3f} sec (elapsed real time)", ""]]

    def _each(self, host: Host, event: Event) -> list[Line]:
        if not self.says_each:
            return []
        stamp = f"[{event.at_s:.5f}] " if "timestamp" in self._flags else ""
        got = f"{event.size_bytes} bytes, {milliseconds(event.rtt_ns)} ms" if event.kind == REPLY else "timed out"
        mean = "NaN" if host.whole.mean_ns == NONE else milliseconds(host.whole.mean_ns)
        so_far = f"({mean} avg, {host.whole.loss_percent}% loss)"
        return [Line(f"{stamp}{host.name:<{self._width}} : [{event.request}], {got} {so_far}")]

    def _given_up(self, host: Host) -> list[Line]:
        if "unreach" in self._flags and not self._options.is_counting:
            return [Line(host.name)]
        return [Line(f"{host.name} is unreachable")] if self._says_all else []

    def _final(self, host: Host) -> str:
        if not self._options.is_verbose_count:
            return self._sums(host, host.whole)
        times = (host.rtts_ns[request] for request in sorted(host.rtts_ns))
        said = " ".join("-" if each == NONE else milliseconds(each) for each in times)
        return f"{host.name:<{self._width}} : {said}"

    def _sums(self, host: Host, span: Span) -> str:
        said = f"{host.name:<{self._width}} : xmt/rcv/%loss = {span.sent}/{span.received}/{span.loss_percent}%"
        if "outage" in self._flags:
            said += f", outage(ms) = {int((span.sent - span.received) * self._options.period_ms)}"
        if span.received:
            times = "/".join(map(milliseconds, (span.least_ns, span.mean_ns, span.most_ns)))
            said += f", min/avg/max = {times}"
        return said


def error_name(icmp_type: int, icmp_code: int) -> str:
    """What fping calls an ICMP error."""
    if icmp_type == _UNREACHABLE:
        return UNREACHABLE[icmp_code] if icmp_code < len(UNREACHABLE) else "ICMP Unreachable (Invalid Code)"
    return OTHER_ERRORS.get(icmp_type, f"ICMP type {icmp_type}")


def exit_code(options: Options, hosts: list[Host], totals: Totals) -> int:
    """The verdict as fping gives it: 0 all answered (or enough), 1 not all, 2 some names were not found."""
    alive = sum(host.is_alive for host in hosts)
    if options.reachable and hosts:
        return int(alive < options.reachable)
    if totals.unknown:
        return 2
    return int(not hosts or alive < len(hosts))
