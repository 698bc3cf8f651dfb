"""One campaign for `/api/v1/summary`: its progress, and what became of its targets by all output instances."""

from collections.abc import Iterable, Mapping
from typing import Any

from hoploom.kit import Mesh
from hoploom.kit.consul_api import Instance
from hoploom.kit.errors import NotFound, Unavailable
from hoploom.kit.http_client import Answer
from hoploom.manager.summary import summarize
from hoploom.wire.fields import CAMPAIGN_ID

_NOT_FOUND = 404


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
                answers.append((instance, await mesh.http.request("GET", instance.url + path, headers=mesh.shown)))
            except Unavailable as error:
                answers.append((instance, error))
    return answers
