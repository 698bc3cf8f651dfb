"""The course of a service whose instances have no room beside their successors: one after another. Pure.

An instance that owns a folder, or a node, has to go before the next one comes; so no share can be told, and Nomad
exchanges them by itself.
"""

from dataclasses import replace

from hoploom.deploying.happenings import Event, Judged, Seen, Tell
from hoploom.deploying.objections import counted, done, figures, lost, not_ready, suspect
from hoploom.deploying.standing import Course, Result, over
from hoploom.deploying.taking_back import back


def rolling(course: Course, event: Event, now_s: float) -> Result:
    """Nomad exchanges one instance after another by itself."""
    match event:
        case Judged(dc, verdict) if not verdict.ok:
            breach = Tell("breach", {"dc": dc, "share": None, **figures(verdict), "why": verdict.why})
            return back(counted(course, verdict), now_s, verdict.why, breach, min(course.told, default=""))
        case Seen(sight):
            wrong = lost(course, sight)
            if wrong:
                return back(course, now_s, wrong)
            up = [each for each in sight.of(course.road.new) if each.is_up]
            fresh = [each for each in up if each.id not in course.told]
            told = [Tell("rolled", {"id": each.id, "node": each.node, "dc": each.dc, "routers": each.routers,
                                    "number": len(course.told) + place, "of": course.road.count})
                    for place, each in enumerate(fresh, 1)]  # fmt: skip
            known = replace(course, told=course.told | {each.id for each in fresh})
            if len(up) >= course.road.count and not sight.others(course.road.new):
                return over(known, now_s, 0, *told, done(known, now_s))
            late = now_s - course.since_s > course.road.ready_s * max(1, course.road.count)
            if late:
                return back(known, now_s, not_ready(course, sight), suspect=suspect(course, sight))
            return known, [*told]
    return course, []
