"""What happened between two looks at the mesh. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hoploom.manager.auditing.standing import STALLED
from hoploom.manager.registry import LEFT, SILENT
from hoploom.manager.seeing.seen import Event, SeenMesh

MOST = 40
"""Events of one look. Where hundreds of workers fall silent at once, a sentence says how many more there were."""


def happened(before: SeenMesh, after: SeenMesh, at_us: int) -> list[Event]:
    """Everything that changed from one look to the next.

    Args:
        before: What was seen then. Nothing happened where this was the look of a manager that had just started.
        after: What is seen now.
        at_us: Now, microseconds since 1970.
    """
    if before.is_first:
        return []
    found = [
        Event(at_us, kind, text, subject)
        for kind, text, subject in (
            *_probing(before, after), *_leaders(before, after), *_deploys(before, after), *_steps(before, after),
            *_campaigns(before, after),
            *_instances(before, after), *_workers(before, after), *_routers(before, after),
        )
    ]  # fmt: skip
    if len(found) > MOST:
        rest = len(found) - MOST
        return [*found[:MOST], Event(at_us, found[MOST].kind, f"{rest} more like these at the same time")]
    return found


Told = tuple[str, str, str]


def _probing(before: SeenMesh, after: SeenMesh) -> Iterator[Told]:
    if before.overlay.found is None or after.overlay.found is None:
        return
    if before.paused != after.paused:
        yield "probing", "all probing is paused" if after.paused else "probing goes on", ""
    paused, was = set(after.overlay.found["paused_campaigns"]), set(before.overlay.found["paused_campaigns"])
    for each in sorted(paused ^ was):
        yield "campaign", "is paused" if each in paused else "goes on", each


def _leaders(before: SeenMesh, after: SeenMesh) -> Iterator[Told]:
    was = {each["role"]: each for each in before.leaders.found}
    for each in after.leaders.found:
        old = was.get(each["role"], {"instance": "", "index": 0})
        if each["instance"] != old["instance"]:
            if each["instance"]:
                yield "leader", f"leads {each['role']} under token {each['index']}", each["instance"]
            else:
                yield "leader", f"leads {each['role']} no more", old["instance"]


def _deploys(before: SeenMesh, after: SeenMesh) -> Iterator[Told]:
    old, new = _versions(before), _versions(after)
    for service in sorted(new):
        for version in sorted(new[service] - old.get(service, new[service])):
            yield "deploy", f"has an instance of version {version} now", service


def _steps(before: SeenMesh, after: SeenMesh) -> Iterator[Told]:
    """Of the deploys that somebody has begun: who, each share, and how each ended."""
    if before.deploys.seen_s == float("-inf"):
        return
    was = {(each.service, each.is_over): each for each in before.deploys.found}
    for each in after.deploys.found:
        old = was.get((each.service, each.is_over))
        if old == each:
            continue
        if each.is_over:
            yield "deploy", f"deploy of {each.version}: {each.where}", each.service
        elif old is None or old.since != each.since:
            yield "deploy", f"is being deployed: {each.version}, by {each.who}", each.service
        elif old.where != each.where:
            yield "deploy", f"deploy of {each.version}: {each.where}", each.service


def _instances(before: SeenMesh, after: SeenMesh) -> Iterator[Told]:
    if before.instances.seen_s == float("-inf"):
        return
    was = {each.id: each for each in before.instances.found}
    now = {each.id: each for each in after.instances.found}
    for name, each in sorted(now.items()):
        if name not in was:
            yield "instance", f"came, on {each.node}", name
        elif each.health != was[name].health and not each.is_elsewhere:
            # Of workers elsewhere the ads tell, and sooner.
            said = f": {' '.join(each.note.split())}" if each.health != "passing" and each.note else ""
            yield "instance", f"is {'leaving' if each.draining else each.health}{said[:200]}", name
    for name in sorted(was.keys() - now.keys()):
        yield "instance", "is gone", name


def _workers(before: SeenMesh, after: SeenMesh) -> Iterator[Told]:
    was = {each.id: each.status for each in before.workers}
    for each in after.workers:
        # Who is heard for the first time is new to this manager alone; who joins comes as an instance.
        old = was.get(each.id, each.status)
        if each.status != old:
            if each.status in (SILENT, LEFT):
                yield "worker", "fell silent" if each.status == SILENT else "took leave", each.id
            elif old in (SILENT, LEFT):
                yield "worker", "is heard again", each.id


def _routers(before: SeenMesh, after: SeenMesh) -> Iterator[Told]:
    if before.routers.found is None or after.routers.found is None:
        return
    was = {each.name: each for each in before.routers.found.routers}
    for each in after.routers.found.routers:
        old = was.get(each.name, each)
        if each.state != old.state and STALLED in (each.state, old.state):
            said = "does not follow Consul any more" if each.state == STALLED else "follows Consul again"
            yield "router", said, each.name
        if bool(each.shrunken) != bool(old.shrunken):
            said = "has lost routes that Consul still asks for" if each.shrunken else "has its routes again"
            yield "router", said, each.name


def _campaigns(before: SeenMesh, after: SeenMesh) -> Iterator[Told]:
    if before.campaigns.seen_s == float("-inf"):
        return
    was, now = _states(before), _states(after)
    for name in sorted(now):
        if name not in was:
            yield "campaign", "is made", name
        elif now[name] != was[name] and now[name]:
            yield "campaign", f"is {now[name]}", name
    for name in sorted(was.keys() - now.keys()):
        yield "campaign", "is gone", name


def _states(seen: SeenMesh) -> Mapping[str, str]:
    return {str(each["campaign"]["id"]): _state(each) for each in seen.campaigns.found}


def _state(campaign: Mapping[str, Any]) -> str:
    if campaign.get("stopped") or campaign["campaign"].get("stopped"):
        return "stopped"
    groups = campaign["groups"].values()
    return "finished" if groups and all(each.get("finished") for each in groups) else ""


def _versions(seen: SeenMesh) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for each in seen.instances.found:
        if each.version and not each.is_elsewhere:
            found.setdefault(each.service, set()).add(each.version)
    return found
