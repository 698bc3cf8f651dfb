"""The way back of a deploy: the new version gets nothing, Nomad gives it up, its instances leave. Pure.

The old instances are not touched: as far as they were beside the new ones they have been running all the time.
"""

from dataclasses import replace

from hoploom.deploying.happenings import (
    Blind,
    Broken,
    Clear,
    Cleared,
    Command,
    Event,
    GivenUp,
    GiveUp,
    Hush,
    Hushed,
    Interrupted,
    Note,
    Ousted,
    Revert,
    Seen,
    Stop,
    Tell,
)
from hoploom.deploying.sight import Sight
from hoploom.deploying.standing import NOT_SUBMITTED, Course, Phase, Result, answered, left, over

BACK = "while it was taken back: "
AGAIN_S = 2.0
"""Nomad needs a moment until what it was told can be seen; then it is told again."""


def back(course: Course, now_s: float, why: str, told: Tell | None = None, suspect: str = "") -> Result:
    """Take it back, whatever it is at: first of all the new version gets nothing.

    Args:
        course: Where it is.
        now_s: Now.
        why: The reason, in words.
        told: What a person is told of it; None for the reason alone.
        suspect: Id of an instance whose log may say more; empty for none.
    """
    turned = course.to(Phase.SILENCING, now_s, why=why)
    told, kept = told or Tell("back", {"why": why}), Note(f"{BACK}{why}")
    logs = [Tell("logs", {"id": suspect})] if suspect else []
    first: list[Command] = [Stop(), told, *logs, *_hushes(course), kept]
    if not course.road.steps:
        return _give_up(turned, now_s, first)
    return replace(turned, pending=frozenset(course.road.datacenters)), first


def _hushes(course: Course) -> list[Hush]:
    """All datacenters, those ahead of the others that have a share now."""
    if not course.road.steps:
        return []
    begun = course.begun
    return [Hush(dc) for dc in (*begun, *(each for each in course.road.datacenters if each not in begun))]


def step(course: Course, event: Event, now_s: float) -> Result:
    """What an event does to a deploy that is being taken back; arguments and result as of `course.step`."""
    match event:
        case Interrupted():
            return _once_more(course, now_s)
        case Ousted(by):
            return left(course, now_s, f"the deploy of this service is {by}'s now")
        case Blind(why):
            return left(course, now_s, why)
    handler = {
        Phase.SILENCING: _silencing, Phase.GIVING_UP: _giving_up, Phase.FALLING: _falling, Phase.CLEANING: _cleaning,
    }[course.phase]  # fmt: skip
    return handler(course, event, now_s)


def _once_more(course: Course, now_s: float) -> Result:
    asked = replace(course, interrupts=course.interrupts + 1)
    if asked.interrupts > 1:
        return left(asked, now_s, "stopped while it was being taken back")
    return asked, [Tell("patience", {"why": "it is being taken back; once more leaves it as it is"})]


def _silencing(course: Course, event: Event, now_s: float) -> Result:
    match event:
        case Hushed(dc, after_s):
            had = dc in course.begun and course.number != NOT_SUBMITTED
            told: list[Command] = [Tell("silent", {"dc": dc, "after_s": after_s})] if had else []
        case Broken(Hush(dc), why):
            # Its instances leave all the same, and each of them sees to it that no router lists it any more.
            told = [Tell("trouble", {"dc": dc, "why": why})]
        case _:
            return course, []
    awaited = answered(course, dc)
    if awaited.pending:
        return awaited, told
    return _give_up(awaited, now_s, told)


def _give_up(course: Course, now_s: float, commands: list[Command]) -> Result:
    if course.number == NOT_SUBMITTED:
        cleaned, more = _clean(course, now_s)
        return cleaned, [*commands, *more]
    return course.to(Phase.GIVING_UP, now_s, asked_s=now_s), [*commands, GiveUp()]


def _giving_up(course: Course, event: Event, now_s: float) -> Result:
    match event:
        case GivenUp() | Broken(GiveUp()):
            # Where it was not carried out it is said again, as long as the deployment is seen open.
            return course.to(Phase.FALLING, now_s), []
    return course, []


def _falling(course: Course, event: Event, now_s: float) -> Result:
    match event:
        case Seen(sight):
            if _is_back(course, sight):
                return _clean(course, now_s)
            if now_s - course.since_s > course.road.gone_s:
                return left(course, now_s, f"{course.road.new} is still there after {course.road.gone_s:g} s")
            if now_s - course.asked_s > AGAIN_S:
                return _asked_again(course, sight, now_s)
    return course, []


def _is_back(course: Course, sight: Sight) -> bool:
    if sight.of(course.road.new) or sight.runs == course.road.new:
        return False
    # Rolled ones have to come back first; beside the new ones the old ones never went.
    return course.road.beside or sum(each.is_up for each in sight.members) >= course.road.count


def _asked_again(course: Course, sight: Sight, now_s: float) -> Result:
    asked = replace(course, asked_s=now_s)
    if sight.deployment and sight.deployment.is_open:
        return asked, [GiveUp()]
    return asked, [Revert()] if sight.runs == course.road.new else []


def _clean(course: Course, now_s: float) -> Result:
    if not course.road.steps:
        return _home(course, now_s)
    pending = frozenset(course.road.datacenters)
    return course.to(Phase.CLEANING, now_s, pending=pending), [Clear(dc) for dc in course.road.datacenters]


def _cleaning(course: Course, event: Event, now_s: float) -> Result:
    match event:
        case Cleared(dc):
            awaited = answered(course, dc)
            return (awaited, []) if awaited.pending else _home(awaited, now_s)
        case Broken(Clear(dc), why):
            return left(course, now_s, f"the weights in {dc} are not cleared: {why}")
    return course, []


def _home(course: Course, now_s: float) -> Result:
    facts = {"old": sorted(course.road.old), "new": course.road.new, "why": course.why}
    return over(course, now_s, 1, Tell("undone", {**facts, "took_s": now_s - course.began_s}))
