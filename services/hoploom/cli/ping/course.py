"""What happens on a run, from the prober's news and from the clock: into the book, and on to the voice. No sockets."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Protocol

from hoploom.cli.ping.hosts import DUPLICATE, ERROR, REFUSED, REPLY, TIMEOUT, Event, Host, Icmp, Totals
from hoploom.cli.ping.report import Line
from hoploom.cli.ping.schedule import Schedule, Turn
from hoploom.prober import probes
from hoploom.wire.addresses import texts

ICMP_HEADER_BYTES = 8
_NS = 1_000_000_000


class Voice(Protocol):
    """Says what happens: fping's lines, or JSON."""

    def tell(self, host: Host, event: Event) -> list[Line]:
        """An event that is in the book already."""
        ...

    def not_found(self, target: str, reason: str) -> list[Line]:
        """A name that no address was found for."""
        ...

    def interim(self, hosts: list[Host], clock: str) -> list[Line]:
        """The sums since the last ones."""
        ...

    def finish(self, hosts: list[Host], totals: Totals, elapsed_s: float) -> list[Line]:
        """The end."""
        ...


class Course:
    """One run.

    Attributes:
        hosts: The targets.
        totals: Counters of the whole.
    """

    def __init__(self, hosts: list[Host], schedule: Schedule, voice: Voice, wall_less_monotonic_ns: int) -> None:
        """Begin.

        Args:
            hosts: The targets.
            schedule: Who is asked when.
            voice: Who tells it.
            wall_less_monotonic_ns: What to add to a monotonic time for the time of day.
        """
        self.hosts = hosts
        self.totals = Totals()
        self._schedule = schedule
        self._voice = voice
        self._offset_ns = wall_less_monotonic_ns

    def hear(self, turns: Sequence[Turn], news: probes.Heard) -> Iterator[Line]:
        """News of the prober.

        Args:
            turns: The requests that it speaks of, in the order of its targets.
            news: What became of them.
        """
        senders = texts(news.sender)
        columns = (news.kind, news.target, news.at_ns, news.rtt_ns, news.size_bytes, news.ttl, news.icmp_type,
                   news.icmp_code, news.error)  # fmt: skip
        for row, (kind, target, at_ns, rtt_ns, size_bytes, ttl, icmp_type, icmp_code, error) in enumerate(
            zip(*(each.tolist() for each in columns), strict=True)
        ):
            turn, at_s = turns[target], self._at_s(at_ns)
            if kind in (probes.REPLY, probes.DUPLICATE):
                name = REPLY if kind == probes.REPLY else DUPLICATE
                event = Event(name, turn.request, at_s, rtt_ns, size_bytes + ICMP_HEADER_BYTES, ttl)
                yield from self._answer(turn, event)
            elif kind == probes.ICMP_ERROR:
                self.totals.other += 1
                icmp = Icmp(icmp_type, icmp_code, senders[row])
                yield from self._tell(turn, Event(ERROR, turn.request, at_s, icmp=icmp))
            elif kind == probes.UNSENT:
                yield from self._refusal(turn, at_s, error)

    def expire(self, now_ns: int) -> Iterator[Line]:
        """The time of some requests is up."""
        for turn in self._schedule.expired(now_ns):
            self.totals.timeouts += 1
            last = self._schedule.gives_up(turn)
            yield from self._tell(turn, Event(TIMEOUT, turn.request, self._at_s(now_ns), is_last=last))

    def not_found(self, target: str, reason: str) -> list[Line]:
        """A name that no address was found for."""
        self.totals.unknown += 1
        return self._voice.not_found(target, reason)

    def interim(self, clock: str) -> list[Line]:
        """Interim sums; what comes after counts anew."""
        lines = self._voice.interim(self.hosts, clock)
        for host in self.hosts:
            host.recent = type(host.recent)()
        return lines

    def finish(self, elapsed_s: float) -> list[Line]:
        """The end."""
        return self._voice.finish(self.hosts, self.totals, elapsed_s)

    def _answer(self, turn: Turn, event: Event) -> Iterator[Line]:
        self.totals.replies += 1
        if event.kind == DUPLICATE:
            yield from self._tell(turn, event)
        elif self._schedule.answered(turn.row, turn.request, event.rtt_ns):
            self.totals.all.answered(event.rtt_ns)
            yield from self._tell(turn, event)

    def _refusal(self, turn: Turn, at_s: float, error: int) -> Iterator[Line]:
        self._schedule.failed(turn.row, turn.request)
        reason = os.strerror(error) if error else "No socket of this family"
        yield from self._tell(turn, Event(REFUSED, turn.request, at_s, reason=reason, is_last=True))

    def _tell(self, turn: Turn, event: Event) -> list[Line]:
        host = self.hosts[turn.row]
        host.note(event)
        return self._voice.tell(host, event)

    def _at_s(self, monotonic_ns: int) -> float:
        return (monotonic_ns + self._offset_ns) / _NS
