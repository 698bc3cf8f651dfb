"""Reads what workers measured of each other: the newest results of the fleet's campaign, of every output instance."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from hoploom.kit import Mesh
from hoploom.kit.consul_api import Instance
from hoploom.kit.errors import NotFound, Unavailable
from hoploom.kit.http_client import Answer
from hoploom.manager.fleet import matrix, people
from hoploom.manager.fleet.matrix import Pair
from hoploom.manager.registry import Registry
from hoploom.wire.probe import PING

PAGE, PAGES = 1000, 20
"""Rows of an answer, and answers of one output: the newest 20 rounds of 32 workers, and fewer rounds of more."""


@dataclass(frozen=True)
class Measured:
    """How the fleet reaches itself.

    Attributes:
        campaign: Id of the campaign that measured it.
        workers: Who is there by now, with or without results.
        pairs: What was found.
    """

    campaign: str
    workers: tuple[str, ...]
    pairs: tuple[Pair, ...]

    def to_json(self) -> dict[str, Any]:
        """As it travels."""
        found = [each.to_json() for each in self.pairs]
        return {"v": 1, "campaign": self.campaign, "workers": list(self.workers), "pairs": found}


async def fleet(mesh: Mesh, registry: Registry) -> dict[str, tuple[str, ...]]:
    """Who can be probed, by which addresses; raises Unavailable while Consul is away."""
    _, instances = await mesh.consul.instances("ping")
    return people.addresses(registry.workers(), instances)


async def measured(mesh: Mesh, registry: Registry, campaign: str = "") -> Measured:
    """The matrix.

    Args:
        mesh: This instance.
        registry: Who is heard.
        campaign: Id of a campaign; empty for the newest that every worker mapped for itself.

    Raises:
        NotFound: There is no such campaign.
        Unavailable: An output does not answer: the numbers would be wrong.
    """
    campaign = campaign or await _newest(mesh)
    known = await fleet(mesh, registry)
    rows = await _rows(mesh, campaign)
    # A worker that knew of no answer sent the same to another output.
    once = {(each["worker"], each["address"], each["at_us"]): each for each in rows}
    return Measured(campaign, tuple(known), tuple(matrix.pairs(once.values(), people.owners(known))))


async def _newest(mesh: Mesh) -> str:
    answer = await mesh.client("input").request("GET", "/api/v1/campaigns")
    if not answer.ok:
        raise Unavailable(f"the input service refuses: {answer.reason()}")
    campaigns = [each["campaign"] for each in answer.json()["campaigns"]]
    apart = [each for each in campaigns if each.get("apart") and each["probe"].get("kind", PING) == PING]
    if not apart:
        raise NotFound("the fleet was not measured yet: `hoploom map @fleet` does")
    return str(max(apart, key=lambda each: int(each["created_at_us"]))["id"])


async def _rows(mesh: Mesh, campaign: str) -> list[Mapping[str, Any]]:
    path = f"/api/v1/results?{urlencode({'kind': PING, 'campaign': campaign, 'limit': PAGE})}"
    found: list[Mapping[str, Any]] = []
    for instance, first in await mesh.client("output").each("GET", path):
        page = _read(instance, first)
        found += page
        for _ in range(1, PAGES):
            if len(page) < PAGE:
                break
            following = f"{instance.url}{path}&before={page[-1]['row']}"
            more = await mesh.http.request("GET", following, headers=mesh.shown)
            page = _read(instance, more)
            found += page
    return found


def _read(instance: Instance, answer: Answer | Unavailable) -> list[Mapping[str, Any]]:
    if isinstance(answer, Unavailable):
        raise Unavailable(f"{instance.id} does not answer, so the matrix is not whole: {answer}")
    if not answer.ok:
        raise Unavailable(f"{instance.id} refuses, so the matrix is not whole: {answer.reason()}")
    rows: list[Mapping[str, Any]] = answer.json()["results"]
    return rows
