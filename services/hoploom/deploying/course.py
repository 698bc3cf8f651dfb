"""The course of one deploy, as a machine: `step(state, event, now_s) -> (state, [commands])`. Pure.

New instances come up beside the old ones and get nothing -> all of them up -> share after share in the first
datacenter, each watched -> the next datacenter -> the old ones are stopped -> our weights are cleared. Whatever speaks
against the new version before that leads to `taking_back`. It promises:

* No share before all shares below it were watched for their time, and none in a datacenter before the ones ahead of it.
* The old instances run until the new ones have had everything in every datacenter.
* Weights are cleared only when one version is left: without them both would have equal parts, watched by nobody.
"""

from dataclasses import replace

from hoploom.deploying import taking_back
from hoploom.deploying.gate import Verdict
from hoploom.deploying.happenings import (
    Begun,
    Blind,
    Broken,
    Event,
    Hush,
    Hushed,
    Interrupted,
    Judged,
    Note,
    Ousted,
    Seen,
    Share,
    Shared,
    Submit,
    Submitted,
    Tell,
    Watch,
)
from hoploom.deploying.objections import bereft, counted, deserted, figures, lost, not_ready, suspect
from hoploom.deploying.promoting import draining, promote, promoting, tidying
from hoploom.deploying.rolling import rolling
from hoploom.deploying.sight import Sight
from hoploom.deploying.standing import (
    BEFORE_PROMOTION,
    GOING_BACK,
    NOT_SUBMITTED,
    Course,
    Phase,
    Result,
    answered,
    left,
)
from hoploom.deploying.taking_back import back

PATIENCE = 2.0
"""So many times its seconds a step lasts where too few requests come to judge it; then no failed one is enough."""


def step(course: Course, event: Event, now_s: float) -> Result:
    """What an event does.

    Args:
        course: The state.
        event: What has happened.
        now_s: Seconds of a clock that only goes on.

    Returns:
        The new state, and what is to be done, in this order; each command but `Tell`, `Note`, `Stop`, `Forget` and
        `End` is answered by an event of its own or by `Broken`.
    """
    if course.phase is Phase.DONE:
        return course, []
    if course.phase in GOING_BACK:
        return taking_back.step(course, event, now_s)
    if isinstance(event, Ousted | Interrupted | Blind):
        return _ended(course, event, now_s)
    return _HANDLERS[course.phase](course, event, now_s)


def _ended(course: Course, event: Ousted | Interrupted | Blind, now_s: float) -> Result:
    """What comes from without: of somebody else's doing, a person's, or nobody's."""
    match event:
        case Ousted(by):
            return left(course, now_s, f"the deploy of this service is {by}'s now")
        case Blind(why) if course.phase is Phase.SUBMITTING:
            return replace(course, why=why), []
        case Blind(why):
            return back(course, now_s, why) if course.phase in BEFORE_PROMOTION else left(course, now_s, why)
    return _interrupted(course, now_s)


def _interrupted(course: Course, now_s: float) -> Result:
    asked = replace(course, interrupts=course.interrupts + 1)
    if course.phase is Phase.SUBMITTING:
        # Nobody knows yet whether Nomad has it.
        return replace(asked, why="stopped by hand"), []
    if course.phase in BEFORE_PROMOTION:
        return back(asked, now_s, "stopped by hand")
    if asked.interrupts > 1:
        return left(asked, now_s, "stopped after it was promoted")
    return asked, [Tell("patience", {"why": "it is promoted and ends by itself; once more leaves it as it is"})]


def _new(course: Course, event: Event, now_s: float) -> Result:
    match event:
        case Begun():
            begun = replace(course, began_s=now_s)
            if not course.road.steps:
                return _submit(begun, now_s)
            pending = frozenset(course.road.datacenters)
            hushes = [Hush(dc) for dc in course.road.datacenters]
            return begun.to(Phase.HUSHING, now_s, pending=pending), [Note("before it was submitted"), *hushes]
    return course, []


def _hushing(course: Course, event: Event, now_s: float) -> Result:
    match event:
        case Hushed(dc):
            awaited = answered(course, dc)
            return (awaited, []) if awaited.pending else _submit(awaited, now_s)
        case Broken(Hush(dc), why):
            return back(course, now_s, f"the routers of {dc} were not seen to give {course.road.new} nothing: {why}")
    return course, []


def _submit(course: Course, now_s: float) -> Result:
    if course.number != NOT_SUBMITTED:
        # Somebody's deploy that broke off: Nomad has it already.
        return _taken(course, now_s)
    return course.to(Phase.SUBMITTING, now_s), [Note("while it was submitted"), Submit()]


def _submitting(course: Course, event: Event, now_s: float) -> Result:
    match event:
        case Submitted(number):
            taken = replace(course, number=number)
            if course.why:
                return back(taken, now_s, course.why)
            return _taken(taken, now_s)
        case Broken(Submit(), why, unknown):
            return back(replace(course, number=0 if unknown else NOT_SUBMITTED), now_s, why)
    return course, []


