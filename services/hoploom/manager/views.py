"""Collects what the page shows: from Consul's health, the input service's progress and every output's results.

A part that does not answer is named as away; the rest of the page stands.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hoploom.kit import Mesh
from hoploom.kit.consul_api import Instance
from hoploom.kit.errors import NotFound, Unavailable
from hoploom.kit.external_nodes import EDGE
from hoploom.kit.http_client import Answer
from hoploom.kit.roles import roles
from hoploom.manager import edge_workers
from hoploom.manager.registry import Seen
from hoploom.manager.summary import summarize
from hoploom.wire.fields import CAMPAIGN_ID
from hoploom.wire.probe import KINDS, PING

SERVICES = ("input", "output", "manager", "ping")
SEVERITY = ("critical", "warning", "passing")
_OWN = ("ready", "heartbeat")
_NOT_FOUND = 404


@dataclass(frozen=True)
class Part:
    """A part of the page: its rows, or why there are none."""

    rows: list[dict[str, Any]]
    away: str = ""


async def overview(mesh: Mesh, latest: int, workers: Sequence[Seen]) -> dict[str, Any]:
    """Everything on the home page, as one JSON document.

    Args:
        mesh: This instance.
        latest: Latest results shown.
        workers: Workers elsewhere, as this manager has heard of them.
    """
    fleet, campaigns, results = await instances(mesh), await progress(mesh), await latest_results(mesh, latest)
    led, owned = await leaders(mesh), await owners(mesh)
    problems = list(dict.fromkeys(part.away for part in (fleet, campaigns, results, led, owned) if part.away))
    problems += [f"nobody leads {each['role']}" for each in led.rows if not each["instance"]]
    problems += [
        f"{each['id']} is {each['health']}: {each['note']}" for each in fleet.rows if each["health"] != "passing"
    ]
    problems += edge_workers.problems(workers)
    return {
        "v": 1,
        "manager": mesh.id,
        "dc": mesh.dc,
        "problems": problems,
        "overlay": await overlay(mesh),
        "instances": fleet.rows,
        "workers": edge_workers.rows(workers),
        "campaigns": campaigns.rows,
        "leaders": led.rows,
        "owners": owned.rows,
        "results": results.rows,
    }


async def instances(mesh: Mesh) -> Part:
    """Every instance with its health, worst first."""
    rows = []
    try:
        for service in SERVICES:
            _, found = await mesh.consul.instances(service, passing=False)
            rows += [_row(each) for each in found]
    except Unavailable as error:
        return Part([], f"Consul is away, so health is unknown: {error}")
    return Part(sorted(rows, key=lambda row: (SEVERITY.index(row["health"]), row["id"])))


async def progress(mesh: Mesh) -> Part:
    """Campaigns with the progress of their groups, newest first."""
    try:
        answer = await mesh.client("input").request("GET", "/api/v1/campaigns")
    except Unavailable as error:
        return Part([], f"the input service is away: {error}")
    if not answer.ok:
        return Part([], f"the input service refuses: {answer.reason()}")
    return Part(list(reversed(answer.json()["campaigns"]))[:10])


async def overlay(mesh: Mesh) -> dict[str, Any] | None:
    """What is paused, and how many blocks are opted out; None while nobody tells, which `progress` names."""
    try:
        answer = await mesh.client("input").request("GET", "/api/v1/overlay/summary")
    except Unavailable:
        return None
    found: dict[str, Any] | None = answer.json() if answer.ok else None
    return found


async def leaders(mesh: Mesh) -> Part:
    """Who leads which role, since when, and under which token."""
    try:
        found = await roles(mesh.consul, mesh.settings.roles_prefix)
    except Unavailable as error:
        return Part([], f"Consul is away, so leaders are unknown: {error}")
    return Part(
        [
            {"role": each.name, "instance": each.instance, "since_us": each.since_us, "index": each.index}
            for each in found
        ]
    )


async def owners(mesh: Mesh) -> Part:
    """The input instances with the number of slots that each owns, most first."""
    try:
        answer = await mesh.client("input").request("GET", "/api/v1/slots")
    except Unavailable as error:
        return Part([], f"the input service is away: {error}")
    if not answer.ok:
        return Part([], f"the input service refuses: {answer.reason()}")
    count = Counter(each["owner"] for each in answer.json()["slots"])
    unowned = int(answer.json()["unowned"])
    rows = [{"instance": name, "slots": number} for name, number in count.most_common()]
    return Part(rows, f"{unowned} of the input service's 64 slots have no owner" if unowned else "")


async def latest_results(mesh: Mesh, limit: int) -> Part:
    """The newest rows of all outputs, of every kind."""
    rows: list[dict[str, Any]] = []
    away = ""
    for kind in KINDS:
        try:
            answers = await mesh.client("output").each("GET", f"/api/v1/results?kind={kind}&limit={limit}")
        except Unavailable as error:
            return Part([], f"no output instance is known: {error}")
        for instance, answer in answers:
            if isinstance(answer, Unavailable):
                away = f"{instance.id} does not answer: {answer}"
            elif not answer.ok:
                away = f"{instance.id} refuses: {answer.reason()}"
            else:
                # An output of the version before knows no kinds, and tells of pings whatever is asked.
                rows += [_result(row) for row in answer.json()["results"] if row.get("kind", PING) == kind]
    return Part(sorted(rows, key=lambda row: -int(row["at_us"]))[:limit], away)


async def campaign_summary(mesh: Mesh, campaign_id: str) -> dict[str, Any]:
    """A campaign, its progress, and what became of its targets, by group.

    Raises:
        NotFound: There is no such campaign.
        Unavailable: The input service or an output instance does not answer; the numbers would be wrong.
    """
    if not CAMPAIGN_ID.fullmatch(campaign_id):
        # It becomes a part of a path, which must not lead elsewhere.
        raise NotFound(f"there is no campaign {campaign_id[:63]!r}")
    answer = await mesh.client("input").request("GET", f"/api/v1/campaigns/{campaign_id}")
    if answer.status == _NOT_FOUND:
        raise NotFound(f"there is no campaign {campaign_id!r}")
    if not answer.ok:
        raise Unavailable(f"the input service refuses, so the numbers are not known: {answer.reason()}")
    found: Mapping[str, Any] = answer.json()
    others = [dc for dc in found.get("datacenters", ()) if dc != mesh.dc]
    batches = await _batches(mesh, int(found["campaign"]["number"]), others)
    return {**found, "summary": {group: each.as_dict() for group, each in summarize(batches).items()}}


async def _batches(mesh: Mesh, campaign_number: int, others: Iterable[str]) -> Iterable[Mapping[str, Any]]:
    """The batches of a campaign that all output instances have, each once.

    Args:
        mesh: This instance.
        campaign_number: The campaign's.
        others: Datacenters besides this one where its targets are probed.

    Raises:
        Unavailable: An instance does not answer, or a datacenter cannot be asked.
    """
    batches: dict[str, Mapping[str, Any]] = {}
    path = f"/api/v1/output/campaigns/{campaign_number}/batches"
    pages = [path]
    while pages:
        following: list[int] = []
        for instance, each in await _outputs_answers(mesh, others, pages.pop()):
            if isinstance(each, Unavailable):
                raise Unavailable(f"{instance.id} does not answer, so the numbers are not whole: {each}")
            if not each.ok:
                raise Unavailable(f"{instance.id} refuses, so the numbers are not whole: {each.reason()}")
            document = each.json()
            batches.update((batch["batch"], batch) for batch in document["batches"])
            # An output of the version before says everything at once.
            following += [document["next"]] if document.get("next") else []
        # All are asked for the same page: whoever is further says again what it has said.
        pages = [f"{path}?after={min(following)}"] if following else []
    return batches.values()


async def _outputs_answers(
    mesh: Mesh, others: Iterable[str], path: str
) -> list[tuple[Instance, Answer | Unavailable]]:
    """What every output says, of this datacenter and of others; raises Unavailable where Consul cannot name them."""
    answers = await mesh.client("output").each("GET", path)
    for dc in others:
        for instance in (await mesh.consul.instances("output", dc=dc))[1]:
            try:
                answers.append((instance, await mesh.http.request("GET", instance.url + path)))
            except Unavailable as error:
                answers.append((instance, error))
    return answers


def _result(row: Mapping[str, Any]) -> dict[str, Any]:
    """A result as every kind is shown: the time to the target, if it answered, and how far away it is, if known."""
    if row.get("kind", PING) == PING:
        return {**row, "kind": PING, "rtt_us": row["rtt_avg_us"], "distance": None}
    last = row["hops"][-1] if row["outcome"] == "reached" and row["hops"] else {}
    return {**row, "hops": len(row["hops"]), "rtt_us": last.get("rtt_us")}


def _row(instance: Instance) -> dict[str, Any]:
    # The instance's own words, unless something else is worse.
    worst = sorted(instance.checks, key=lambda check: (SEVERITY.index(check.status), check.name not in _OWN))
    note = worst[0].output.strip() if worst else ""
    return {
        "id": instance.id,
        "service": instance.service,
        "where": "elsewhere" if EDGE in instance.meta else f"{instance.address}:{instance.port}",
        "node": instance.node,
        "dc": instance.dc,
        "version": instance.meta.get("version", ""),
        "worker": instance.meta.get("worker", ""),
        "health": instance.status,
        "note": note.partition("Output: ")[2].strip() or note,
    }
