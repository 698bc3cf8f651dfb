"""Traceroutes of many targets at once: which probe comes next, and what an answer to it means. Pure.

FlashRoute's scheme. On the first lap of the ring each target gets one probe with the largest TTL, whose answer measures
the distance; on every further turn at most one probe backward and one forward. Backward probing ends at an interface
that backward probing of some other paths has passed: the rest is on those. What forward probing finds is known to
others only when its path is done, else two paths could each leave their beginning to the other. Time and answers come
from outside: who drives this sends what `visit` hands out, and tells of each probe one of `answered`, `lost`, `failed`.

Source: Huang, Rabinovich, Al-Dalky, "FlashRoute: Efficient Traceroute on a Massive Scale" (IMC 2020), section 3.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hoploom.prober.hop_log import NOTHING, HopLog
from hoploom.prober.pacing import NS
from hoploom.prober.stop_set import NOWHERE, Prints, StopSet, fingerprints
from hoploom.prober.trace_answers import Answers, Probes
from hoploom.prober.trace_paths import BROKEN, DONE, LOOPING, Paths
from hoploom.prober.trace_ring import Ring
from hoploom.prober.trace_start import by_quote, by_reply, predicted
from hoploom.prober.traces import TraceSettings
from hoploom.wire.addresses import is_mapped

MEASURING_S = 0.5
"""How long the last answer about a distance is waited for; one that comes later does not shape where probing begins."""
LOOKED_AT = 256
"""Rows looked at together: most targets wait or are done, and looking at so many costs little more than at one."""
_EXPIRED, _EXPIRED6 = 11, 3
"""Time exceeded: RFC 792 and RFC 4443; code 0 of both is the TTL's."""


