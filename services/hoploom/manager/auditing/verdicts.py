"""From what was observed to how the routers stand. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from hoploom.manager.auditing import sizes
from hoploom.manager.auditing.following import Course, Follower
from hoploom.manager.auditing.sizes import Size
from hoploom.manager.auditing.standing import (
    FOLLOWS,
    STALLED,
    UNKNOWN,
    FindingStanding,
    RouterStanding,
    Standing,
    quantile,
)
from hoploom.routing.audit import AuditFinding, Kind
from hoploom.routing.audit_overrides import HIDES


@dataclass(frozen=True)
class Seen:
    """What the leader has seen by now.

    Attributes:
        course: The canary and who follows it; None where there is none.
        times: The last seconds to converge, by router.
        sizes: How long each table was lately, by router.
        findings: What two looks in a row have found.
        unseen: What could not be looked at, in sentences.
    """

    course: Course | None = None
    times: Mapping[str, Sequence[float]] = field(default_factory=dict)
    sizes: Mapping[str, Sequence[Size]] = field(default_factory=dict)
    findings: Sequence[AuditFinding] = ()
    unseen: Sequence[str] = ()


def standing(seen: Seen, before: Standing, leader: str, now_us: int) -> Standing:
    """How the routers stand.

    Args:
        seen: What there is to see.
        before: How they stood a moment ago; since when something is so is taken from there.
        leader: Id of the manager that audits.
        now_us: Now, microseconds since 1970.
    """
    followers = seen.course.followers if seen.course else {}
    known = {each.name: each for each in before.routers}
    names = sorted(followers.keys() | seen.sizes.keys())
    since = {(each.kind, each.router, each.subject): each.since_us for each in before.findings}
    return Standing(
        leader,
        now_us,
        tuple(_router(name, followers.get(name), seen, known.get(name), now_us) for name in names),
        tuple(_finding(each, since.get((each.kind, each.router, each.subject), now_us)) for each in seen.findings),
        unseen=tuple(seen.unseen),
    )


def face(standing: Standing) -> Standing:
    """What somebody should hear of at once; figures alone can wait."""
    plain = (replace(each, times=0, p50_s=None, p99_s=None, routes=None, most=None) for each in standing.routers)
    return replace(standing, at_us=0, routers=tuple(plain))


def _router(
    name: str, follower: Follower | None, seen: Seen, before: RouterStanding | None, now_us: int
) -> RouterStanding:
    times, lengths = seen.times.get(name, ()), seen.sizes.get(name, ())
    state, why = _state(name, follower, bool(times), before)
    lost, top = sizes.shrink(lengths), sizes.most(lengths)
    return RouterStanding(
        name=name,
        state=state,
        since_us=before.since_us if before and before.state == state else now_us,
        why=why,
        times=len(times),
        p50_s=_rounded(quantile(times, 0.5)),
        p99_s=_rounded(quantile(times, 0.99)),
        routes=lengths[-1].routes if lengths else None,
        most=top.routes if top else None,
        shrunken=_shrunken(name, seen.findings) if lost else "",
        grave=bool(lost and lost.grave),
    )


def _shrunken(name: str, findings: Sequence[AuditFinding]) -> str:
    """That a table has lost routes, and to which overrides, where there are such."""
    said = f"the table of {name} has lost routes that Consul still asks for"
    lines = [each.subject for each in findings if each.kind is Kind.SHADOWED_OVERRIDE and HIDES in each.problem]
    more = f" and {len(lines) - 1} more" if len(lines) > 1 else ""
    return f"{said}: overrides in Consul take some out ({lines[0]}{more})" if lines else said


def _state(
    name: str, follower: Follower | None, is_timed: bool, before: RouterStanding | None
) -> tuple[str, str]:
    """The state, and what is wrong."""
    if follower and follower.stalled:
        return STALLED, _why(name, follower)
    if is_timed:
        return FOLLOWS, ""
    # A new leader knows no better than the one before until it has seen the router follow.
    return (STALLED, before.why) if before and before.state == STALLED else (UNKNOWN, "")


def _why(name: str, follower: Follower) -> str:
    if follower.away:
        return f"{name} does not show its table, so nobody knows where it sends requests: {follower.away}"
    return f"the table of {name} stands still: it has not followed what Consul has shown"


def _finding(found: AuditFinding, since_us: int) -> FindingStanding:
    return FindingStanding(
        str(found.kind), str(found.severity), found.router, found.subject, found.problem, found.cure, since_us
    )


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, _DIGITS)


_DIGITS: Final = 3
