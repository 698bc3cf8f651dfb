"""What a read does while Consul's servers elect a leader."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from hoploom.kit import retry
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import Leaderless, Unavailable

FOUND = [{"Key": "hoploom/a", "Value": "MQ==", "ModifyIndex": 7, "CreateIndex": 7, "LockIndex": 0, "Flags": 0}]
DIALED = "rpc error getting client: failed to get conn: dial tcp 10.71.1.11:0->10.71.1.12:8300: connection refused"
READS: dict[str, Callable[[ConsulApi], object]] = {
    "a key": lambda api: api.kv_get("hoploom/a"),
    "all keys below": lambda api: api.kv_list("hoploom/"),
}
DECISIONS: dict[str, Callable[[ConsulApi], object]] = {
    "a read by the leader itself": lambda api: api.kv_get("hoploom/a", consistent=True),
    "a wait for a change": lambda api: api.kv_watch("hoploom/", 5),
    "a write": lambda api: api.kv_put("hoploom/a", b"2"),
}


@asynccontextmanager
async def agent(said: str, times: int) -> AsyncIterator[tuple[ConsulApi, list[str]]]:
    """An agent that says this so many times and then answers, and what it was asked."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        if len(asked) <= times:
            return web.Response(status=500, text=said)
        return web.json_response(FOUND, headers={"X-Consul-Index": "7"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        api = ConsulApi(f"http://127.0.0.1:{server.port}")
        try:
            yield api, asked
        finally:
            await api.close()


@pytest.mark.parametrize("said", ["No cluster leader", DIALED])
@pytest.mark.parametrize("what", READS)
async def test_a_read_outlasts_an_election(what: str, said: str) -> None:
    async with agent(said, 2) as (api, asked):
        found = await READS[what](api)  # type: ignore[misc]
        assert (found[0] if isinstance(found, list) else found).value == b"1"
        assert len(asked) == 3


@pytest.mark.parametrize("what", DECISIONS)
async def test_who_decides_by_it_hears_at_once_that_nobody_leads(what: str) -> None:
    async with agent("No cluster leader", 10) as (api, asked):
        with pytest.raises(Leaderless):
            await DECISIONS[what](api)  # type: ignore[misc]
        assert len(asked) == 1


async def test_another_failure_is_told_at_once() -> None:
    async with agent("disk on fire", 10) as (api, asked):
        with pytest.raises(Unavailable, match="disk on fire"):
            await api.kv_get("hoploom/a")
        assert len(asked) == 1


async def test_a_leader_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "ELECTION_S", 0.15)
    async with agent("No cluster leader", 10**6) as (api, asked):
        with pytest.raises(Leaderless):
            await api.kv_get("hoploom/a")
        assert len(asked) > 1