class Tracing:
    """The state of one trace.

    Attributes:
        paths: What is known of each path.
        log: What was answered.
        in_flight: Probes that were handed out and have no fate yet.
        ignored: Answers to probes that were not waited for.
    """

    def __init__(
        self, targets: NDArray[np.uint8], settings: TraceSettings, known: StopSet, *, seed: int, now_ns: int
    ) -> None:
        """Begin with nothing probed.

        Args:
            targets: (n, 16) bytes.
            settings: How they are probed.
            known: Interfaces of the traces before; those of the paths that get done here are added.
            seed: Any number: another order of the ring for each.
            now_ns: Monotonic clock.
        """
        self._targets, self._settings, self._known = targets, settings, known
        self._met = StopSet()
        self.paths, self.log = Paths(len(targets), settings), HopLog()
        self.in_flight = self.ignored = 0
        self._ring = Ring(len(targets), settings.interval_s, seed, now_ns)
        self._is_measuring = True
        self._turn_ns = now_ns

    @property
    def is_over(self) -> bool:
        """Whether every path is done."""
        return not len(self._ring)

    def visit(self, now_ns: int, most: int) -> Probes:
        """Take the next probes; they count as handed out.

        Args:
            now_ns: Monotonic clock.
            most: About how many; one more may come.

        Returns:
            Probes in the order in which they are to be sent, maybe none.
        """
        found = [Probes(np.zeros(0, np.int32), np.zeros(0, np.uint8))]
        while most > 0 and (not self._ring.is_lap_over or self._begin_lap(now_ns)):
            rows = self._ring.upcoming(now_ns, max(most, LOOKED_AT))
            if not len(rows):
                break
            turns, probes = self._measure(rows[:most]) if self._is_measuring else self._stream(rows, most)
            self._ring.had(now_ns, turns)
            self._turn_ns = now_ns
            found.append(probes)
            self.in_flight += len(probes.target)
            most -= len(probes.target)
        if self._ring.is_lap_over:
            self._begin_lap(now_ns)
        return Probes(*(np.concatenate(each) for each in zip(*found, strict=True)))

    def next_ns(self) -> int:
        """When `visit` may have something, if nothing is heard before."""
        if not self._ring.is_lap_over:
            return self._ring.next_ns()
        return self._turn_ns + int(MEASURING_S * NS) if self.in_flight else 0

    def _begin_lap(self, now_ns: int) -> bool:
        if self._is_measuring:
            if self.in_flight and now_ns < self.next_ns():
                return False
            self.paths.split = predicted(self._targets, self.paths.split, self._settings.split_ttl)
            self._is_measuring = False
        self._tell(self._ring.begin_lap((self.paths.flags & DONE) != 0))
        return not self.is_over

    def _tell(self, done: NDArray[np.int32]) -> None:
        """What these paths have shown is known to others now."""
        whole = done[(self.paths.flags[done] & BROKEN) == 0]
        prints = [answers["print"] for _, answers in self.log.back(self.paths.newest[whole])]
        if prints:
            found = np.concatenate(prints)
            self._known.add(found[found != NOWHERE])

    def _measure(self, rows: NDArray[np.int32]) -> tuple[int, Probes]:
        ttl = np.full(len(rows), self._settings.max_ttl)
        self.paths.probe(rows, ttl)
        return len(rows), Probes(rows, ttl.astype(np.uint8))

    def _stream(self, rows: NDArray[np.int32], most: int) -> tuple[int, Probes]:
        """How many of these have their turn, and the probes that those send: as many as asked for, or one more."""
        coming = self.paths.next(rows)
        ttl = np.stack((coming.backward, coming.forward), axis=1)
        turns = max(1, int(np.searchsorted(np.cumsum(np.count_nonzero(ttl, axis=1)), most, side="right")))
        rows, ttl, is_over = rows[:turns], ttl[:turns], coming.is_over[:turns]
        if is_over.any():
            over = rows[is_over]
            self.paths.flag(over[~self.paths.try_again(over)], DONE)
        for each in ttl.T:
            self.paths.probe(rows[each > 0], each[each > 0])
        return turns, Probes(np.repeat(rows, 2)[ttl.ravel() > 0], ttl.ravel()[ttl.ravel() > 0].astype(np.uint8))

    def answered(self, answers: Answers) -> None:
        """Probes were answered; what was not waited for is ignored and counted."""
        numbers = np.full(len(answers.target), NOTHING, np.int64)
        for rows in _turns(answers.target):
            is_due = self._settle(answers.target[rows], answers.ttl[rows])
            numbers[rows[is_due]] = self._hear(answers, rows[is_due])
        self.ignored += int(np.count_nonzero(numbers == NOTHING))
        quoting = numbers[answers.mpls_row]
        self.log.label(quoting[quoting != NOTHING], answers.mpls_entry[quoting != NOTHING])

    def lost(self, target: NDArray[np.int32], ttl: NDArray[np.uint8], at_us: NDArray[np.int64]) -> None:
        """Probes were not answered in time.

        Args:
            target: (k,) row of the target.
            ttl: (k,) TTL of the probe.
            at_us: (k,) when it was sent, microseconds after the trace began.
        """
        for rows in _turns(target):
            due = rows[self._settle(target[rows], ttl[rows])]
            self.log.silence(target[due], ttl[due], at_us[due])

    def sent(self, target: NDArray[np.int32], at_us: NDArray[np.int64]) -> None:
        """Probes left.

        Args:
            target: (k,) row of the target.
            at_us: (k,) when, microseconds after the trace began.
        """
        for rows in _turns(target):
            paths = target[rows]
            self.paths.sent[paths] += 1
            before = self.paths.first_us[paths]
            self.paths.first_us[paths] = np.where(before < 0, at_us[rows], before)

    def failed(self, target: NDArray[np.int32], ttl: NDArray[np.uint8], at_us: NDArray[np.int64]) -> None:
        """The system refused to send probes: their paths are given up. Arguments as of `lost`."""
        for rows in _turns(target):
            paths = target[rows]
            paths = paths[self._settle(paths, ttl[rows])]
            self.paths.flag(paths, BROKEN)
        first = self.paths.first_us[target]
        self.paths.first_us[target] = np.where(first < 0, at_us, first)

    def _settle(self, target: NDArray[np.int32], ttl: NDArray[np.uint8]) -> NDArray[np.bool_]:
        is_due = self.paths.settle(target, ttl.astype(np.intp))
        self.in_flight -= int(np.count_nonzero(is_due))
        return is_due

    def _hear(self, answers: Answers, rows: NDArray[np.intp]) -> NDArray[np.int64]:
        """Take in answers that were waited for, one a path; returns their numbers in the log."""
        target, ttl = answers.target[rows], answers.ttl[rows].astype(np.intp)
        prints = fingerprints(answers.address[rows])
        is_target = (answers.address[rows] == self._targets[target]).all(axis=1)
        is_expired = _has_expired(answers, rows) & ~is_target
        again, apart = self.log.seen(self.paths.newest[target], prints, ttl)
        self.paths.flag(target[apart & is_expired], LOOPING)
        self._close_in(answers, rows, is_target, is_expired)
        self._join(target[is_expired], ttl[is_expired], prints[is_expired], again[is_expired])
        # Who refuses does so at every TTL beyond his own: only what expired says where an interface stands.
        return self._write(answers, rows, np.where(is_expired, prints, NOWHERE))

    def _close_in(
        self, answers: Answers, rows: NDArray[np.intp], is_target: NDArray[np.bool_], is_expired: NDArray[np.bool_]
    ) -> None:
        """What answers for all that is beyond it tells its distance: probing goes on from there."""
        target, ttl = answers.target[rows], answers.ttl[rows].astype(np.intp)
        away, now = by_quote(ttl, answers.quoted_ttl[rows]), self.paths.split[target]
        # The way back may be shorter: it is believed only where probing would go through all TTLs beyond.
        is_believed = (away == 0) & ((now == 0) | (ttl < now))
        told = np.where(is_believed, by_reply(answers.reply_ttl[rows], self._settings.max_ttl), away)
        split = np.where((told > 0) & ~is_expired, told + ~is_target, 0)
        self.paths.close_in(target, np.minimum(split, self._settings.max_ttl))
        is_refused = ~is_expired & ~is_target
        self.paths.reach(target[is_target], ttl[is_target])
        self.paths.refuse(target[is_refused], ttl[is_refused], away[is_refused])

    def _join(
        self, target: NDArray[np.int32], ttl: NDArray[np.intp], prints: Prints, again: NDArray[np.bool_]
    ) -> None:
        """End backward probing where it met what is known; an interface of its own path is no stranger's."""
        is_counted = (ttl < self.paths.split[target]) & ~again
        is_nearest = self.paths.expire(target, ttl)
        counted, passes = prints[is_counted], np.zeros(len(prints), np.int64)
        passes[is_counted] = np.maximum(self._known.passes(counted), self._met.passes(counted)) + _earlier(counted)
        joins = (passes >= self._settings.flows) & (not self._settings.is_whole)
        self.paths.joined[target[is_nearest]] = np.where(joins, ttl, 0)[is_nearest]
        self._met.add(counted)

    def _write(self, answers: Answers, rows: NDArray[np.intp], prints: Prints) -> NDArray[np.int64]:
        target = answers.target[rows]
        names = ("target", "ttl", "address", "icmp_type", "icmp_code", "rtt_us", "reply_ttl", "quoted_ttl", "at_us")
        columns = {name: getattr(answers, name)[rows] for name in names}
        numbers = self.log.answer({**columns, "print": prints, "before": self.paths.newest[target]})
        self.paths.newest[target] = numbers
        return numbers


def _has_expired(answers: Answers, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
    kinds = np.where(is_mapped(answers.address[rows]), _EXPIRED, _EXPIRED6)
    found: NDArray[np.bool_] = (answers.icmp_type[rows] == kinds) & (answers.icmp_code[rows] == 0)
    return found


def _earlier(prints: Prints) -> NDArray[np.int64]:
    """How often each stands before itself."""
    order = np.argsort(prints, kind="stable")
    found = np.empty(len(prints), np.int64)
    found[order] = np.arange(len(prints)) - np.searchsorted(prints[order], prints[order])
    return found


def _turns(targets: NDArray[np.int32]) -> Iterator[NDArray[np.intp]]:
    """Indexes of rows, several times where a target comes several times: each at most once in each."""
    left = np.arange(len(targets))
    if 0 < len(left) == len(set(targets.tolist())):
        yield left
        return
    while len(left):
        first = np.sort(np.unique(targets[left], return_index=True)[1])
        yield left[first]
        left = np.delete(left, first)
