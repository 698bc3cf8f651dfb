"""Input instances over one fake Consul."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from hoploom.input_service.campaigns import Campaigns
from hoploom.input_service.desk import Desk
from hoploom.input_service.journal import Journal
from hoploom.input_service.numbers import Numbers
from hoploom.input_service.sets import Sets
from hoploom.kit.consul_api import ConsulApi
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


@pytest.fixture
def instances(fake_consul: FakeConsul) -> list[Instance]:
    """Three instances that share nothing but Consul."""
    return [Instance.over(fake_consul) for _ in range(3)]


@pytest.fixture
def instance(instances: list[Instance]) -> Instance:
    """One of them."""
    return instances[0]


def campaign_request(name: str = "demo", blocks: Iterable[str] = ("127.0.0.0/20",), **wishes: object) -> CampaignRequest:
    """A request for a loopback campaign."""
    return CampaignRequest(id=name, blocks=tuple(blocks), allow_private=True, **wishes)  # type: ignore[arg-type]


def lease_request(worker: str = "w1", request_id: str = "", group: str = "all") -> LeaseRequest:
    """A request of a worker for either family without a limit of its own."""
    return LeaseRequest(
        request_id=request_id or uuid.uuid4().hex, worker=worker, group=group, rate_pps=0, families=(4, 6)
    )
