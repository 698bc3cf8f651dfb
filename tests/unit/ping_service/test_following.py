"""How a worker follows the overlay: at once, by whoever knows the newest, and on when nobody answers."""

import asyncio

import pytest

from hoploom.kit.errors import BadRequest, Unavailable
from hoploom.ping_service.following import follow
from hoploom.ping_service.station import Station
from hoploom.wire.overlay import OverlayDocument
from unit.ping_service.stations import FakeMesh, on_virtual_time, station


async def follow_for(found: Station, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await follow(found)
    except TimeoutError:
        return


@on_virtual_time
async def test_a_change_is_heard_as_soon_as_it_is_told() -> None:
    mesh = FakeMesh(overlay=OverlayDocument(version=1))
    found = station(mesh)
    await follow_for(found, 3)
    mesh.overlay = OverlayDocument(version=2, paused=True)
    await follow_for(found, 1)
    assert found.orders.version == 2 and found.orders.stops("w") == "paused"


@on_virtual_time
async def test_a_poll_without_news_confirms_what_is_known() -> None:
    found = station(FakeMesh(overlay=OverlayDocument(version=1)))
    await follow_for(found, 45)
    assert found.clock() - found.orders.heard_s < 21


class Behind(FakeMesh):
    """Two instances in turn, of which one is behind."""

    async def orders(self, known: int) -> OverlayDocument | None:
        self.said.append((0.0, "asked", ""))
        await asyncio.sleep(0.001)
        return OverlayDocument(version=3 if len(self.said) % 2 else 2)


@on_virtual_time
async def test_an_instance_that_is_behind_is_not_asked_without_end_nor_believed() -> None:
    mesh = Behind()
    found = station(mesh)
    await follow_for(found, 10)
    assert found.orders.version == 3
    assert len(mesh.said) < 25


class Leaving(FakeMesh):
    """An instance that is about to stop sends whoever waits away at once."""

    async def orders(self, known: int) -> OverlayDocument | None:
        self.said.append((0.0, "asked", ""))
        await asyncio.sleep(0.001)
        return None


@on_virtual_time
async def test_an_instance_that_sends_everybody_away_is_not_asked_without_end() -> None:
    mesh = Leaving()
    await follow_for(station(mesh), 10)
    assert len(mesh.said) < 12


@pytest.mark.parametrize("trouble", [Unavailable("away"), BadRequest("what")])
@on_virtual_time
async def test_it_goes_on_when_nobody_can_be_understood(trouble: Exception) -> None:
    mesh = FakeMesh(overlay=OverlayDocument(version=1), trouble={"orders": trouble})
    found = station(mesh)
    asyncio.get_running_loop().call_later(5, mesh.trouble.clear)
    await follow_for(found, 4)
    assert found.orders.document is None
    await follow_for(found, 4)
    assert found.orders.version == 1
