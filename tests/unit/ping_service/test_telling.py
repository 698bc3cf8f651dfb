"""What is told about leases, when, and what follows from the answers."""

import asyncio

import pytest

from hoploom.kit.errors import BadRequest
from hoploom.ping_service import holding
from hoploom.ping_service.lease_client import LeaseEnded, Renewal
from hoploom.ping_service.orders import PAUSED
from hoploom.ping_service.station import Station
from hoploom.ping_service.telling import tell
from unit.ping_service.stations import FakeMesh, lease, on_virtual_time, station


def holding_one(mesh: FakeMesh) -> Station:
    found = station(mesh)
    found.change(holding.granted((), lease(), found.clock()))
    return found


async def tell_for(found: Station, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await tell(found)
    except TimeoutError:
        return


@on_virtual_time
async def test_a_lease_is_renewed_at_a_third_of_its_time_and_lives_on() -> None:
    mesh = FakeMesh(renewal=Renewal(30, 77))
    found = holding_one(mesh)
    await tell_for(found, 100)
    assert [round(at_s) for at_s, _, _ in mesh.said] == list(range(10, 100, 10))
    assert found.holding[0].rate_pps == 77 and found.holding[0].ends_s > 100


@on_virtual_time
async def test_a_renewal_says_how_far_the_results_are_stored() -> None:
    mesh = FakeMesh()
    found = holding_one(mesh)
    found.change(holding.settled(holding.begun(found.holding, lease().id, 0), lease().id, 0, 7))
    await tell_for(found, 11)
    assert mesh.upto == [7]


@on_virtual_time
async def test_two_renewals_may_fail_and_the_third_keeps_the_lease() -> None:
    mesh = FakeMesh(away={"say"})
    found = holding_one(mesh)
    asyncio.get_running_loop().call_later(25, mesh.away.clear)
    await tell_for(found, 35)
    assert len(found.holding) == 1 and set(mesh.words) == {"renew"}


@on_virtual_time
async def test_a_worker_that_is_cut_off_holds_nothing_after_the_lease_s_end() -> None:
    found = holding_one(FakeMesh(away={"say"}))
    await tell_for(found, 29)
    assert found.holding
    await tell_for(found, 2)
    assert not found.holding


@on_virtual_time
async def test_what_is_wholly_stored_is_told_until_somebody_hears_it() -> None:
    mesh = FakeMesh(away={"say"})
    found = holding_one(mesh)
    found.change(holding.settled(holding.begun(found.holding, lease().id, 0), lease().id, 0, 16))
    asyncio.get_running_loop().call_later(50, mesh.away.clear)
    await tell_for(found, 60)
    assert found.holding == () and set(mesh.words) == {"done"}
    assert mesh.said[-1][0] == pytest.approx(51, abs=1)


@on_virtual_time
async def test_a_stopped_lease_is_given_back_at_once_and_nothing_is_asked_for_meanwhile() -> None:
    mesh = FakeMesh()
    found = holding_one(mesh)
    found.stop_all(PAUSED)
    await tell_for(found, 0.5)
    assert mesh.words == ["the campaign is paused"]
    assert found.holding == () and found.is_resting


@pytest.mark.parametrize("status", [403, 404, 409, 410])
@on_virtual_time
async def test_a_lease_that_is_ours_no_more_is_dropped(status: int) -> None:
    mesh = FakeMesh(trouble={"say": LeaseEnded(status, "ended")})
    found = holding_one(mesh)
    await tell_for(found, 11)
    assert found.holding == () and mesh.words == ["renew"]


@on_virtual_time
async def test_an_answer_that_is_not_understood_is_tried_again() -> None:
    mesh = FakeMesh(trouble={"say": BadRequest("what")})
    found = holding_one(mesh)
    await tell_for(found, 13.5)
    assert mesh.words == ["renew"] * 4 and len(found.holding) == 1