def _taken(course: Course, now_s: float) -> Result:
    note = Note("while its instances came up")
    if course.road.beside:
        return course.to(Phase.RISING, now_s), [note]
    watched = course.road.datacenters if course.road.is_routed else ()
    return course.to(Phase.ROLLING, now_s), [note, *(Watch(dc) for dc in watched)]


def _rising(course: Course, event: Event, now_s: float) -> Result:
    match event:
        case Seen(sight):
            wrong = lost(course, sight)
            if wrong:
                return back(course, now_s, wrong)
            new = sight.of(course.road.new)
            ready = [each for each in new if each.is_up and each.id not in course.told]
            told = [
                Tell("canary", {"id": each.id, "node": each.node, "dc": each.dc, "routers": each.routers,
                                "after_s": now_s - course.since_s})
                for each in ready
            ]  # fmt: skip
            known = replace(course, told=course.told | {each.id for each in ready})
            if sum(each.is_up for each in new) >= course.road.count:
                if bare := bereft(course, sight):
                    return back(known, now_s, bare)
                begun, commands = _first(known, sight, now_s)
                return begun, [*told, *commands]
            if now_s - course.since_s > course.road.ready_s:
                return back(known, now_s, not_ready(course, sight), suspect=suspect(course, sight))
            return known, [*told]
    return course, []


def _first(course: Course, sight: Sight, now_s: float) -> Result:
    if not course.road.steps:
        return promote(course, now_s)
    return _move(replace(course, dc=0, step=0), now_s)


def _move(course: Course, now_s: float) -> Result:
    share = course.stage.share
    note = Note(f"at {share:.0%} in {course.here}")
    return course.to(Phase.MOVING, now_s), [note, Share(course.here, share)]


def _moving(course: Course, event: Event, now_s: float) -> Result:
    match event:
        case Shared(dc, share) if (dc, share) == (course.here, course.stage.share):
            return course.to(Phase.WATCHING, now_s), [Watch(dc)]
        case Broken(Share(dc), why):
            return back(course, now_s, f"the routers of {dc} were not seen to follow the weight: {why}")
        case Judged() | Seen():
            # What was begun in the datacenters ahead goes on being watched.
            return _watched(course, event, now_s)
    return course, []


def _watching(course: Course, event: Event, now_s: float) -> Result:
    watched, commands = _watched(course, event, now_s)
    if watched.phase is not Phase.WATCHING:
        return watched, commands
    match event:
        case Judged(dc, verdict) if dc == course.here and now_s - course.since_s >= course.stage.seconds:
            return _weighed(counted(course, verdict), verdict, now_s, watched)
    return watched, commands


def _weighed(course: Course, verdict: Verdict, now_s: float, waiting: Course) -> Result:
    """At the end of a step: on, back, or wait for more requests, for as long again."""
    if verdict.enough:
        return _next(course, verdict, now_s)
    if now_s - course.since_s < PATIENCE * course.stage.seconds:
        return waiting, []
    if verdict.new.errors:
        return _breach(course, verdict, course.here, now_s)
    return _next(course, verdict, now_s)


def _watched(course: Course, event: Event, now_s: float) -> Result:
    """Anything that speaks against the new version, in whatever datacenter it has requests."""
    match event:
        case Judged(dc, verdict) if dc in course.begun and not verdict.ok:
            return _breach(counted(course, verdict), verdict, dc, now_s)
        case Seen(sight):
            wrong = lost(course, sight) or deserted(course, sight)
            if wrong:
                return back(course, now_s, wrong)
    return course, []


def _breach(course: Course, verdict: Verdict, dc: str, now_s: float) -> Result:
    share = course.stage.share if dc == course.here else 1.0
    breach = Tell("breach", {"dc": dc, "share": share, **figures(verdict), "why": verdict.why})
    return back(course, now_s, verdict.why, breach, min(course.told, default=""))


def _next(course: Course, verdict: Verdict, now_s: float) -> Result:
    told = Tell("weight", {"dc": course.here, "share": course.stage.share, "seconds": now_s - course.since_s,
                           "watched": course.stage.seconds > 0, **figures(verdict)})  # fmt: skip
    if course.step + 1 < len(course.road.steps):
        moved, commands = _move(replace(course, step=course.step + 1), now_s)
    elif course.dc + 1 < len(course.road.datacenters):
        moved, commands = _move(replace(course, dc=course.dc + 1, step=0), now_s)
    else:
        moved, commands = promote(course, now_s)
    return moved, [told, *commands]


_HANDLERS = {
    Phase.NEW: _new,
    Phase.HUSHING: _hushing,
    Phase.SUBMITTING: _submitting,
    Phase.RISING: _rising,
    Phase.ROLLING: rolling,
    Phase.MOVING: _moving,
    Phase.WATCHING: _watching,
    Phase.PROMOTING: promoting,
    Phase.DRAINING: draining,
    Phase.TIDYING: tidying,
}
