"""Many workers at several instances at once: every position is worked off exactly once."""

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from hoploom.input_service.desk import Desk
from hoploom.input_service.leases import Expired
from hoploom.kit.errors import Forbidden, NotFound, Unavailable
from hoploom.wire.lease import Lease, LeaseDone
from unit.input_service.instances import BusyConsul, Instance, campaign_request, lease_request


def done_of(lease: Lease, worker: str) -> LeaseDone:
    return LeaseDone(worker=worker, campaign=lease.campaign, group=lease.group)


class Crew:
    """Workers that ask the instances in turn, and ask the next one when an answer was lost."""

    def __init__(self, instances: list[Instance]) -> None:
        self._instances = itertools.cycle(instances)
        self.seen: Counter[tuple[str, int, int]] = Counter()

    async def work(self, worker: str) -> None:
        for turn in itertools.count():
            wanted = lease_request(worker, f"{worker}-{turn}")
            lease = await self._insist(partial(Desk.lease, request=wanted, limit=300))
            if lease is None:
                return
            self.seen.update((lease.campaign, lease.family, each) for each in range(lease.start, lease.stop))
            await self._insist(partial(Desk.done, lease_id=lease.id, message=done_of(lease, worker)))

    async def _insist(self, call: Callable[[Desk], Awaitable[Any]]) -> Any:
        while True:
            with contextlib.suppress(Unavailable):
                return await call(next(self._instances).desk)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("lost_answers", [0.0, 0.1], ids=["all answers arrive", "one answer in ten is lost"])
async def test_workers_at_three_instances_do_every_position_exactly_once(seed: int, lost_answers: float) -> None:
    consul = BusyConsul(seed)
    instances = [Instance.over(consul) for _ in range(3)]
    await instances[0].campaigns.create(campaign_request("first", ["127.0.0.0/20", "::1"]))
    await instances[1].campaigns.create(campaign_request("second", ["127.1.0.0/21"]))
    consul.lost_answers = lost_answers
    crew = Crew(instances)
    await asyncio.gather(*(crew.work(f"w{number}") for number in range(12)))
    assert set(crew.seen.values()) == {1}
    assert len(crew.seen) == 4096 + 1 + 2048
    for name, targets in {"first": 4097, "second": 2048}.items():
        record, _ = (await instances[2].journal.groups(name))["all"]
        assert (record.done, record.reissued, record.finished) == (targets, 0, True)


async def test_groups_see_every_target_each_in_an_order_of_its_own(instance: Instance) -> None:
    await instance.campaigns.create(campaign_request(blocks=["127.0.0.0/28"]))
    one = await instance.desk.lease(lease_request(group="one"))
    two = await instance.desk.lease(lease_request(group="two"))
    assert one is not None and two is not None
    assert (one.start, one.stop) == (two.start, two.stop) == (0, 16)
    assert one.order_key != two.order_key and one.worker_number == two.worker_number


async def test_a_repeated_request_gets_its_lease_though_an_older_campaign_has_work_again(
    instances: list[Instance],
) -> None:
    await instances[0].campaigns.create(campaign_request("older", ["127.0.0.0/28"]))
    await instances[0].campaigns.create(campaign_request("newer", ["127.1.0.0/28"]))
    older = await instances[0].desk.lease(lease_request("w1"))
    wanted = lease_request("w2", "same")
    newer = await instances[0].desk.lease(wanted)
    assert older is not None and newer is not None and (older.campaign, newer.campaign) == ("older", "newer")
    campaign = await instances[0].campaigns.get("older")
    await instances[1].journal.change(campaign, "all", lambda record, _: (replace(record, held=()), None))
    again = await instances[2].desk.lease(wanted)
    assert again == newer


async def test_the_lease_carries_what_the_campaign_allows(instance: Instance) -> None:
    campaign, _ = await instance.campaigns.create(campaign_request(blocks=["10.0.0.0/24"], rate_pps=50))
    lease = await instance.desk.lease(lease_request())
    assert lease is not None
    assert (lease.rate_pps, lease.allow_private, lease.revision) == (50, True, campaign.sets[4].sha256)
    assert (lease.campaign_number, lease.measurement) == (campaign.number, campaign.measurement)


async def test_what_cannot_be_acknowledged_has_its_own_answer(instance: Instance) -> None:
    await instance.campaigns.create(campaign_request())
    await instance.campaigns.create(campaign_request("other"))
    lease = await instance.desk.lease(lease_request("w1"))
    assert lease is not None
    with pytest.raises(Forbidden):
        await instance.desk.done(lease.id, done_of(lease, "w2"))
    for wrong in (
        LeaseDone(worker="w1", campaign="other", group="all"),
        LeaseDone(worker="w1", campaign="demo", group="nobody"),
        LeaseDone(worker="w1", campaign="none", group="all"),
    ):
        with pytest.raises(NotFound):
            await instance.desk.done(lease.id, wrong)
    first = await instance.desk.done(lease.id, done_of(lease, "w1"))
    assert await instance.desk.done(lease.id, done_of(lease, "w1")) == first
    other = await instance.desk.lease(lease_request("w1"))
    assert other is not None
    with pytest.raises(Expired):
        await instance.desk.done(other.id.replace(other.id[-16:], "0" * 16), done_of(other, "w1"))


async def test_a_chosen_campaign_is_served_alone_and_has_to_exist(instance: Instance) -> None:
    await instance.campaigns.create(campaign_request("first"))
    await instance.campaigns.create(campaign_request("second"))
    lease = await instance.desk.lease(lease_request(), campaign="second")
    assert lease is not None and lease.campaign == "second"
    with pytest.raises(NotFound):
        await instance.desk.lease(lease_request(), campaign="third")
