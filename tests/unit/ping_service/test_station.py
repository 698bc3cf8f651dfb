"""What the loops of a worker share: orders stop leases, time ends them, and the bell wakes who waits."""

import asyncio
from typing import Any

import pytest

from hoploom.ping_service import holding
from hoploom.ping_service.orders import PAUSED, REVOKED
from hoploom.ping_service.station import SPOOL, STOPPING, Station
from hoploom.wire.overlay import OverlayDocument
from unit.ping_service.stations import FakeMesh, lease, on_virtual_time, station


def holds(found: Station, *campaigns: str) -> Station:
    for number, campaign in enumerate(campaigns):
        each = lease(number * 16, number * 16 + 16, campaign=campaign)
        found.change(holding.granted(found.holding, each, found.clock()))
    return found


@pytest.mark.parametrize(
    ("changes", "stopped"),
    [
        ({}, ["", ""]),
        ({"paused": True}, [PAUSED, PAUSED]),
        ({"paused_campaigns": ("b",)}, ["", PAUSED]),
        ({"revoked": ("w",)}, [REVOKED, REVOKED]),
        ({"revoked": ("another",)}, ["", ""]),
    ],
)
@on_virtual_time
async def test_orders_stop_what_they_do_not_allow(changes: dict[str, Any], stopped: list[str]) -> None:
    found = holds(station(FakeMesh()), "a", "b")
    found.heard(OverlayDocument(version=1, **changes))
    assert [each.stopped for each in found.holding] == stopped


@on_virtual_time
async def test_a_worker_that_leaves_stops_everything() -> None:
    found = holds(station(FakeMesh()), "a", "b")
    found.leaving = True
    found.obey()
    assert {each.stopped for each in found.holding} == {STOPPING}


@on_virtual_time
async def test_a_lease_may_go_on_until_its_end_by_the_worker_s_own_clock() -> None:
    found = holds(station(FakeMesh()), "a")
    held = found.holding[0]
    assert found.may_go_on(held)
    await asyncio.sleep(held.ends_s)
    assert not found.may_go_on(held)
    found.expire()
    assert found.holding == ()


@on_virtual_time
async def test_a_stopped_or_dropped_lease_may_not_go_on() -> None:
    found = holds(station(FakeMesh()), "a", "b")
    first, second = found.holding
    found.stop([first.id], PAUSED)
    found.drop(second.id, "done")
    assert not found.may_go_on(first) and not found.may_go_on(second)


@on_virtual_time
async def test_the_bell_wakes_who_waits_and_nobody_waits_longer_than_it_said() -> None:
    found = station(FakeMesh())
    asyncio.get_running_loop().call_later(0.5, found.ring)
    await found.news(10)
    assert found.clock() == pytest.approx(0.5)
    await found.news(2)
    assert found.clock() == pytest.approx(2.5)


@on_virtual_time
async def test_a_family_is_left_out_for_a_time_unless_none_would_be_left() -> None:
    found = station(FakeMesh())
    found.leave_out(6, 60)
    assert list(found.families) == [4]
    found.leave_out(4, 10)
    assert list(found.families) == [4, 6]
    await asyncio.sleep(30)
    assert list(found.families) == [4]
    await asyncio.sleep(60)
    assert list(found.families) == [4, 6]


@on_virtual_time
async def test_a_rest_is_never_made_shorter() -> None:
    found = station(FakeMesh())
    found.rest(5)
    found.rest(1)
    await asyncio.sleep(2)
    assert found.is_resting
    await asyncio.sleep(3)
    assert not found.is_resting


@on_virtual_time
async def test_a_spool_that_takes_no_more_stops_all_leases_those_that_come_later_too() -> None:
    found = holds(station(FakeMesh()), "a")
    found.fill("the disk is full")
    holds(found, "a", "b")
    found.obey()
    assert [each.stopped for each in found.holding] == [SPOOL, SPOOL]
    found.fill("")
    found.change(holding.granted((), lease(), found.clock()))
    found.obey()
    assert [each.stopped for each in found.holding] == [""]
