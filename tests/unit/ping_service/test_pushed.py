"""A worker listens to a manager: what it is told holds, its long poll rests, and it comes back to the next one."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from hoploom.kit import ServiceClient
from hoploom.kit.errors import Unavailable
from hoploom.kit.http_client import HttpClient
from hoploom.ping_service import orders
from hoploom.ping_service.following import follow
from hoploom.ping_service.pushed import FIRST_SPREAD_S, LONGEST_SPREAD_S, Line, Pushed, pause_s
from hoploom.ping_service.station import Station
from hoploom.wire.overlay import OverlayDocument
from hoploom.wire.push import BYE, KEEP_ALIVE, ORDERS, RUN, SETTINGS, encoded
from unit.ping_service.stations import FakeMesh, on_virtual_time, station

THREE = encoded(ORDERS, version=3)
HOLD = b""
"""The line stays, and nothing more comes."""


@dataclass
class Manager(HttpClient):
    """Gives each connection the next of these streams, and refuses those after the last."""

    streams: list[list[bytes]]
    asked: list[tuple[float, str, Mapping[str, str]]] = field(default_factory=list)

    async def stream(self, url: str, *, silent_s: float, headers: Mapping[str, str]) -> AsyncGenerator[bytes, None]:
        self.asked.append((asyncio.get_running_loop().time(), url, headers))
        if not self.streams:
            raise Unavailable("no manager")
        for data in self.streams.pop(0):
            if data == HOLD:
                await asyncio.sleep(silent_s)
                raise Unavailable("silent")
            yield data


async def listen(found: Station, *streams: list[bytes], seconds: float = 1.0, wanted: bool = True) -> Manager:
    """What a worker asked of managers that push this, after so many seconds in which it also follows its orders."""
    manager = Manager(list(streams))
    edge = ServiceClient.through(manager, "http://mesh")
    pushed = Pushed(found, Line(manager, edge, lambda: {"Authorization": "x"}, lambda: wanted))
    try:
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
            group.create_task(pushed.run())
            group.create_task(follow(found))
    except TimeoutError:
        pass
    return manager


class Polled(FakeMesh):
    """Counts who asks for orders."""

    polls = 0

    async def orders(self, known: int) -> OverlayDocument | None:
        self.polls += 1
        return await super().orders(known)


@on_virtual_time
async def test_it_says_who_listens_and_wants_a_stream() -> None:
    manager = await listen(station(FakeMesh()), [HOLD])
    assert manager.asked == [(0.0, "http://mesh/push?worker=w", {"Authorization": "x", "Accept": "text/event-stream"})]


@on_virtual_time
async def test_the_long_poll_rests_while_a_manager_confirms_what_is_known() -> None:
    mesh = Polled(overlay=OverlayDocument(version=3))
    found, told = station(mesh), encoded(ORDERS, version=3)

    async def confirm() -> None:
        while True:
            await asyncio.sleep(15)
            found.pushed(3)

    confirming = asyncio.ensure_future(confirm())
    await listen(found, [told, HOLD], seconds=44)
    confirming.cancel()
    assert mesh.polls == 1, "only before it was told"
    assert orders.is_fresh(found.orders, found.clock())


@on_virtual_time
async def test_what_nobody_confirms_any_more_is_asked_for_while_the_line_still_stands() -> None:
    mesh = Polled(overlay=OverlayDocument(version=3))
    await listen(station(mesh), [THREE, HOLD], seconds=orders.TOLD_S + 2)
    assert mesh.polls == 2


@on_virtual_time
async def test_what_is_pushed_is_asked_for_at_once() -> None:
    mesh = Polled(overlay=OverlayDocument(version=3))
    found = station(mesh)

    async def pause() -> None:
        await asyncio.sleep(10)
        mesh.overlay = OverlayDocument(version=4, paused=True)
        found.pushed(4)

    pausing = asyncio.ensure_future(pause())
    await listen(found, [encoded(ORDERS, version=3), HOLD], seconds=10.5)
    await pausing
    assert found.orders.stops("w") == orders.PAUSED and mesh.polls == 2


@pytest.mark.parametrize(
    "streams",
    [[[HOLD]], [[THREE]], [[encoded(ORDERS, version=2), HOLD]], [[THREE, HOLD]]],
    ids=["nothing is said", "the line is gone", "the manager is behind", "nobody confirms"],
)
@on_virtual_time
async def test_orders_are_asked_for_where_no_manager_confirms_them(streams: list[list[bytes]]) -> None:
    mesh = Polled(overlay=OverlayDocument(version=3))
    found = station(mesh)
    await listen(found, *streams, seconds=300)
    assert mesh.polls >= 12
    assert orders.is_fresh(found.orders, found.clock())


@on_virtual_time
async def test_the_smaller_rate_of_what_everybody_and_it_alone_is_told_holds_beside_the_owner_s() -> None:
    found = station(FakeMesh(), max_rate_pps=80)
    both = [encoded(SETTINGS, worker=name, rate_pps=pps) for name, pps in (("all", 90), ("w", 50))]
    await listen(found, [*both, HOLD])
    assert found.orders.rate_pps == 50
    await listen(found, [encoded(SETTINGS, worker="w", rate_pps=0), HOLD])
    assert found.orders.rate_pps == 80


def runs(*counts: int) -> list[bytes]:
    return [encoded(RUN, worker="w", run=each) for each in counts]


@pytest.mark.parametrize(
    ("streams", "rests"),
    [
        ([[*runs(7), HOLD]], True),
        ([[*runs(7, 8), HOLD]], False),
        ([[*runs(7, 7), HOLD]], True),
        ([[*runs(7, 0), HOLD]], True),
        ([[*runs(7)], [*runs(8), HOLD]], False),
    ],
    ids=["the first count", "a greater one", "the same", "counted anew", "a greater one when it came back"],
)
@on_virtual_time
async def test_it_looks_for_work_when_the_count_grows(streams: list[list[bytes]], rests: bool) -> None:
    found = station(FakeMesh())
    found.rest(1_000)
    await listen(found, *streams, seconds=10)
    assert found.is_resting == rests


@on_virtual_time
async def test_it_comes_back_and_ever_more_seldom_where_nobody_answers() -> None:
    manager = await listen(station(FakeMesh()), [KEEP_ALIVE], [encoded(BYE, retry_s=1)], seconds=3_600)
    moments = [at_s for at_s, _, _ in manager.asked]
    assert moments[1] <= FIRST_SPREAD_S and moments[2] - moments[1] <= 1
    assert 3_600 / LONGEST_SPREAD_S / 2 < len(moments) < 150


@on_virtual_time
async def test_what_is_not_understood_ends_the_line_and_nothing_else() -> None:
    found = station(FakeMesh())
    manager = await listen(found, [b"data: [\n\n"], [encoded(ORDERS, version="x")], [encoded("new"), HOLD], seconds=20)
    assert len(manager.asked) == 3


@on_virtual_time
async def test_where_push_is_not_wanted_nobody_is_asked() -> None:
    assert not (await listen(station(FakeMesh()), [HOLD], seconds=60, wanted=False)).asked


@pytest.mark.parametrize(
    ("failures", "hint_s", "most_s"),
    [(0, 0.0, FIRST_SPREAD_S), (0, 9.0, 9.0), (2, 9.0, 36.0), (99, 0.0, LONGEST_SPREAD_S)],
)
def test_all_come_back_at_moments_of_their_own(failures: int, hint_s: float, most_s: float) -> None:
    found: list[Any] = [pause_s(failures, hint_s, chance) for chance in (0.0, 0.5, 1.0)]
    assert found == [0, most_s / 2, most_s]
