"""The way to the budget, in a mesh of any size."""

import pytest

from hoploom.input_service.serving import Wanted
from unit.input_service.instances import Instance, campaign_request, lease_request


@pytest.mark.parametrize("workers", [0, 1, 10_000, 25_000])
async def test_a_lease_within_a_rate_is_given_however_many_workers_there_are(instance: Instance, workers: int) -> None:
    async def count() -> int:
        return workers

    instance.parts.budget.count_workers = count
    await instance.campaigns.create(campaign_request(rate_pps=1_000_000))
    assert await instance.desk.lease(Wanted(request=lease_request()))
