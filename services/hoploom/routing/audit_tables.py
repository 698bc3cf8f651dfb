"""Routers' tables held against Consul: who is missing, who is left, and where routers differ. Pure.

One rule for everybody: the audit of any mesh, the running auditor and the manager's pages all ask `against`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Protocol

from hoploom.kit.consul_records import Check, Instance
from hoploom.kit.fabio_api import RouteEntry
from hoploom.routing import audit_expected
from hoploom.routing.audit_expected import Due, Line
from hoploom.routing.audit_findings import AuditFinding, Kind, Severity
from hoploom.routing.audit_observed import KV_PATH, Observed, SeenRouter, target, target_of
from hoploom.routing.audit_overrides import Effect

_NAMED = 3
"""So many lines are named in a sentence; the table itself has the rest."""
_LET_GO = "see whether that Fabio still hears Consul (its log), and restart it where its table stands still"


class Member(Protocol):
    """What is to be known of an instance here."""

    @property
    def id(self) -> str:
        """In Consul."""

    @property
    def service(self) -> str:
        """Its service, as tables name it."""

    @property
    def target(self) -> str:
        """`address:port`, empty for one that is not connected to."""

    @property
    def due(self) -> Due:
        """Whether a router is to list it."""

    @property
    def lines(self) -> Sequence[Line] | None:
        """What of it is to be listed; None where any line will do."""

    @property
    def state(self) -> str:
        """Why it is not to be listed, as in "is critical"."""


@dataclass(frozen=True)
class Judged:
    """An instance as one router's settings judge it."""

    id: str
    service: str
    target: str
    due: Due
    lines: Sequence[Line]
    state: str

    @classmethod
    def by(cls, router: SeenRouter, instance: Instance, observed: Observed) -> "Judged":
        """An instance of Consul's."""
        known = router.settings
        lines = audit_expected.lines(instance, known.tag_prefix if known else observed.prefix)
        due = audit_expected.due(instance.checks, known)
        return cls(instance.id, instance.service, target_of(instance), due, lines, _state(instance.checks))


def find(observed: Observed, effects: Mapping[str, Effect] = MappingProxyType({})) -> list[AuditFinding]:
    """All that tables tell.

    Args:
        observed: The mesh.
        effects: What overrides add to and take from the registered routes, by the path that they lie below.
    """
    found = [*_away(observed.routers), *_differing(observed), *_unchecked(observed)]
    for router, table in observed.with_tables():
        if observed.instances is None:
            continue
        members = [Judged.by(router, each, observed) for each in observed.instances]
        effect = effects.get(router.settings.kv_path if router.settings else KV_PATH)
        # Where nobody knows the overrides, a service that Consul does not have may be theirs.
        only = observed.only if effect else frozenset(each.service for each in observed.instances)
        effect = effect or Effect()
        entries = [each for each in table if (each.service, each.src, target(each.dst)) not in effect.added]
        left = [_without(each, effect.removed) for each in members]
        found += against(router.name, entries, left, only=only)
    return found


def against(
    router: str, table: Iterable[RouteEntry], members: Sequence[Member], *, only: frozenset[str] | None = None
) -> list[AuditFinding]:
    """Who belongs into a router's table and is not there, and who is there and does not belong.

    Args:
        router: Its name.
        table: What it has.
        members: All instances with routes of the services that are looked at.
        only: Those services; None for every service there is.
    """
    table = list(table)
    entries = [each for each in table if only is None or each.service in only]
    return [*_missing(router, table, members), *_stale(router, entries, members)]


def _missing(router: str, entries: Sequence[RouteEntry], members: Sequence[Member]) -> Iterator[AuditFinding]:
    there: dict[tuple[str, str], set[str]] = {}
    for entry in entries:
        there.setdefault((entry.service, target(entry.dst)), set()).add(entry.src)
    targets = {where for _, where in there}
    answered = {(entry.service, entry.src) for entry in entries}
    for each in members:
        if each.due is not Due.LISTED or not each.target:
            continue
        listed = there.get((each.service, each.target), set())
        wanted = each.lines or ()
        absent = [
            line.src for line in wanted
            if (line.src not in listed if not line.redirect else (each.service, line.src) not in answered)
        ]  # fmt: skip
        if absent or (each.lines is None and each.target not in targets):
            what = _named(absent) if len(absent) < len(wanted) else "nothing"
            what = "nothing" if what == "nothing" else f"nothing for {what}"
            text = f"{each.id} passes, and {router} sends it {what}"
            yield AuditFinding(Kind.MISSING, Severity.ERROR, router, each.id, text, _LET_GO)


