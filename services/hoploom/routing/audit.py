"""What is wrong with the routes of a mesh, ours or anybody's, by what was observed of it. Pure: `observing` looks.

Nothing of ours has to be there. What was not looked at gives no finding; `Observed.unseen` says it in words.
"""

from collections.abc import Iterable
from dataclasses import replace

from hoploom.routing import audit_overrides, audit_settings, audit_tables, audit_tags, refusing
from hoploom.routing.audit_findings import AuditFinding, Kind, Severity, worst_first
from hoploom.routing.audit_observed import Observed, Override, SeenRouter, Settings

__all__ = [
    "AuditFinding", "Kind", "Observed", "Override", "SeenRouter", "Settings", "Severity", "audit", "lasting",
    "passing_by",
]  # fmt: skip

_BRIEF = frozenset({
    Kind.MISSING, Kind.STALE, Kind.ROUTER_AWAY, Kind.ROUTERS_DIFFER, Kind.BAD_OVERRIDE, Kind.CHECKS_REQUIRED_ONE,
})  # fmt: skip


def audit(observed: Observed) -> list[AuditFinding]:
    """Everything that one look shows, the worst first.

    Routers follow Consul by fractions of a second: where anything may have changed just now, look twice, and take
    what is `lasting`.
    """
    overridden, effects = audit_overrides.find(observed)
    tables = audit_tables.find(observed, effects)
    tags = audit_tags.find(observed)
    for cause in (*overridden, *tags):
        if refusing.TABLE in cause.problem:
            tables = [_thawed(each, cause) for each in tables]
            break
    return worst_first([*tables, *overridden, *audit_settings.find(observed), *tags])


def passing_by(findings: Iterable[AuditFinding]) -> bool:
    """Whether any of them might be gone in a moment, so that a second look is worth its time."""
    return any(map(_is_brief, findings))


def lasting(earlier: Observed, later: Observed) -> list[AuditFinding]:
    """What the later of two looks shows, without what may be a change on its way.

    Args:
        earlier: A first look.
        later: A second one, some seconds after; longer than a router needs to follow.
    """
    before, changed = set(map(_same, audit(earlier))), _changed(earlier, later)
    return [
        each for each in audit(later)
        if not _is_brief(each) or (_same(each) in before and each.subject not in changed)
    ]  # fmt: skip


def _thawed(finding: AuditFinding, cause: AuditFinding) -> AuditFinding:
    """The finding with another way out: a Fabio that is started on such a line never listens at all (fabio#838)."""
    if finding.kind not in (Kind.MISSING, Kind.STALE, Kind.ROUTERS_DIFFER) or finding.severity is not Severity.ERROR:
        return finding
    cure = f"put right {cause.subject} first, over which every table stands still; do not restart Fabio before"
    return replace(finding, cure=cure)


def _is_brief(finding: AuditFinding) -> bool:
    # By its setting alone, or for want of a check, it does not pass by.
    return finding.kind in _BRIEF and finding.severity is Severity.ERROR


def _same(finding: AuditFinding) -> tuple[str, ...]:
    # Two changes on their way one after the other are no lasting difference.
    return (*finding.key, finding.problem if finding.kind is Kind.ROUTERS_DIFFER else "")


def _changed(earlier: Observed, later: Observed) -> set[str]:
    """Ids of the instances that Consul knows otherwise than a moment ago."""
    was = {(each.node, each.id): each.index for each in earlier.instances or ()}
    now = {(each.node, each.id): each.index for each in later.instances or ()}
    return {key[1] for key in was.keys() | now.keys() if was.get(key) != now.get(key)}
