"""The way to the budget, in a mesh of any size, and a keeper's first moments."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from hoploom.input_service.allotment import Claim
from hoploom.input_service.budget_desk import SLOT, BudgetDesk
from hoploom.input_service.ownership import Term
from hoploom.input_service.work import Wanted
from hoploom.kit.belief import Token
from unit.input_service.instances import Instance, campaign_request, lease_request
from waiting import eventually

CLAIM = Claim(
    nonce="0" * 16,
    worker="w",
    campaign="demo",
    edition=1,
    group="all",
    round=0,
    campaign_pps=100,
    wanted_pps=0,
    network_pps=0,
    per_network=1,
)


@pytest.mark.parametrize("workers", [0, 1, 10_000, 25_000])
async def test_a_lease_within_a_rate_is_given_however_many_workers_there_are(instance: Instance, workers: int) -> None:
    async def count() -> int:
        return workers

    instance.parts.budget.count_workers = count
    await instance.campaigns.create(campaign_request(rate_pps=1_000_000))
    assert await instance.desk.lease(Wanted(request=lease_request()))


async def test_a_keeper_that_is_asked_before_it_has_looked_around_begins_as_soon_as_any_other() -> None:
    async def news(_: float) -> None:
        await asyncio.sleep(0.01)

    term = Term(SLOT, "lock", Token(0, 1), fresh=True)
    keeper: Any = SimpleNamespace(term=lambda _: term, news=news, me="input-1")
    unused: Any = None
    desk = BudgetDesk("input-1", keeper, unused, unused)
    question = {"v": 1, "op": "take", "claim": CLAIM.to_json()}
    assert (await desk.answer(question))["allotment"] is None
    found: list[object] = []

    async def ask() -> None:
        while not any(found):
            found.append((await desk.answer(question))["allotment"])
            await asyncio.sleep(0.01)

    running = asyncio.get_running_loop().create_task(desk.run())
    asking = asyncio.get_running_loop().create_task(ask())
    try:
        await eventually("an allotment", lambda: any(found), 2)
    finally:
        running.cancel()
        asking.cancel()
        await asyncio.gather(running, asking, return_exceptions=True)
