"""What speaks against a new version, and what was counted of it. Pure."""

from dataclasses import replace

from hoploom.deploying.gate import Verdict
from hoploom.deploying.happenings import Tell
from hoploom.deploying.sight import Sight
from hoploom.deploying.standing import Course


def lost(course: Course, sight: Sight) -> str:
    """Why the new version cannot come to its good end any more; empty while it can."""
    words = f" ({sight.trouble})" if sight.trouble else ""
    if sight.deployment and sight.deployment.status in ("failed", "cancelled"):
        return f"Nomad gave the deployment up: {sight.deployment.words}{words}"
    if sight.number > course.number:
        return f"somebody has submitted another version of the job meanwhile (number {sight.number})"
    return ""


def not_ready(course: Course, sight: Sight) -> str:
    """How far its instances came in the time that they had."""
    new = sight.of(course.road.new)
    up = sum(each.is_up for each in new)
    said = sight.trouble or next((each.words for each in new if each.words), "")
    words = f": {said}" if said else ""
    return f"{up} of {course.road.count} new instances were up after {course.road.ready_s:g} s{words}"


def suspect(course: Course, sight: Sight) -> str:
    """Id of an instance of the new version that is not up, whose log may say why; empty where none has registered."""
    return next((each.id for each in sight.of(course.road.new) if each.dc and not each.is_up), "")


def bereft(course: Course, sight: Sight) -> str:
    """A datacenter in which nobody would be left when the old instances go; empty where there is none."""
    new = {each.dc for each in sight.of(course.road.new) if each.is_up}
    old = {each.dc for each in sight.others(course.road.new) if each.passing and each.dc}
    bare = sorted((old & set(course.road.datacenters)) - new)
    if not bare or not course.road.steps:
        return ""
    return (f"Nomad placed no new instance in {', '.join(bare)}, where old ones run: give its group a "
            'spread { attribute = "${node.datacenter}" } and as many instances as datacenters')  # fmt: skip


def deserted(course: Course, sight: Sight) -> str:
    """Why nobody is there to answer the new version's share; empty while somebody is."""
    new = sight.of(course.road.new)
    # Of those that were up: a datacenter may have got none.
    if new and any(each.passing for each in new):
        return ""
    return f"no instance of {course.road.new} is passing any more"


def counted(course: Course, verdict: Verdict) -> Course:
    """With a step's requests to the new version."""
    new = verdict.new
    return replace(course, requests=course.requests + new.requests, errors=course.errors + new.errors)


def figures(verdict: Verdict) -> dict[str, object]:
    """What a gate counted, for a person."""
    new, old = verdict.new, verdict.old
    return {"requests": new.requests, "errors": new.errors, "p99_ms": new.p99_ms,
            "old_requests": old.requests, "old_errors": old.errors, "old_p99_ms": old.p99_ms,
            "enough": verdict.enough}  # fmt: skip


def done(course: Course, now_s: float) -> Tell:
    """The last line of a good end."""
    return Tell("done", {"requests": course.requests, "errors": course.errors, "took_s": now_s - course.began_s})
