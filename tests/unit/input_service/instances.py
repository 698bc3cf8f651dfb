"""Input instances over one fake Consul, for the tests of this room."""

import asyncio
import random
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from hoploom.input_service.campaigns import Campaigns
from hoploom.input_service.desk import Desk
from hoploom.input_service.journal import Journal
from hoploom.input_service.numbers import Numbers
from hoploom.input_service.sets import Sets
from hoploom.kit.consul_api import ConsulApi, KvEntry
from hoploom.kit.errors import Unavailable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.wire.campaign import CampaignRequest
from hoploom.wire.lease import LeaseRequest


@dataclass
class Instance:
    """What one input instance is made of."""

    campaigns: Campaigns
    journal: Journal
    numbers: Numbers
    sets: Sets
    desk: Desk

    @staticmethod
    def over(consul: ConsulApi) -> "Instance":
        numbers, sets, journal = Numbers(consul), Sets(consul), Journal(consul)
        campaigns = Campaigns(consul, numbers, sets, 10**9)
        return Instance(campaigns, journal, numbers, sets, Desk(campaigns, journal, numbers))


class BusyConsul(FakeConsul):
    """Lets others in before and after every call, in an order that a seed decides; loses answers on request."""

    def __init__(self, seed: int, *, lost_answers: float = 0.0) -> None:
        super().__init__()
        self._chance = random.Random(seed)
        self.lost_answers = lost_answers

    async def _others(self) -> None:
        for _ in range(self._chance.randrange(4)):
            await asyncio.sleep(0)

    async def kv_get(self, key: str, *, consistent: bool = False) -> KvEntry | None:
        await self._others()
        found = await super().kv_get(key, consistent=consistent)
        await self._others()
        return found

    async def kv_put(self, key: str, value: bytes, *, cas: int | None = None) -> bool:
        await self._others()
        done = await super().kv_put(key, value, cas=cas)
        if self._chance.random() < self.lost_answers:
            raise Unavailable("the answer was lost, the write perhaps not")
        await self._others()
        return done


def campaign_request(
    name: str = "demo", blocks: Iterable[str] = ("127.0.0.0/20",), **wishes: object
) -> CampaignRequest:
    """A request for a loopback campaign."""
    return CampaignRequest(id=name, blocks=tuple(blocks), **{"allow_private": True, **wishes})  # type: ignore[arg-type]


def lease_request(worker: str = "w1", request_id: str = "", group: str = "all") -> LeaseRequest:
    """A request of a worker for either family without a limit of its own."""
    return LeaseRequest(
        request_id=request_id or uuid.uuid4().hex, worker=worker, group=group, rate_pps=0, families=(4, 6)
    )