def _stale(router: str, entries: Sequence[RouteEntry], members: Sequence[Member]) -> Iterator[AuditFinding]:
    there: dict[tuple[str, str], list[Member]] = {}
    for each in members:
        there.setdefault((each.service, each.target), []).append(each)
    redirects = {(each.service, line.src) for each in members for line in each.lines or () if line.redirect}
    sources: dict[tuple[str, str], set[str]] = {}
    for entry in entries:
        if (entry.service, entry.src) not in redirects:
            sources.setdefault((entry.service, target(entry.dst)), set()).add(entry.src)
    for (service, where), listed in sorted(sources.items()):
        for subject, text in _wrong(service, where, listed, there.get((service, where), [])):
            yield AuditFinding(Kind.STALE, Severity.ERROR, router, subject, f"{router} sends {text}", _LET_GO)


def _wrong(service: str, where: str, listed: set[str], here: Sequence[Member]) -> Iterator[tuple[str, str]]:
    """What is listed at one address and belongs to none of those there; several ids may share an address."""
    staying = [each for each in here if each.due is not Due.UNLISTED]
    if not here:
        yield where, f"requests for {service} to {where}, where no instance of it is registered"
    if any(each.lines is None for each in staying):
        return
    left = listed - {line.src for each in staying for line in each.lines or ()}
    for each in here:
        if each.due is Due.UNLISTED and (not staying or left & {line.src for line in each.lines or ()}):
            yield each.id, f"requests to {each.id}, which {each.state}"
            left -= {line.src for line in each.lines or ()}
    if left and staying:
        yield staying[0].id, f"{staying[0].id} requests for {_named(sorted(left))}, which it has no tag for"


def _without(member: Judged, gone: frozenset[tuple[str, str, str]]) -> Judged:
    """The member, not missed where an override has taken it away."""
    left = [line for line in member.lines if (member.service, line.src, member.target) not in gone]
    if member.lines and not left:
        return replace(member, lines=left, due=Due.UNLISTED, state="an override takes out of every table")
    return replace(member, lines=left)


def _away(routers: Iterable[SeenRouter]) -> Iterator[AuditFinding]:
    for each in routers:
        if each.away:
            text = f"the routes of {each.name} are not known: {each.away}"
            cure = "see whether that Fabio runs, and whether its pages can be reached from here"
            yield AuditFinding(Kind.ROUTER_AWAY, Severity.ERROR, each.name, each.pages or each.name, text, cure)


def _differing(observed: Observed) -> Iterator[AuditFinding]:
    """Routers whose tables are not that of most; those that read other tags or keys are not compared."""
    groups: dict[tuple[str, str], list[tuple[SeenRouter, frozenset[tuple[str, str, str]]]]] = {}
    for router, table in observed.with_tables():
        pool = (router.settings.tag_prefix, router.settings.kv_path) if router.settings else ("", "")
        lines = frozenset((each.service, each.src, target(each.dst)) for each in table)
        groups.setdefault(pool, []).append((router, lines))
    for group in groups.values():
        usual, _ = Counter(lines for _, lines in group).most_common(1)[0]
        like = next(router for router, lines in group if lines == usual)
        for router, lines in group:
            if lines != usual:
                yield _different(router, like, lines, usual)


def _different(
    router: SeenRouter, like: SeenRouter, lines: frozenset[tuple[str, str, str]], usual: frozenset[tuple[str, str, str]]
) -> AuditFinding:
    apart = [
        f"{word} {_named([f'{src} -> {where or service}' for service, src, where in sorted(each)])}"
        for word, each in (("lacks", usual - lines), ("alone has", lines - usual)) if each
    ]  # fmt: skip
    text = f"{router.name} has another table than {like.name}: it {' and '.join(apart)}"
    cure = "requests fare differently by the router they meet; see which of the two stands still, and restart that one"
    return AuditFinding(Kind.ROUTERS_DIFFER, Severity.ERROR, router.name, like.name, text, cure)


def _named(lines: Sequence[str]) -> str:
    rest = len(lines) - _NAMED
    return ", ".join(lines[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _unchecked(observed: Observed) -> Iterator[AuditFinding]:
    """Instances with tags and without a check, which no Fabio ever lists."""
    for each in observed.instances or ():
        has_tags = any(audit_expected.lines(each, prefix) for prefix in observed.prefixes())
        if has_tags and not [check for check in each.checks if not check.of_node]:
            text = f"{each.id} asks for routes and has no check, and Fabio lists no instance without one"
            yield AuditFinding(Kind.MISSING, Severity.WARNING, "", each.id, text, "register it with a health check")


def _state(checks: Sequence[Check]) -> str:
    if not [each for each in checks if not each.of_node]:
        return "has no check"
    worst = sorted(checks, key=lambda each: ("critical", "warning", "passing").index(each.status))[0]
    return f"is {worst.status} ({worst.name})"

