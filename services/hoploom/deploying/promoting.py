"""The end of a course: the new version is promoted, the old instances leave, our weights are cleared. Pure."""

from dataclasses import replace

from hoploom.deploying.happenings import Broken, Clear, Cleared, Event, Note, Promote, Promoted, Seen, Tell
from hoploom.deploying.objections import done
from hoploom.deploying.standing import Course, Phase, Result, answered, left, over
from hoploom.deploying.taking_back import AGAIN_S, back


def promote(course: Course, now_s: float) -> Result:
    """Have the old instances stopped."""
    return course.to(Phase.PROMOTING, now_s, asked_s=now_s), [Note("while it was promoted"), Promote()]


def promoting(course: Course, event: Event, now_s: float) -> Result:
    """Nomad has been told, and may have to be told again."""
    match event:
        case Promoted():
            return course.to(Phase.DRAINING, now_s), [Note("after it was promoted")]
        case Broken(Promote(), why, unknown) if not unknown:
            return back(course, now_s, f"it could not be promoted: {why}")
        case Seen(sight) if sight.deployment and sight.deployment.promoted:
            return course.to(Phase.DRAINING, now_s), [Note("after it was promoted")]
        case Seen() if now_s - course.since_s > course.road.gone_s:
            return back(course, now_s, "Nomad was not seen to promote it")
        case Seen() if now_s - course.asked_s > AGAIN_S:
            return replace(course, asked_s=now_s), [Promote()]
    return course, []


def draining(course: Course, event: Event, now_s: float) -> Result:
    """The old instances leave."""
    match event:
        case Seen(sight):
            if sight.others(course.road.new):
                if now_s - course.since_s > course.road.gone_s:
                    return left(course, now_s, f"old instances are still there after {course.road.gone_s:g} s")
                return course, []
            told = Tell("promoted", {"old": sorted(course.road.old), "after_s": now_s - course.since_s})
            if not course.road.steps:
                return over(course, now_s, 0, told, done(course, now_s))
            pending = frozenset(course.road.datacenters)
            clears = [Clear(dc) for dc in course.road.datacenters]
            return course.to(Phase.TIDYING, now_s, pending=pending), [told, *clears]
    return course, []


def tidying(course: Course, event: Event, now_s: float) -> Result:
    """One version is left: it needs no weight."""
    match event:
        case Cleared(dc):
            awaited = answered(course, dc)
            return (awaited, []) if awaited.pending else over(awaited, now_s, 0, done(awaited, now_s))
        case Broken(Clear(dc), why):
            return left(course, now_s, f"the weights in {dc} are not cleared: {why}")
    return course, []
