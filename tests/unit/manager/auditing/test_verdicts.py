"""From what was observed to how routers stand."""

from dataclasses import replace

import pytest

from hoploom.manager.auditing import following, verdicts
from hoploom.manager.auditing.following import Course, Follower
from hoploom.manager.auditing.sizes import Size
from hoploom.manager.auditing.standing import FOLLOWS, SLOW_S, STALLED, UNKNOWN, RouterStanding, Standing, quantile
from hoploom.manager.auditing.verdicts import Seen
from hoploom.routing.audit import AuditFinding, Kind, Severity

FOUND = AuditFinding(Kind.STALE, Severity.ERROR, "a", "x:1", "a sends requests to x:1", "restart a")


def course(**followers: Follower) -> Course:
    return Course(following.begin(0.0).flip, followers)


def stood(seen: Seen, before: Standing | None = None, at_us: int = 7) -> Standing:
    return verdicts.standing(seen, before or Standing(), "manager-1", at_us)


@pytest.mark.parametrize(
    ("follower", "times", "before", "state", "why"),
    [
        (Follower(), (), "", UNKNOWN, ""),
        (Follower(shown=True), (0.2,), "", FOLLOWS, ""),
        (Follower(shown=True, stalled=True), (0.2,), FOLLOWS, STALLED, "stands still"),
        (Follower(stalled=True, away="refused"), (), "", STALLED, "does not show its table"),
        (Follower(), (), STALLED, STALLED, "as before"),
        (Follower(shown=True), (0.3,), STALLED, FOLLOWS, ""),
    ],
    ids=["never timed", "timed", "stalled", "silent", "a new leader knows no better", "recovered"],
)  # fmt: skip
def test_the_state_of_a_router(
    follower: Follower, times: tuple[float, ...], before: str, state: str, why: str
) -> None:
    known = Standing(routers=(RouterStanding("a", before, 3, "as before"),) if before else ())
    [router] = stood(Seen(course(a=follower), {"a": times}), known).routers
    assert (router.state, why in router.why, bool(router.why)) == (state, True, bool(why))
    assert router.since_us == (3 if before == state else 7)


def test_figures_are_of_what_was_measured_lately() -> None:
    lost = (Size(0, 20, 20), Size(1, 5, 20), Size(2, 5, 20))
    [router] = stood(Seen(course(a=Follower(shown=True)), {"a": (0.5, 0.1, 0.2)}, {"a": lost})).routers
    assert (router.times, router.p50_s, router.p99_s, router.routes, router.most) == (3, 0.2, 0.5, 5, 20)
    assert "lost routes" in router.shrunken and router.grave
    assert quantile((), 0.5) is None and quantile(range(1, 201), 0.99) == 198


def test_overrides_that_take_routes_away_are_named_as_the_cause_of_a_table_that_shrinks() -> None:
    lost = {"a": (Size(0, 20, 20), Size(1, 5, 20), Size(2, 5, 20))}
    said = ("k hides the route /a that a asks for", "k changes nothing")
    lines = [AuditFinding(Kind.SHADOWED_OVERRIDE, Severity.WARNING, "", f"k line {number}", problem, "")
             for number, problem in enumerate(said, 1)]  # fmt: skip
    [router] = stood(Seen(sizes=lost, findings=lines)).routers
    assert router.shrunken.endswith("still asks for: overrides in Consul take some out (k line 1)")
    [router] = stood(Seen(sizes=lost, findings=lines[1:])).routers
    assert router.shrunken.endswith("still asks for")


def test_a_slow_one_is_said_to_be_slow_while_it_follows() -> None:
    slow = RouterStanding("a", FOLLOWS, p50_s=SLOW_S + 1)
    assert slow.is_slow and not replace(slow, state=STALLED).is_slow and not replace(slow, p50_s=0.3).is_slow


def test_without_a_canary_tables_are_looked_at_all_the_same() -> None:
    standing = stood(Seen(sizes={"a": (Size(0, 9, 9),)}, findings=(FOUND,), unseen=("x",)))
    assert [(each.name, each.state, each.routes) for each in standing.routers] == [("a", UNKNOWN, 9)]
    [finding] = standing.findings
    assert (finding.kind, finding.severity, finding.cure, finding.since_us) == ("stale", "error", "restart a", 7)
    assert standing.unseen == ("x",)


def test_since_when_a_finding_is_known_stays() -> None:
    first = stood(Seen(findings=(FOUND,)), at_us=5)
    again = stood(Seen(findings=(FOUND, replace(FOUND, subject="y"))), first, 9)
    assert [each.since_us for each in again.findings] == [5, 9]


def test_figures_alone_are_no_other_verdict() -> None:
    one = stood(Seen(course(a=Follower()), {"a": (0.1,)}, {"a": (Size(0, 9, 9),)}))
    other = stood(Seen(course(a=Follower()), {"a": (0.4, 0.1)}, {"a": (Size(0, 8, 8),)}), one, 99)
    stalled = stood(Seen(course(a=Follower(stalled=True)), {"a": (0.1,)}), one, 99)
    assert verdicts.face(one) == verdicts.face(other) != verdicts.face(stalled)
