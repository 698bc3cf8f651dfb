"""News among managers, in one process: each a server of its own, with the mesh's key."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from hoploom import kit
from hoploom.kit.errors import BadRequest, Unauthorized
from hoploom.kit.http_client import HttpClient
from hoploom.manager import ads_flood
from hoploom.manager.ads_flood import Flood, Peer
from hoploom.manager.ads_hearing import Hearing
from hoploom.manager.ads_proof import Proof
from hoploom.manager.registry import Registry
from hoploom.wire import ads
from hoploom.wire.ads import MANAGER, WORKER, Envelope
from unit.manager.ads_signed import Sender, Trusting
from waiting import eventually


class Managers:
    """Some managers that all know each other."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self.registries: list[Registry] = []
        self.hearings: list[Hearing] = []
        self.floods: list[Flood] = []
        self.servers: list[TestServer] = []
        self.received: list[tuple[int, str, int]] = []
        self._stack = stack
        self._http = HttpClient()

    async def start(self, count: int) -> None:
        self._stack.push_async_callback(self._http.close)
        for at in range(count):
            registry = Registry()
            flood = Flood(f"manager-{at}", registry.held)
            self.floods.append(flood)
            self.registries.append(registry)
            self.hearings.append(Hearing(registry, Proof(Trusting(), Trusting()), flood))
            app = web.Application()
            app.add_routes([web.post("/ads", self._door(at))])
            server = TestServer(app)
            await server.start_server()
            self._stack.push_async_callback(server.close)
            self.servers.append(server)
        for at, flood in enumerate(self.floods):
            flood.know({f"manager-{to}": self.peer(to) for to in range(count) if to != at})
            self._run(flood.run())

    def peer(self, at: int) -> Peer:
        return Peer(str(self.servers[at].make_url("")).rstrip("/"), self._http)

    def known(self, at: int) -> dict[str, tuple[int, str]]:
        return {each.id: (each.ad.generation, each.status) for each in self.registries[at].workers()}

    def all_know(self, wanted: dict[str, tuple[int, str]]) -> bool:
        return all(self.known(at) == wanted for at in range(len(self.registries)))

    def _door(self, at: int) -> Any:
        async def take(request: web.Request) -> web.Response:
            sender, envelopes = ads.read_message(await kit.read_json(request))
            self.received += [(at, sender, len(envelopes))]
            try:
                await self.hearings[at].hear(envelopes, sender)
            except BadRequest as error:
                return web.Response(status=error.status)
            return web.json_response({})

        return take

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._stack.callback(task.cancel)


@pytest.fixture
async def managers(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Managers]:
    monkeypatch.setattr(ads_flood, "GATHER_S", 0.01)
    async with AsyncExitStack() as stack:
        yield Managers(stack)


async def test_an_ad_that_one_manager_hears_is_known_to_all_with_few_messages(managers: Managers) -> None:
    await managers.start(4)
    pi = Sender(WORKER, "pi-1")
    for generation in (1, 2, 3):
        await managers.hearings[0].hear([pi.next()])
        await eventually("the ad", partial(managers.all_know, {"pi-1": (generation, "passing")}))
    await eventually("silence", lambda: not any(line.queue for flood in managers.floods for line in flood.lines()))
    assert sum(count for _, _, count in managers.received) <= 3 * 4 * 3
    assert not [each for each in managers.received if each[1] == f"manager-{each[0]}"]


async def test_a_peer_that_was_away_is_told_what_holds_now_once(managers: Managers) -> None:
    await managers.start(2)
    good = managers.peer(1)
    managers.floods[0].know({"manager-1": Peer("http://127.0.0.1:1", good.http)})
    pi, other = Sender(WORKER, "pi-1"), Sender(WORKER, "pi-2")
    for _ in range(3):
        await managers.hearings[0].hear([pi.next(), other.next()])
    assert managers.known(1) == {}
    managers.floods[0].know({"manager-1": good})
    await eventually("both", lambda: managers.known(1) == {"pi-1": (3, "passing"), "pi-2": (3, "passing")})
    assert [each for each in managers.received if each[0] == 1] == [(1, "manager-0", 2)]


