"""When a worker asks for work, and with which request."""

import asyncio
from typing import Any

import pytest

from hoploom.kit.errors import BadRequest, Forbidden, Unavailable
from hoploom.ping_service.asking import IDLE_S, REVOKED_S, SAME_REQUEST_S, Asking
from hoploom.ping_service.station import Station
from hoploom.wire.overlay import OverlayDocument
from unit.ping_service.stations import FakeMesh, lease, on_virtual_time, station


def ready(mesh: FakeMesh, **settings: Any) -> Station:
    found = station(mesh, **settings)
    found.engine = "fake"
    found.heard(OverlayDocument(version=1))
    return found


async def ask_for(found: Station, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await Asking(found).run()
    except TimeoutError:
        return


@on_virtual_time
async def test_one_lease_is_asked_for_ahead_and_no_more() -> None:
    mesh = FakeMesh(leases=[lease(0, 16), lease(16, 32), lease(32, 48)])
    found = ready(mesh)
    await ask_for(found, 5)
    assert [each.lease.start for each in found.holding] == [0, 16]
    assert [len(each.holding) for each in mesh.requests] == [0, 1]
    assert len({each.request_id for each in mesh.requests}) == 2


@on_virtual_time
async def test_without_work_it_is_asked_again_each_second() -> None:
    mesh = FakeMesh()
    await ask_for(ready(mesh, group="pis", max_rate_pps=9), 5.5 * IDLE_S)
    assert len(mesh.requests) == 6
    assert {(each.worker, each.group, each.rate_pps) for each in mesh.requests} == {("w", "pis", 9)}


@on_virtual_time
async def test_without_a_group_a_worker_is_its_own() -> None:
    mesh = FakeMesh()
    await ask_for(ready(mesh), 0.5)
    assert mesh.requests[0].group == "w"


@pytest.mark.parametrize(
    ("what", "value"),
    [("engine", ""), ("leaving", True), ("full", "no space"), ("uplink_dead", True), ("_rests_until_s", 1e9)],
)
@on_virtual_time
async def test_who_cannot_probe_asks_for_nothing(what: str, value: object) -> None:
    mesh = FakeMesh(leases=[lease()])
    found = ready(mesh)
    setattr(found, what, value)
    await ask_for(found, 5)
    assert mesh.requests == []


@pytest.mark.parametrize(
    "overlay", [None, OverlayDocument(version=2, paused=True), OverlayDocument(version=2, revoked=("w",))]
)
@on_virtual_time
async def test_without_orders_or_against_them_nothing_is_asked_for(overlay: OverlayDocument | None) -> None:
    mesh = FakeMesh(leases=[lease()])
    found = station(mesh)
    found.engine = "fake"
    if overlay:
        found.heard(overlay)
    await ask_for(found, 5)
    assert mesh.requests == []


@on_virtual_time
async def test_orders_that_nobody_has_confirmed_for_a_minute_are_none() -> None:
    mesh = FakeMesh()
    found = ready(mesh)
    await ask_for(found, 60.5)
    asked = len(mesh.requests)
    await ask_for(found, 60)
    assert len(mesh.requests) == asked > 50


@on_virtual_time
async def test_an_unanswered_request_is_sent_again_as_the_same_for_a_while() -> None:
    mesh = FakeMesh(away={"ask"})
    found = ready(mesh)
    await ask_for(found, SAME_REQUEST_S - 0.5)
    assert len(mesh.requests) > 3 and len({each.request_id for each in mesh.requests}) == 1
    await ask_for(found, SAME_REQUEST_S)
    assert len({each.request_id for each in mesh.requests}) == 2
    assert found.no_work == "no work: nobody answers to ask"


@on_virtual_time
async def test_a_lease_counts_from_when_its_request_was_first_sent() -> None:
    mesh = FakeMesh(leases=[lease()], away={"ask"})
    found = ready(mesh)
    asyncio.get_running_loop().call_later(3, mesh.away.clear)
    await ask_for(found, 5)
    assert found.holding[0].ends_s == pytest.approx(30)


@pytest.mark.parametrize(
    ("trouble", "pause_s"),
    [(Forbidden("revoked"), REVOKED_S), (BadRequest("no"), 1), (Unavailable("x", retry_after_s=0.2), 0.2)],
)
@on_virtual_time
async def test_a_refused_request_is_not_repeated_at_once(trouble: Exception, pause_s: float) -> None:
    mesh = FakeMesh(trouble={"ask": trouble})
    found = ready(mesh)
    await ask_for(found, 3.5 * pause_s)
    assert len(mesh.requests) == 4
    assert str(trouble) in found.no_work
