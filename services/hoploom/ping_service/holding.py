"""Which leases this worker holds, until when, and what it has to say about each next: a pure machine.

Every function takes what is held and returns what is held then; time is the worker's own clock since boot and is passed
in. A lease ends `ttl_s` after the start of the last renewal that was answered (or of the request), so whoever handed it
out never thinks it over before we do. What comes about a lease that is not held any more changes nothing.

A lease is worked off in chunks. A chunk is under way from the moment it is begun until the output has it.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass, replace
from enum import Enum

from hoploom.wire import traces
from hoploom.wire.batch import MAX_ROWS
from hoploom.wire.lease import Lease
from hoploom.wire.probe import TRACE

MAX_OPEN = 2
"""One that is worked off, and one asked for ahead, so that a short outage of whoever hands them out idles nobody."""

MAX_WAITING = 8
"""Leases held in all, with those that are probed and wait for the output: while it is away the worker goes on for some
minutes. More would be handed out again before it is back, and each is renewed. A request may name 16."""

CHUNK_S = 10
"""Seconds of work in a chunk: what a worker that dies can lose of what it has probed."""

TRACE_CHUNK_S = 30
"""The same for traceroutes: however few there are, the last hop of a path is known after some ten seconds, in which
little is sent; a chunk of ten seconds would leave half of the rate unused."""

RENEWALS = 3
"""A lease is renewed so many times in its life, so that two may fail."""

RETRY_S = 1.0
LATE_S = 60.0
"""So long after its end it is still told that all of a lease is stored: there is nothing to stop, and it saves probing
the same again where nobody could be told before."""

NOW_S = float("-inf")


class Word(Enum):
    """What may be said about a lease."""

    RENEW = "renew"
    DONE = "done"
    RETURN = "return"


@dataclass(frozen=True, kw_only=True)
class Held:
    """A lease in our hands.

    Attributes:
        lease: As it came.
        ends_s: When it ends.
        say_s: When the next word about it is due.
        ttl_s: Seconds from the start of a renewal to the end.
        rate_pps: Packets a second that it allows now; 0 for no limit.
        pace_pps: Packets a second at which it is probed; 0 where unlimited.
        probed_upto: Every position below was probed, or is being probed.
        stored_upto: Every position below has its result stored, and counts.
        under_way: Chunks that are being probed or are on their way to the output.
        ahead: What is stored and counts behind a gap, as first position and position after the last, in order.
        stopped: Why no more of it is probed, in a word; empty while it is worked off.
    """

    lease: Lease
    ends_s: float
    say_s: float
    ttl_s: float
    rate_pps: int
    pace_pps: int
    probed_upto: int
    stored_upto: int
    under_way: int = 0
    ahead: tuple[tuple[int, int], ...] = ()
    stopped: str = ""

    @property
    def id(self) -> str:
        """The lease's id."""
        return self.lease.id

    @property
    def word(self) -> Word:
        """What is to be said next."""
        if self.stored_upto >= self.lease.stop:
            return Word.DONE
        return Word.RETURN if self.stopped and not self.under_way else Word.RENEW

    @property
    def is_open(self) -> bool:
        """Whether there is anything left to probe."""
        return not self.stopped and self.probed_upto < self.lease.stop

    @property
    def work_left_s(self) -> float:
        """Seconds of work that have not begun; 0 where that is not known, because it goes as fast as it can."""
        if not self.is_open or not self.pace_pps:
            return 0.0
        return (self.lease.stop - self.probed_upto) * self.lease.probe.packets_per_target / self.pace_pps


Holding = tuple[Held, ...]


def granted(holding: Holding, lease: Lease, asked_s: float) -> Holding:
    """Take a lease.

    Args:
        holding: What is held.
        lease: The lease; one that is held already changes nothing.
        asked_s: When its request was first sent.
    """
    if find(holding, lease.id):
        return holding
    held = Held(
        lease=lease,
        ends_s=asked_s + lease.ttl_s,
        say_s=asked_s + lease.ttl_s / RENEWALS,
        ttl_s=lease.ttl_s,
        rate_pps=lease.rate_pps,
        pace_pps=lease.rate_pps,
        probed_upto=lease.start,
        stored_upto=lease.start,
    )
    return (*holding, held)


