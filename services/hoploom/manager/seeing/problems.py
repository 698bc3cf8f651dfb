"""What a person has to put right, and how: made of what a manager sees. Pure.

Where an alert of the monitoring role speaks of the same thing, the kind of the problem is the alert's name.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from hoploom.manager.auditing.standing import SLOW_S, STALLED, Standing
from hoploom.manager.registry import Seen
from hoploom.manager.seeing.seen import SLOTS, Part, Problem, SeenMesh
from hoploom.manager.seeing.tables import findings

WHAT_TO_DO: Final[Mapping[str, str]] = {
    "ConsulUnreachable": "Workers go on and results are stored; look at the Consul agent of this manager's host, and "
    "at its servers: `consul operator raft list-peers`.",
    "InputAway": "Workers finish what they hold and get no more: see why no instance of input passes on Fleet.",
    "OutputAway": "Workers keep their results in their spools: see why an instance of output does not answer on Fleet.",
    "InstanceNotReady": "Its own words above say why. Its log: `hoploom logs NAME`, or `nomad alloc logs` on hosts.",
    "LeaderMissing": "Another instance takes over within seconds. Where none does, no instance passes.",
    "SlotsUnowned": "Their shards wait. Instances of input take them within seconds; where they stay, none passes.",
    "WorkersElsewhereSilent": "Is its machine on, does it reach the mesh? There: `systemctl status hoploom-worker`.",
    "WorkerImpaired": "Its own words above say what is the matter; its owner can put it right.",
    "WorkersOfOneName": "A card or disk was copied. On the copy: `hoploom worker join URL --copied`.",
    "FabioInstanceUnlisted": "Requests go to the others. Compare its tags with the table on Mesh; restart that Fabio "
    "where its table stands still.",
    "RouteStale": "Some requests fail. A Fabio lets go within a second; where it does not, restart that Fabio.",
    "RouteTableStalled": "It may send requests to who is gone, and nothing to who is new: look at its log and its way "
    "to Consul, then restart that Fabio; a KV line that it refuses is named among the findings on Mesh.",
    "RouteTableShrunken": "Requests for what is lost get 503. Compare its table on Mesh with another's; restart that "
    "Fabio.",
    "RouteConvergeSlow": "Every change waits for it. Is its machine busy, does it poll seldom (registry.consul."
    "pollinterval), are there very many services?",
    "RouteFinding": "Each says its own cure; `hoploom route audit` shows them all.",
    "FabioUnread": "Its table is not known here. Is that Fabio up, and does it route /_mesh itself?",
    "DatacenterAway": "Its workers go on with what they know. Look at the link between the datacenters.",
    "NamesUnknown": "Consul is away, or the record there is damaged: `hoploom dyfi` says more.",
    "DyfiStopped": "Read what the provider says, put it right, then `hoploom dyfi resume`.",
}
"""By kind of problem."""

_HEALTH = {"critical": True, "warning": False}
_RANKS = {"error": True, "warning": False}
_SEEN_HERE = frozenset({"missing", "stale", "router-away", "routers-differ"})
"""Findings of the leader's that every manager finds by itself, and sooner."""


def problems(seen: SeenMesh) -> tuple[Problem, ...]:
    """All of them: what is away first, then by what they are about."""
    found = [
        *_away(seen), *_leadership(seen), *_instances(seen), *_workers(seen.workers), *_datacenters(seen.campaigns),
        *_routing(seen), *_audited(seen.routers.found), *_names(seen.names),
    ]  # fmt: skip
    # Several parts may be away by the same sentence.
    return tuple({(each.kind, each.text): each for each in found}.values())


def _problem(kind: str, text: str, subject: str = "", *, grave: bool = True) -> Problem:
    return Problem(kind, text, WHAT_TO_DO[kind], subject, grave)


def _away(seen: SeenMesh) -> Iterator[Problem]:
    parts: list[tuple[str, Part[Any]]] = [
        ("ConsulUnreachable", seen.instances), ("InputAway", seen.campaigns), ("OutputAway", seen.results),
        ("ConsulUnreachable", seen.leaders), ("InputAway", seen.owners),
    ]  # fmt: skip
    for kind, part in parts:
        if part.away:
            seen_s = None if part.seen_s == float("-inf") else part.seen_s
            yield replace(_problem(kind, part.away), seen_s=seen_s)
    if seen.results.found.silent:
        yield _problem("OutputAway", seen.results.found.silent)


def _leadership(seen: SeenMesh) -> Iterator[Problem]:
    for each in seen.leaders.found:
        if not each["instance"]:
            yield _problem("LeaderMissing", f"nobody leads {each['role']}", each["role"])
    if seen.owners.found.unowned:
        yield _problem(
            "SlotsUnowned", f"{seen.owners.found.unowned} of the input service's {SLOTS} slots have no owner"
        )


def _instances(seen: SeenMesh) -> Iterator[Problem]:
    for each in seen.instances.found:
        if each.health in _HEALTH:
            grave = _HEALTH[each.health]
            impaired = "WorkersElsewhereSilent" if grave else "WorkerImpaired"
            kind = impaired if each.is_elsewhere else "InstanceNotReady"
            yield _problem(kind, f"{each.id} is {each.health}: {each.note}", each.name, grave=grave)


def _workers(workers: Iterable[Seen]) -> Iterator[Problem]:
    for each in workers:
        if each.clash:
            text = (
                f"{each.id} runs on more than one machine with one key: on the copy `hoploom worker join URL --copied`"
            )
            yield _problem("WorkersOfOneName", text, each.id)


def _datacenters(campaigns: Part[tuple[Mapping[str, Any], ...]]) -> Iterator[Problem]:
    away = {dc: part["away"] for each in campaigns.found for dc, part in each.get("datacenters", {}).items()}
    for dc, why in sorted(away.items()):
        if why:
            yield _problem("DatacenterAway", f"the datacenter {dc} is away: {why}", dc)


def _routing(seen: SeenMesh) -> Iterator[Problem]:
    for table in seen.tables.found:
        if table.away:
            yield _problem("FabioUnread", f"the routes of {table.router} are not known: {table.away}", table.router)
    for each in findings(seen.tables.found, seen.instances.found):
        kind = "FabioInstanceUnlisted" if each.kind == "missing" else "RouteStale"
        yield _problem(kind, each.problem, each.subject)


def _audited(standing: Standing | None) -> Iterator[Problem]:
    if standing is None or standing.old:
        return
    for each in standing.routers:
        if each.state == STALLED:
            yield _problem("RouteTableStalled", each.why, each.name)
        if each.shrunken:
            yield _problem("RouteTableShrunken", each.shrunken, each.name, grave=each.grave)
        if each.is_slow:
            text = f"{each.name} takes more than {SLOW_S:g} s to follow what changes in Consul"
            yield _problem("RouteConvergeSlow", text, each.name, grave=False)
    for found in standing.findings:
        if found.severity in _RANKS and found.kind not in _SEEN_HERE:
            text = f"{found.problem}: {found.cure}"
            yield _problem("RouteFinding", text, found.subject, grave=_RANKS[found.severity])


def _names(names: Part[Mapping[str, Any] | None]) -> Iterator[Problem]:
    if names.away:
        yield _problem("NamesUnknown", f"how the names stand is not known: {names.away}")
    if names.found and names.found.get("stopped"):
        yield _problem("DyfiStopped", str(names.found["line"]))