async def test_whoever_is_met_is_told_all_that_holds_and_was_said_before(managers: Managers) -> None:
    await managers.start(2)
    managers.floods[0].know({})
    pi = Sender(WORKER, "pi-1")
    await managers.hearings[0].hear([pi.next()])
    managers.floods[0].know({"manager-1": managers.peer(1)})
    await eventually("the ad", lambda: managers.known(1) == {"pi-1": (1, "passing")})


async def test_whoever_went_and_came_back_in_one_moment_is_told_what_comes_then(managers: Managers) -> None:
    await managers.start(2)
    pi = Sender(WORKER, "pi-1")
    await managers.hearings[0].hear([pi.next()])
    await eventually("the ad", lambda: managers.known(1) == {"pi-1": (1, "passing")})
    managers.floods[0].know({})
    managers.floods[0].know({"manager-1": managers.peer(1)})
    await managers.hearings[0].hear([pi.next()])
    await eventually("the next ad", lambda: managers.known(1) == {"pi-1": (2, "passing")})


async def test_a_farewell_reaches_everybody_at_once_past_who_does_not_answer(managers: Managers) -> None:
    await managers.start(2)
    speaker = Sender(MANAGER, "manager-1")
    await managers.hearings[0].hear([speaker.next()])
    assert [each.id for each in managers.registries[0].managers()] == ["manager-1"]
    managers.floods[1].know({"manager-0": managers.peer(0), "gone": Peer("http://127.0.0.1:1", managers.peer(0).http)})
    await managers.floods[1].farewell(speaker.next(down=True))
    assert managers.registries[0].managers() == []


async def test_what_nobody_has_signed_is_heard_by_nobody(managers: Managers) -> None:
    await managers.start(1)
    pi, good = Sender(WORKER, "pi-1"), Sender(WORKER, "pi-2")
    forged = Envelope(ad=pi.next().ad, signature=good.next().signature, credential=pi.next().credential)
    with pytest.raises(Unauthorized):
        await managers.hearings[0].hear([forged])
    assert managers.known(0) == {}
    heard = await managers.hearings[0].hear([forged, good.next()])
    assert [each.id for each in heard] == ["pi-2"]
    assert list(managers.known(0)) == ["pi-2"]


async def test_what_is_no_news_goes_no_further_and_nothing_goes_back(managers: Managers) -> None:
    await managers.start(2)
    pi = Sender(WORKER, "pi-1")
    newer, older = pi.next(boot=6, instance="b" * 32), pi.next(boot=5)
    await managers.hearings[0].hear([newer])
    await eventually("the ad", lambda: managers.known(1) == {"pi-1": (1, "passing")})
    await managers.hearings[0].hear([older, newer])
    assert not any(line.queue for line in managers.floods[0].lines())
    # The other has nothing to say to whom it heard it from.
    assert not any(line.queue for line in managers.floods[1].lines())
    assert [at for at, _, _ in managers.received] == [1]


async def test_a_replayed_ad_and_ones_own_that_comes_back_change_nothing_and_go_no_further(managers: Managers) -> None:
    await managers.start(2)
    pi = Sender(WORKER, "pi-1")
    first, second = pi.next(), pi.next()
    await managers.hearings[0].hear([first])
    await managers.hearings[0].hear([second])
    await eventually("the ad", lambda: managers.known(1) == {"pi-1": (2, "passing")})
    version = managers.registries[0].version
    managers.received.clear()
    for each in (first, second, first):
        await managers.hearings[0].hear([each], "manager-1")
    assert (managers.registries[0].version, managers.known(0)) == (version, {"pi-1": (2, "passing")})
    assert not any(line.queue for line in managers.floods[0].lines())
