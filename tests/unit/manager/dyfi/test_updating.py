"""The shell, step by step on virtual time: no call without a claim, none that does not fit into the term."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from hoploom.kit.belief import Token
from hoploom.kit.consul_api import KvEntry
from hoploom.kit.errors import Unavailable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.term import TermEnded
from hoploom.manager.dyfi.answers import Answer
from hoploom.manager.dyfi.plan import FIRST_LOOK_S, LOOK_EVERY_S
from hoploom.manager.dyfi.provider import CALL_S
from hoploom.manager.dyfi.record import KEY, Record, decoded, encoded
from hoploom.manager.dyfi.updating import AWAY_S, LASTS_S, Clocks, Outside, Updater
from lab import virtual_time

NAME, HERE = "a.dy.fi", "192.0.2.7"
TOKEN = Token(0, 7)


def now_s() -> float:
    return asyncio.get_running_loop().time() + 1000.0


class OneTerm:
    """A term whose time left is a function of the time."""

    def __init__(self, consul: FakeConsul, left_s: Callable[[float], float] = lambda _: 7.5) -> None:
        self.token, self._consul, self._left_s = TOKEN, consul, left_s
        self.refuses: list[Exception] = []

    @property
    def deadline_s(self) -> float:
        return now_s() + self._left_s(now_s() - 1000.0)

    @property
    def valid(self) -> bool:
        return self.deadline_s > now_s()

    async def write(self, operations: Sequence[Mapping[str, Any]]) -> tuple[KvEntry, ...]:
        if self.refuses:
            raise self.refuses.pop(0)
        found = await self._consul.kv_txn(operations)
        if found is None:
            raise Unavailable("a compare failed")
        return found


class World:
    """What the updater meets, and what it did: moments of calls and looks in seconds."""

    def __init__(self) -> None:
        self.consul = FakeConsul()
        self.calls: list[tuple[float, bool]] = []
        self.looks: list[float] = []
        self.own: list[str] = []
        self.named = frozenset({HERE})

    def updater(self) -> Updater:
        outside = Outside(self._tell, self._own if self.own else None, self._named)
        return Updater(self.consul, (NAME,), outside, random.Random(1), Clocks(now_s, lambda: int(now_s() * 1e6)))

    def lived(self, seconds: float, left_s: Callable[[float], float] = lambda _: 7.5, *refuses: Exception) -> Record:
        """So long a term, and what stands in Consul then."""

        async def live() -> Record:
            term, updater = OneTerm(self.consul, left_s), self.updater()
            term.refuses += refuses
            saver = asyncio.get_running_loop().create_task(updater.save())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await updater.run(term)
            saver.cancel()
            entry = await self.consul.kv_get(KEY)
            return decoded(entry.value) if entry else Record()

        return virtual_time.run(live(), seconds + 60)

    async def _tell(self, names: Sequence[str], may: Callable[[], bool]) -> tuple[Answer, ...]:
        entry = await self.consul.kv_get(KEY)
        self.calls.append((now_s() - 1000.0, may() and entry is not None and decoded(entry.value).open))
        return tuple(Answer(name, "good", HERE) for name in names)

    async def _own(self) -> str:
        said = self.own.pop(0) if len(self.own) > 1 else self.own[0]
        if not said:
            raise Unavailable("no page")
        return said

    async def _named(self, names: Sequence[str]) -> dict[str, frozenset[str]]:
        self.looks.append(now_s() - 1000.0)
        return dict.fromkeys(names, self.named)


def test_a_claim_stands_in_consul_before_the_call_and_its_answer_afterwards() -> None:
    world = World()
    record = world.lived(30)
    assert world.calls == [(0.0, True)]
    assert (record.open, record.token, record.lasts_s, record.address) == (False, "0.7", LASTS_S, HERE)


def test_a_call_waits_until_all_of_its_seconds_lie_within_the_term() -> None:
    world = World()
    world.lived(30, lambda at_s: 4.9 if at_s < 3 else 7.5)
    [(at_s, allowed)] = world.calls
    assert 3 <= at_s < 3.5 and allowed


def test_no_call_is_made_when_the_term_is_not_confirmed_before_the_claim_is_over() -> None:
    world = World()
    record = world.lived(300, lambda _: CALL_S - 0.1)
    assert world.calls == [] and record.open and record.failures == 1


@pytest.mark.parametrize("error", [Unavailable("nobody knows"), Unavailable("a compare failed")])
def test_no_call_is_made_when_the_claim_is_not_known_to_be_written(error: Unavailable) -> None:
    world = World()
    world.lived(AWAY_S - 1, lambda _: 7.5, error)
    assert world.calls == []


def test_the_end_of_the_term_is_not_held_up() -> None:
    world = World()
    with pytest.raises(TermEnded):
        world.lived(30, lambda _: 7.5, TermEnded("over"))
    assert world.calls == []


def test_names_are_looked_up_a_minute_after_the_beginning_and_hourly() -> None:
    world = World()
    world.lived(2 * LOOK_EVERY_S + 100)
    wanted = [FIRST_LOOK_S, FIRST_LOOK_S + LOOK_EVERY_S, FIRST_LOOK_S + 2 * LOOK_EVERY_S]
    assert world.looks == pytest.approx(wanted, abs=1) and len(world.calls) == 1


def test_an_own_address_that_cannot_be_asked_for_is_the_one_of_before() -> None:
    world = World()
    world.own = [HERE, "", HERE, "", ""]
    world.lived(3600)
    assert len(world.calls) == 1


def test_consul_that_is_away_is_asked_again_and_nobody_calls_meanwhile() -> None:
    world = World()
    world.consul.away = True

    async def back() -> None:
        await asyncio.sleep(60)
        world.consul.away = False

    async def live() -> None:
        returns = asyncio.get_running_loop().create_task(back())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(90):
                await world.updater().run(OneTerm(world.consul))
        await returns

    virtual_time.run(live())
    [(at_s, allowed)] = world.calls
    assert 60 <= at_s <= 60 + AWAY_S and allowed


def test_what_a_look_teaches_is_written_once() -> None:
    world = World()
    told = Record(claimed_us=1, updated_us={NAME: int(999e6)}, interval_s=450_000.0, useless=2)

    async def put() -> None:
        await world.consul.kv_put(KEY, encoded(told))

    virtual_time.run(put())
    record = world.lived(2 * LOOK_EVERY_S)
    assert (record.useless, record.address, world.calls) == (0, HERE, [])
