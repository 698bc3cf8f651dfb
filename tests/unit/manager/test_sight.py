"""A manager's sight: how often it looks, what it keeps while a part is away, and when pages are told."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from hoploom.kit.errors import Unavailable
from hoploom.manager.registry import Registry
from hoploom.manager.seeing.seen import Owners, SeenMesh
from hoploom.manager.sight import AT_HAND_S, ATTENDED_S, EVERY_S, IDLE_S, PART_S, Sight
from lab.virtual_time import run

T = TypeVar("T")


def clock() -> float:
    return asyncio.get_running_loop().time()


class Parts:
    """Two parts that say what they are told to say, and how often they were asked."""

    def __init__(self) -> None:
        self.owners: Any = Owners({"input-1": 64})
        self.overlay = {"version": 7, "paused": False, "paused_campaigns": [], "opt_outs": 0}
        self.asked = {"owners": 0, "results": 0}

    def readers(self) -> dict[str, Callable[[], Awaitable[Any]]]:
        async def results() -> Any:
            self.asked["results"] += 1
            return SeenMesh().results.found

        async def overlay() -> Any:
            return self.overlay

        return {"owners": self._owners, "results": results, "overlay": overlay}

    async def _owners(self) -> Any:
        self.asked["owners"] += 1
        if isinstance(self.owners, Exception):
            raise self.owners
        if self.owners is None:
            await asyncio.Event().wait()
        return self.owners


def watched(body: Callable[[Sight, Parts], Awaitable[T]]) -> T:
    """What becomes of a sight on a virtual clock."""

    async def whole() -> T:
        parts = Parts()
        return await body(Sight(SeenMesh(manager="m-1"), parts.readers(), Registry(clock), clock), parts)

    return run(whole())


def test_a_part_that_is_away_keeps_what_it_said_and_says_why() -> None:
    async def body(sight: Sight, parts: Parts) -> SeenMesh:
        await sight.fresh()
        parts.owners = Unavailable("the input service is away: no route")
        await asyncio.sleep(60)
        return await sight.fresh()

    seen = watched(body)
    assert seen.owners.found.slots == {"input-1": 64}
    assert (seen.owners.away, seen.age_of(seen.owners)) == ("the input service is away: no route", 60.0)
    assert seen.age_s == 0.0


def test_a_part_that_hangs_holds_nothing_up_for_long() -> None:
    async def body(sight: Sight, parts: Parts) -> tuple[float, str]:
        parts.owners, began_s = None, clock()
        return (await sight.fresh()).now_s - began_s, sight.now().owners.away

    took_s, why = watched(body)
    assert took_s == pytest.approx(PART_S) and "did not answer within" in why


def test_its_version_grows_with_what_there_is_to_see_and_not_with_time() -> None:
    async def body(sight: Sight, parts: Parts) -> list[int]:
        versions = []
        for owners in ({"input-1": 64}, {"input-1": 64}, {"input-2": 64}, {"input-2": 64}):
            parts.owners = Owners(owners)
            await asyncio.sleep(7)
            versions.append((await sight.fresh()).version)
        return versions

    assert watched(body) == [1, 1, 2, 2]


def test_who_waits_for_a_fresh_look_shares_it_and_gets_none_that_began_before() -> None:
    async def body(sight: Sight, parts: Parts) -> int:
        parts.owners = None
        first = asyncio.ensure_future(sight.fresh())
        await asyncio.sleep(1)
        later = [asyncio.ensure_future(sight.fresh()) for _ in range(20)]
        await asyncio.gather(first, *later)
        return parts.asked["owners"]

    assert watched(body) == 2


@pytest.mark.parametrize(
    ("pages", "asks", "looks", "results"),
    [(0, False, 61 / IDLE_S, 0), (1, False, 61 / EVERY_S, 61 / EVERY_S),
     (0, True, ATTENDED_S / EVERY_S + 30 / IDLE_S, ATTENDED_S / EVERY_S)],
    ids=["nobody looks", "a page is open", "somebody asked once"],
)  # fmt: skip
def test_it_looks_often_while_somebody_does_and_rarely_else(
    pages: int, asks: bool, looks: float, results: float
) -> None:
    async def body(sight: Sight, parts: Parts) -> dict[str, int]:
        if asks:
            sight.now()
        looking = asyncio.ensure_future(sight.run(lambda: pages, lambda: None))
        await asyncio.sleep(61)
        looking.cancel()
        return parts.asked

    found = watched(body)
    assert found["owners"] == pytest.approx(looks, abs=3)
    assert found["results"] == pytest.approx(results, abs=2)


def test_the_first_who_asks_after_a_quiet_time_wakes_it() -> None:
    async def body(sight: Sight, parts: Parts) -> float:
        looking = asyncio.ensure_future(sight.run(lambda: 0, lambda: None))
        await asyncio.sleep(IDLE_S * 3 + 1)
        sight.now()
        await asyncio.sleep(0.1)
        looking.cancel()
        return sight.now().age_s

    assert watched(body) <= 0.2


@pytest.mark.parametrize(
    ("quiet_s", "hangs", "waited_s", "oldest_s"),
    [(61, False, 0.0, 0.0), (5, False, 0.0, EVERY_S), (61, True, AT_HAND_S, IDLE_S + AT_HAND_S)],
    ids=["nobody has looked for long", "somebody looks", "a part hangs"],
)
def test_a_page_after_a_quiet_time_waits_for_a_look_and_for_no_part_that_hangs(
    quiet_s: float, hangs: bool, waited_s: float, oldest_s: float
) -> None:
    async def body(sight: Sight, parts: Parts) -> tuple[float, float]:
        looking = asyncio.ensure_future(sight.run(lambda: 0, lambda: None))
        sight.now()
        await asyncio.sleep(quiet_s)
        parts.owners, began_s = None if hangs else Owners(), clock()
        await sight.at_hand()
        looking.cancel()
        return clock() - began_s, sight.now().age_s

    waited, age = watched(body)
    assert waited == pytest.approx(waited_s, abs=0.01)
    assert age <= oldest_s


def test_a_page_waits_for_what_another_manager_was_told() -> None:
    async def body(sight: Sight, parts: Parts) -> tuple[int, bool]:
        looking = asyncio.ensure_future(sight.run(lambda: 1, lambda: None))
        await asyncio.sleep(0.5)
        parts.overlay = {"version": 8, "paused": True, "paused_campaigns": [], "opt_outs": 0}
        await sight.at_hand(7)
        before = sight.now().paused
        await sight.at_hand(8)
        looking.cancel()
        return parts.asked["owners"], before

    looks, before = watched(body)
    assert (looks, before) == (2, False)


def test_pages_are_told_when_there_is_something_else_to_see() -> None:
    async def body(sight: Sight, parts: Parts) -> int:
        told = []
        looking = asyncio.ensure_future(sight.run(lambda: 1, lambda: told.append(clock())))
        await asyncio.sleep(EVERY_S * 3.5)
        before = len(told)
        parts.owners = Owners({"input-2": 64})
        await asyncio.sleep(EVERY_S * 3)
        looking.cancel()
        return len(told) - before

    assert watched(body) == 1
