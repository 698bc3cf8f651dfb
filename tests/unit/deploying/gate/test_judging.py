"""Verdicts: whose failures they are, what is too few, too many, too slow; and how often that is wrong."""

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from hoploom.deploying.gate import Look, Policy, Seen, Verdict, judge
from hoploom.deploying.gate.buckets import Buckets
from lab.gate_odds import WORLDS, World, deploys

NEW, OLD = "127.0.0.1:1", "127.0.0.1:2"
QUICK, SOON, SLOW = 0.03, 0.07, 0.4


def seen(requests: int, failed: int = 0, slow: int = 0, **more: float | None) -> Seen:
    times = Buckets({QUICK: requests - slow, SOON: requests - slow, SLOW: requests, math.inf: requests})
    values: dict[str, float | None] = {"answered": requests, "arrived": requests, "failed": failed, "lost": 0, **more}
    return Seen(routed=times, own=times, **values)  # type: ignore[arg-type]


def mute(requests: int) -> Seen:
    """Of a service that is not on the kit."""
    return Seen(routed=seen(requests).routed)


def direct(requests: int) -> Seen:
    """Asked by others of the mesh alone, which need no router."""
    return Seen(answered=requests, arrived=0, own=seen(requests).own)


def dead(requests: int) -> Seen:
    """Whom routers have let go of."""
    return replace(seen(requests), let_go=1)


def judged(new: Seen, old: Seen, failed: int = 0, since: Look | None = None, looks: int = 10) -> Verdict:
    """The last of some looks over which all happened evenly."""
    begin = since or Look(0.0)
    course = [_part(new, old, failed, begin, share / looks) for share in range(1, looks)]
    now = _part(new, old, failed, begin, 1.0, course)
    return judge(begin, now, {NEW}, {OLD}, Policy())


def _part(new: Seen, old: Seen, failed: int, since: Look, part: float, course: Sequence[Look] = ()) -> Look:
    instances = {NEW: _times(new, part), OLD: _times(old, part)}
    passed = (new.routed.total + old.routed.total) * part
    return Look(part, instances, since.failed + failed * part, since.passed + passed, course=course)


def _times(whole: Seen, part: float) -> Seen:
    times = Buckets({bound: count * part for bound, count in whole.routed.counts.items()})
    answered, arrived = (None if value is None else value * part for value in (whole.answered, whole.arrived))
    own = Buckets({bound: count * part for bound, count in whole.own.counts.items()})
    return Seen(times, answered, whole.failed * part, whole.lost * part, arrived, own, whole.let_go)


CASES = [
    # what, new, old, failed at the routers, (ok, enough), words
    ("as good as the old one", seen(1_204), seen(10_000), 0, (True, True), "0 % of 1,204 requests failed"),
    ("too few requests", seen(99), seen(10_000), 0, (True, False), "99 of the 100 requests"),
    ("none at all", seen(0), seen(10_000), 0, (True, False), "0 of the 100"),
    ("3.1 % answered 5xx", seen(1_204, 37), seen(10_000), 0, (False, True), "3.1 % of 1,204 requests failed"),
    ("few of few, which may be chance", seen(100, 1), seen(10_000), 0, (True, False), "may be chance"),
    ("all of very few", seen(5, 5), seen(10_000), 0, (False, True), "100 % of 5"),
    ("the old one is as bad", seen(1_204, 37), seen(10_000, 310), 0, (True, True), "old 3.1 %"),
    ("it is better than a bad one", seen(1_204, 30), seen(10_000, 400), 0, (True, True), ""),
    ("502 of routers, and it never had those", seen(1_204, arrived=1_150, answered=1_150), seen(10_000), 54,
     (False, True), "4.5 % of 1,204"),
    ("502 of routers, and the old one never had those", seen(1_204), seen(10_000, arrived=9_946, answered=9_946), 54,
     (True, True), "0 % of 1,204"),
    ("asked in another instant, and no router failed", seen(1_204, arrived=1_150), seen(10_000), 0, (True, True), ""),
    ("502 that it answered itself", seen(1_204, 0, lost=54), seen(10_000), 54, (True, True), ""),
    ("not on the kit, routers fail", mute(1_204), mute(10_000), 54, (False, True), "4.5 % of 1,204"),
    ("not on the kit, no router fails", mute(1_204), mute(10_000), 0, (True, True), ""),
    ("asked directly, past the routers", direct(1_204), seen(10_000), 0, (True, True), ""),
    ("one that died, and routers forgot it", dead(1_204), seen(10_000), 54, (False, True), "4.3 % of 1,258"),
    ("far slower", seen(1_204, slow=100), seen(10_000), 0, (False, True), "p99"),
    ("as slow as the old one", seen(1_204, slow=100), seen(10_000, slow=800), 0, (True, True), ""),
    ("slower, which may be chance", seen(1_204, slow=14), seen(10_000), 0, (True, False), "may be chance"),
    ("no old one any more", seen(1_204), Seen(), 0, (True, True), ""),
    ("no old one any more, and it fails", seen(1_204, 37), Seen(), 0, (False, True), "3.1 %"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("new", "old", "failed", "expected", "words"), [each[1:] for each in CASES], ids=[each[0] for each in CASES]
)
def test_a_version_is_judged(new: Seen, old: Seen, failed: int, expected: tuple[bool, bool], words: str) -> None:
    verdict = judged(new, old, failed)
    assert ((verdict.ok, verdict.enough), words in verdict.why) == (expected, True), verdict.why


def test_what_is_usual_at_the_routers_is_not_the_new_version_s() -> None:
    since = Look(0.0, failed=500, passed=100_000)
    assert judged(mute(1_204), mute(10_000), 56, since).ok
    assert not judged(mute(1_204), mute(10_000), 56 + 54, since).ok


def test_slow_requests_that_come_all_at_once_are_no_slow_version() -> None:
    stalled = [Look(at, {NEW: seen(20 * at, slow=18 * (at >= 3)), OLD: seen(180 * at)}) for at in range(7)]
    steady = [Look(at, {NEW: seen(20 * at, slow=3 * at), OLD: seen(180 * at)}) for at in range(7)]
    found = [judge(looks[0], _with(looks[-1], looks[1:-1]), {NEW}, {OLD}, Policy()) for looks in (stalled, steady)]
    assert [(each.ok, each.enough) for each in found] == [(True, False), (False, True)]


def _with(look: Look, course: Sequence[Look]) -> Look:
    return Look(look.at_s, look.instances, course=course)


def test_two_looks_alone_do_not_take_back_what_is_slow() -> None:
    assert judged(seen(1_204, slow=100), seen(10_000), looks=1).ok


def test_a_router_s_answers_to_others_leave_no_trace() -> None:
    look = Look(1.0, {NEW: seen(200), OLD: seen(200), "127.0.0.1:3": seen(1_000, 1_000)}, 0, 1_400)
    assert judge(Look(0.0), look, {NEW}, {OLD}, Policy()).new.errors == 0


@pytest.mark.parametrize(
    ("world", "back"), [(WORLDS[0], 0), (WORLDS[3], 0), (WORLDS[7], 5)], ids=["good", "with stalls", "fails 10 %"]
)
def test_drawn_deploys_are_taken_back_as_they_should(world: World, back: int) -> None:
    assert sum(each.taken_back for each in deploys(world, 5, seed=7)) == back
