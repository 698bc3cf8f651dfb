"""What other datacenters say of their slices: asked of any input instance there, and kept while they are away.

Nothing is asked for a campaign that is this datacenter's alone. One answer tells of all campaigns and serves all who
look within a second; a datacenter that does not answer costs one look some patience, and the next ones nothing.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hoploom.input_service.slice_sums import Part, Rows
from hoploom.kit import Mesh
from hoploom.kit.clock import boottime_s, wall_us
from hoploom.kit.consul_api import Instance
from hoploom.kit.errors import Unavailable
from hoploom.wire.campaign import Campaign

log = logging.getLogger(__name__)
PATH = "/api/v1/campaigns?here=yes"
FRESH_S = 1.0
PATIENCE_S = 1.5
AGAIN_S = 5.0
"""After so long a datacenter that did not answer is asked again."""

_ASKED = 2
"""Instances of a datacenter that are tried."""


@dataclass
class _Known:
    """A datacenter as it was heard last."""

    rows: Mapping[tuple[str, int], Rows] = field(default_factory=dict)
    as_of_us: int = 0
    away: str = ""
    next_s: float = float("-inf")
    instances: list[Instance] = field(default_factory=list)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Elsewhere:
    """Asks other datacenters how far they are."""

    def __init__(self, mesh: Mesh) -> None:
        """Have heard nobody yet."""
        self._mesh = mesh
        self._known: dict[str, _Known] = {}

    async def parts(self, campaign: Campaign) -> dict[str, Part]:
        """What each other datacenter of a campaign said last of its slice."""
        others = [dc for dc in campaign.datacenters if dc != self._mesh.dc]
        return dict(zip(others, await asyncio.gather(*(self._part(dc, campaign) for dc in others)), strict=True))

    async def _part(self, dc: str, campaign: Campaign) -> Part:
        known = self._known.setdefault(dc, _Known())
        async with known.turn:
            if boottime_s() >= known.next_s:
                await self._ask(dc, known)
        groups = known.rows.get((campaign.id, campaign.edition), {})
        return Part(groups, known.as_of_us, known.away)

    async def _ask(self, dc: str, known: _Known) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                known.rows = await self._rows(dc, known)
        except (Unavailable, TimeoutError) as error:
            why = str(error) or f"{dc} does not answer"
            if not known.away:
                log.info("%s does not say how far it is: %s", dc, why)
            known.away, known.next_s = why, boottime_s() + AGAIN_S
            return
        known.as_of_us, known.away, known.next_s = wall_us(), "", boottime_s() + FRESH_S

    async def _rows(self, dc: str, known: _Known) -> Mapping[tuple[str, int], Rows]:
        _, found = await self._mesh.consul.instances(self._mesh.name, dc=dc)
        known.instances = found or known.instances
        trouble = f"{dc} has no input instance"
        for each in known.instances[:_ASKED]:
            try:
                answer = await self._mesh.http.request("GET", each.url + PATH, headers=self._mesh.shown)
            except Unavailable as error:
                trouble = f"{each.id} does not answer: {error}"
                continue
            if answer.ok:
                return _read(answer.json()["campaigns"])
            trouble = f"{each.id} refuses: {answer.reason()}"
        raise Unavailable(trouble)


def _read(campaigns: Iterable[Mapping[str, Any]]) -> dict[tuple[str, int], Rows]:
    # An instance of the version before knows no editions apart.
    return {(each["campaign"]["id"], each["campaign"].get("edition", 1)): each["groups"] for each in campaigns}
