"""Takes reports of hops at any instance: each hop goes to the owner of its slot, once; the answers are summed.

A report may come again, to the same instance or to all of them (`broadcast`): the owner knows its hops already.
"""

import asyncio
from collections.abc import Sequence

from hoploom.input_service.campaigns import Campaigns
from hoploom.input_service.hops import Hops
from hoploom.input_service.overlay import Overlay
from hoploom.input_service.ownership import Owner, Ownership
from hoploom.input_service.relay import Relay
from hoploom.kit.errors import BadRequest, Forbidden, Unavailable
from hoploom.wire.hops import Hop, HopAnswer, HopReport, by_slot

ROUTE = "/hops"


class HopDesk:
    """Splits reports by owner."""

    def __init__(self, ownership: Ownership, relay: Relay, hops: Hops, campaigns: Campaigns, overlay: Overlay) -> None:
        """Know the way to the owners."""
        self._ownership, self._relay, self._hops = ownership, relay, hops
        self._campaigns, self._overlay = campaigns, overlay

    async def report(self, report: HopReport, *, relayed: bool) -> HopAnswer:
        """Have the owners take the hops of a report.

        Args:
            report: The hops, with who found them for which campaign.
            relayed: Whether another instance has passed it on; then all have to be this one's.

        Raises:
            NotFound: There is no such campaign.
            Forbidden: The worker was revoked.
            Unavailable: An owner does not answer, or does not know yet; sent again, the report counts nothing twice.
        """
        if self._overlay.current and self._overlay.current.is_revoked(report.worker):
            raise Forbidden(f"worker {report.worker} was revoked")
        if relayed:
            return await self._hops.take(report)
        await self._campaigns.get(report.campaign)
        parts = await self._parts(report)
        answers = await asyncio.gather(*(self._of(*each) for each in parts), return_exceptions=True)
        failed = [each for each in answers if isinstance(each, BaseException)]
        if failed:
            raise failed[0]
        return sum((each for each in answers if isinstance(each, HopAnswer)), HopAnswer())

    async def _parts(self, report: HopReport) -> list[tuple[Owner, HopReport]]:
        slots = by_slot(report.hops)
        owners = await asyncio.gather(*map(self._ownership.settled, slots))
        by_instance: dict[str, tuple[Owner, list[Hop]]] = {}
        for owner, hops in zip(owners, slots.values(), strict=True):
            if owner is None:
                raise Unavailable("nobody decides about some of these hops just now", retry_after_s=1.0)
            by_instance.setdefault(owner.instance, (owner, []))[1].extend(hops)
        return [(owner, _part(report, hops)) for owner, hops in by_instance.values()]

    async def _of(self, owner: Owner, part: HopReport) -> HopAnswer:
        if owner.instance == self._ownership.me:
            return await self._hops.take(part)
        answer = await self._relay.post(owner, ROUTE, part.to_json())
        if not answer.ok:
            raise Unavailable(f"{owner.instance} refuses hops that were passed on: {answer.reason()}")
        try:
            return HopAnswer.from_json(answer.json())
        except BadRequest as error:
            raise Unavailable(f"{owner.instance} does not say what became of hops: {error}") from error


def _part(report: HopReport, hops: Sequence[Hop]) -> HopReport:
    return HopReport(worker=report.worker, campaign=report.campaign, hops=tuple(hops))
