"""Asks the mesh for what Atlas' API tells: input for campaigns, Consul for workers, outputs for results."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, Final

from hoploom.kit import Mesh
from hoploom.kit.clock import wall_us
from hoploom.kit.consul_api import Instance
from hoploom.kit.errors import BadRequest, NotFound, Unavailable
from hoploom.kit.external_nodes import EDGE
from hoploom.manager.atlas.documents import CONNECTED, DISCONNECTED, Worker
from hoploom.manager.registry import LEFT, SILENT, Seen
from hoploom.trust.numbers import OF_WORKERS

PAGE_TIMEOUT_S: Final = 20.0
_NUMBER: Final = re.compile("[0-9]{1,15}")
_US: Final = 1_000_000


async def campaigns(mesh: Mesh, headers: Mapping[str, str]) -> list[Mapping[str, Any]]:
    """All campaigns with their progress; raises Unavailable where no input instance tells."""
    answer = await mesh.client("input").request("GET", "/api/v1/campaigns", headers=headers)
    if not answer.ok:
        raise Unavailable(f"the input service refuses: {answer.reason()}")
    return list(answer.json()["campaigns"])


async def campaign_of(mesh: Mesh, headers: Mapping[str, str], measurement: str) -> Mapping[str, Any]:
    """The campaign of a measurement's number; raises NotFound and Unavailable."""
    found = [each for each in await campaigns(mesh, headers) if str(each["campaign"]["measurement"]) == measurement]
    if not found:
        raise NotFound(f"there is no measurement {measurement[:20]}")
    return found[0]


async def workers(mesh: Mesh, heard: Iterable[Seen]) -> list[Worker]:
    """Every worker that was ever given a number.

    Args:
        mesh: This instance.
        heard: Workers elsewhere, as this manager has heard of them.

    Raises:
        Unavailable: Consul is away.
    """
    numbers = {each.key.removeprefix(OF_WORKERS): each.value for each in await mesh.consul.kv_list(OF_WORKERS)}
    _, instances = await mesh.consul.instances("ping", passing=False)
    here = {each.meta["worker"]: each for each in instances if "worker" in each.meta and EDGE not in each.meta}
    elsewhere = {each.id: each for each in heard}
    now_s = wall_us() // _US
    return [
        _worker(int(value), name, here.get(name), elsewhere.get(name), now_s)
        for name, value in numbers.items()
        if _NUMBER.fullmatch(value.decode("ascii", "replace"))
    ]


async def outputs(mesh: Mesh, campaign: Mapping[str, Any]) -> tuple[list[Instance], list[str]]:
    """The instances that have a campaign's results, of all its datacenters; and the ids of those that are ill.

    Raises:
        Unavailable: Consul is away, or another datacenter is: whom to ask is not known.
    """
    asked, ill = list[Instance](), list[str]()
    others = [dc for dc in campaign.get("datacenters", ()) if dc != mesh.dc]
    for dc in ("", *others):
        for each in (await mesh.consul.instances("output", passing=False, dc=dc))[1]:
            if each.status == "critical":
                ill.append(each.id)
            else:
                asked.append(each)
    return asked, ill


async def results(
    mesh: Mesh, headers: Mapping[str, str], asked: Iterable[Instance], path: str
) -> AsyncIterator[list[dict[str, Any]]]:
    """Results of all outputs, a page at a time; a batch that two of them have is told once.

    Args:
        mesh: This instance.
        headers: With which outputs are asked.
        asked: The outputs.
        path: Of their pages, with its query but for the cursor.

    Raises:
        BadRequest: What narrows the results makes no sense.
        Unavailable: One of them does not answer, so that what was told is not all.
    """
    told: set[str] = set()
    for instance in asked:
        own: set[str] = set()
        cursor: str | None = ""
        while cursor is not None:
            document = await _page(mesh, headers, f"{instance.url}{path}{f'&cursor={cursor}' if cursor else ''}")
            own.update(each["hoploom"]["batch"] for each in document["results"])
            yield [each for each in document["results"] if each["hoploom"]["batch"] not in told]
            cursor = document.get("next")
        told |= own


async def _page(mesh: Mesh, headers: Mapping[str, str], url: str) -> dict[str, Any]:
    answer = await mesh.http.request("GET", url, headers=headers, timeout_s=PAGE_TIMEOUT_S)
    if answer.status == BadRequest.status:
        # Of the parameters, which outputs judge.
        raise BadRequest(answer.reason())
    if not answer.ok:
        raise Unavailable(f"an output refuses, so the results are not whole: {answer.reason()}")
    found: dict[str, Any] = answer.json()
    return found


async def latest(
    mesh: Mesh, headers: Mapping[str, str], asked: Iterable[Instance], path: str
) -> list[dict[str, Any]]:
    """The newest result of each probe over all outputs; raises as `results`."""
    newest: dict[int, dict[str, Any]] = {}
    for instance in asked:
        for each in (await _page(mesh, headers, f"{instance.url}{path}"))["results"]:
            known = newest.get(each["prb_id"])
            if known is None or known["timestamp"] <= each["timestamp"]:
                newest[each["prb_id"]] = each
    return [newest[number] for number in sorted(newest)]


def _worker(number: int, name: str, here: Instance | None, seen: Seen | None, now_s: int) -> Worker:
    if seen is not None:
        is_away = seen.status in (SILENT, LEFT)
        # What a worker says of its own age may be anything.
        since_s = max(0, now_s - round(seen.heard_s if is_away else seen.body.uptime_s))
        status = DISCONNECTED if is_away else CONNECTED
        place = {"latitude": seen.body.latitude, "longitude": seen.body.longitude}
        return Worker(number=number, name=name, status=status, since_s=since_s, **place)
    status = CONNECTED if here is not None and here.status != "critical" else DISCONNECTED
    return Worker(number=number, name=name, status=status)