def renewed(holding: Holding, lease_id: str, asked_s: float, ttl_s: float, rate_pps: int) -> Holding:
    """A renewal was answered.

    Args:
        holding: What is held.
        lease_id: The lease.
        asked_s: When the renewal was sent.
        ttl_s: Seconds that it lives from then.
        rate_pps: Packets a second that it allows from now on.
    """

    def change(held: Held) -> Held:
        # What has become due meanwhile stays due.
        say_s = asked_s + ttl_s / RENEWALS if held.word is Word.RENEW else held.say_s
        return replace(held, ends_s=asked_s + ttl_s, say_s=say_s, ttl_s=ttl_s, rate_pps=rate_pps)

    return _changed(holding, lease_id, change)


def put_off(holding: Holding, lease_id: str, now_s: float) -> Holding:
    """Nobody took a word about a lease: try again soon."""
    return _changed(holding, lease_id, lambda held: replace(held, say_s=now_s + min(RETRY_S, held.ttl_s / RENEWALS)))


def dropped(holding: Holding, lease_id: str) -> Holding:
    """A lease is ours no more."""
    return tuple(each for each in holding if each.id != lease_id)


def expire(holding: Holding, now_s: float) -> Holding:
    """Drop what has ended by our own clock."""
    return tuple(each for each in holding if now_s < each.ends_s + (LATE_S if each.word is Word.DONE else 0.0))


def stop(holding: Holding, lease_ids: Container[str], reason: str) -> Holding:
    """Probe no more of some leases; they are returned as soon as what was probed is stored."""
    for held in holding:
        if held.id in lease_ids and not held.stopped:
            holding = _changed(holding, held.id, lambda each: replace(each, stopped=reason))
    return holding


def begun(holding: Holding, lease_id: str, pace_pps: int) -> Holding:
    """A chunk is being probed.

    Args:
        holding: What is held.
        lease_id: Its lease.
        pace_pps: Packets a second; 0 where unlimited.
    """
    return _changed(
        holding, lease_id, lambda held: replace(held, under_way=held.under_way + 1, pace_pps=pace_pps)
    )


def probed(holding: Holding, lease_id: str, upto: int) -> Holding:
    """A chunk was probed up to a position, and waits for the output."""
    return _changed(holding, lease_id, lambda held: replace(held, probed_upto=upto))


def settled(holding: Holding, lease_id: str, start: int, stop: int) -> Holding:
    """A chunk is under way no more; they may come in any order, and a gap that stays is where the lease is returned.

    Args:
        holding: What is held.
        lease_id: Its lease.
        start: First position of it that is stored and counts.
        stop: Position after the last; `start` where none counts.
    """

    def change(held: Held) -> Held:
        ahead, upto = sorted([*held.ahead, (start, stop)] if stop > start else held.ahead), held.stored_upto
        while ahead and ahead[0][0] == upto:
            upto = ahead.pop(0)[1]
        return replace(held, under_way=held.under_way - 1, stored_upto=upto, ahead=tuple(ahead))

    return _changed(holding, lease_id, change)


def find(holding: Holding, lease_id: str) -> Held | None:
    """A lease that is held."""
    return next((each for each in holding if each.id == lease_id), None)


def next_open(holding: Holding, now_s: float) -> Held | None:
    """The lease to go on with: the first that has something left."""
    return next((each for each in holding if each.is_open and now_s < each.ends_s), None)


def next_word(holding: Holding) -> Held | None:
    """The lease of which something has to be said first, and may be in the future."""
    return min(holding, key=lambda each: each.say_s, default=None)


def wants_another(holding: Holding) -> bool:
    """Whether to ask for a further lease: what is held keeps us busy for less than half of its time."""
    is_short = sum(each.is_open for each in holding) < MAX_OPEN and len(holding) < MAX_WAITING
    return is_short and all(each.work_left_s <= each.ttl_s / 2 for each in holding)


def chunk_stop(held: Held, pace_pps: int) -> int:
    """Where the next chunk of a lease ends.

    Args:
        held: The lease.
        pace_pps: Packets a second; 0 where unlimited: then the chunk is all that is left, as far as a batch has room.
    """
    probe = held.lease.probe
    seconds, most = CHUNK_S, MAX_ROWS
    if probe.kind == TRACE:
        seconds, most = TRACE_CHUNK_S, traces.most_targets(probe.max_ttl)
    paced = max(1, seconds * pace_pps // probe.packets_per_target) if pace_pps else most
    return min(held.lease.stop, held.probed_upto + min(paced, most))


def _changed(holding: Holding, lease_id: str, change: Callable[[Held], Held]) -> Holding:
    return tuple(_hastened(each, change(each)) if each.id == lease_id else each for each in holding)


def _hastened(before: Held, after: Held) -> Held:
    """What ends a lease is said at once."""
    return after if after.word in (before.word, Word.RENEW) else replace(after, say_s=NOW_S)
