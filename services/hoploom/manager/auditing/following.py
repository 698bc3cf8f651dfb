"""How soon each router follows: a canary comes and goes on purpose, and each table is held against it. Pure.

A flip makes a debt for every table that shows the other state. Only a change that is seen pays it: a table that stands
still shows what is right at every second flip. A debt that Consul has shown for too long is a stall.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

OFFSETS_S: Final = (0.1, 0.2, 0.3, 0.45, 0.6, 1.0, 2.0)
"""When a table is read after a flip until it shows it: densely where Fabios here follow, since they poll each 0.5 s."""

LATER_EVERY_S: Final = 3.0
"""And from then on. With flips each ten seconds that is never more than ten looks in ten seconds."""


@dataclass(frozen=True)
class Flip:
    """The newest change of the canary.

    Attributes:
        up: Whether tables have to show it from now on.
        at_s: When the agent was asked for it.
        known_s: When Consul's catalogue was seen to have it; None until then. No router can follow earlier.
    """

    up: bool
    at_s: float
    known_s: float | None = None


@dataclass(frozen=True)
class Debt:
    """What a router has not followed yet.

    Attributes:
        from_s: Moment of the first flip that it has not followed.
        since_s: From when on its own time counts; None while Consul has not shown that flip.
        counts: Whether the time is the router's: not where this process itself stood still.
    """

    from_s: float
    since_s: float | None = None
    counts: bool = True


@dataclass(frozen=True)
class Follower:
    """One router.

    Attributes:
        shown: What its table showed last; None before the first.
        debt: What it owes; None for nothing.
        stalled: Whether it owed too long, and has not followed since.
        away: Why it did not answer last; empty where it did.
    """

    shown: bool | None = None
    debt: Debt | None = None
    stalled: bool = False
    away: str = ""


@dataclass(frozen=True)
class Look:
    """One look at a table.

    Attributes:
        began_s: When it was asked for.
        ended_s: When it was there.
        shows: Whether the canary is in it; None where there was no table.
        why: Why there was none.
    """

    began_s: float
    ended_s: float
    shows: bool | None = None
    why: str = ""


@dataclass(frozen=True)
class Course:
    """The canary and who follows it.

    Attributes:
        flip: Its newest flip.
        followers: By the router's name.
    """

    flip: Flip
    followers: Mapping[str, Follower] = field(default_factory=dict)


def begin(at_s: float) -> Course:
    """A canary that has just been entered, and no table shows."""
    return Course(Flip(up=False, at_s=at_s, known_s=at_s))


def joined(course: Course, names: Iterable[str]) -> Course:
    """These routers are registered, and no others."""
    return replace(course, followers={name: course.followers.get(name, Follower()) for name in names})


def flipped(course: Course, at_s: float, *, counts: bool = True) -> Course:
    """The canary was told to turn.

    Args:
        course: The canary and who follows it.
        at_s: When.
        counts: Whether nobody can have turned it earlier: a call without an answer may have done so.
    """
    flip = Flip(not course.flip.up, at_s)
    return Course(flip, {name: _indebted(each, flip, counts=counts) for name, each in course.followers.items()})


def known(course: Course, at_s: float) -> Course:
    """Consul's catalogue has the flip."""
    return Course(
        replace(course.flip, known_s=at_s),
        {
            name: replace(each, debt=replace(each.debt, since_s=at_s))
            if each.debt and each.debt.since_s is None
            else each
            for name, each in course.followers.items()
        },
    )


def looked(course: Course, name: str, look: Look) -> tuple[Course, float | None]:
    """A router's table was looked at.

    Returns:
        The course, and seconds from the flip to the table that shows it, where that was seen now.
    """
    before = course.followers[name]
    if look.shows is None:
        return _with(course, name, replace(before, away=look.why)), None
    if look.began_s < course.flip.at_s:
        # It may be of before the flip.
        return _with(course, name, replace(before, away="")), None
    changed = before.shown is not None and before.shown != look.shows
    paid = before.debt if look.shows == course.flip.up and (changed or before.shown is None) else None
    after = Follower(look.shows, None if paid else before.debt, before.stalled and not paid)
    seconds = look.ended_s - paid.from_s if paid and paid.counts and changed else None
    return _with(course, name, after), seconds


def judged(course: Course, now_s: float, stall_s: float) -> Course:
    """Who owes for `stall_s` seconds is stalled."""
    return replace(
        course,
        followers={
            name: replace(each, stalled=each.stalled or _owes(each, now_s) >= stall_s)
            for name, each in course.followers.items()
        },
    )


def slept(course: Course, now_s: float) -> Course:
    """Nobody has kept the canary for a while: what passed meanwhile is no router's time, and it may have turned."""

    def excused(each: Follower) -> Follower:
        if each.debt is None:
            return replace(each, shown=None)
        since_s = None if each.debt.since_s is None else now_s
        return replace(each, debt=replace(each.debt, since_s=since_s, counts=False))

    return replace(course, followers={name: excused(each) for name, each in course.followers.items()})


def due(course: Course, now_s: float, every_s: float) -> bool:
    """Whether the next flip may come: it waits for who has not followed yet and is not stalled."""
    waits = any(each.debt and not each.stalled for each in course.followers.values())
    return now_s >= course.flip.at_s + every_s and not waits


def wants_reading(course: Course, name: str) -> bool:
    """Whether another look at a router's table would tell something: it owes, or was never seen."""
    each = course.followers.get(name)
    return each is not None and (each.debt is not None or each.shown is None)


def next_read_s(elapsed_s: float) -> float:
    """Seconds until a table is read again, so long after a flip; what was missed meanwhile is not made up for."""
    found = next((each for each in OFFSETS_S if each > elapsed_s), 0.0)
    return found - elapsed_s if found else LATER_EVERY_S - elapsed_s % LATER_EVERY_S


def _indebted(each: Follower, flip: Flip, *, counts: bool) -> Follower:
    return each if each.debt or each.shown == flip.up else replace(each, debt=Debt(flip.at_s, counts=counts))


def _owes(each: Follower, now_s: float) -> float:
    return now_s - each.debt.since_s if each.debt and each.debt.since_s is not None else 0.0


def _with(course: Course, name: str, follower: Follower) -> Course:
    return replace(course, followers={**course.followers, name: follower})
