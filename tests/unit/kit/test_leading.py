"""Leading over the fake Consul: one at a time, cancelled in time, refused when it is over."""

import asyncio
from collections.abc import Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom import kit
from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.membership import Mesh
from hoploom.kit.roles import roles
from hoploom.kit.term import Term, TermEnded
from hoploom.kit.testing import OnMesh
from locks import lock
from members import member
from waiting import eventually

PREFIX = "hoploom/roles/"
Join = Callable[[], "asyncio.Future[Mesh]"]


async def leader_of(consul: FakeConsul, role: str) -> str:
    return next((each.instance for each in await roles(consul, PREFIX) if each.name == role), "")


@pytest.mark.timed(0.5)
async def test_one_leads_at_a_time_and_the_next_follows_at_once(fake_consul: FakeConsul) -> None:
    async with member(fake_consul) as one, member(fake_consul) as two:
        async with asyncio.timeout(60), one.leading("dyfi") as first:
            assert first.valid and await leader_of(fake_consul, "dyfi") == one.id
            waiting = asyncio.get_running_loop().create_task(two.leading("dyfi").__aenter__())
            await asyncio.sleep(0.3)
            assert not waiting.done()
        async with asyncio.timeout(1):
            second = await waiting
        assert second.token > first.token
        waiting.cancel()


async def test_the_block_is_cancelled_when_the_session_ends(fake_consul: FakeConsul) -> None:
    async with member(fake_consul) as mesh:
        with pytest.raises(TermEnded):
            async with asyncio.timeout(60), mesh.leading("dyfi"):
                # As a 404 at the next renewal, which is refused and ends it at once.
                fake_consul.end_session(mesh.session.id)
                await asyncio.Event().wait()


async def test_a_cancelled_caller_is_no_ended_term(fake_consul: FakeConsul) -> None:
    async with member(fake_consul) as mesh:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5), mesh.leading("dyfi"):
                await asyncio.Event().wait()
        await eventually("the lock is free", lambda: _free(fake_consul))


async def _free(consul: FakeConsul) -> bool:
    return not await leader_of(consul, "dyfi")


async def test_a_write_is_refused_when_the_lock_is_another_s(fake_consul: FakeConsul) -> None:
    operation = {"Verb": "set", "Key": "t/effect", "Value": b"1"}
    async with member(fake_consul) as mesh:
        with pytest.raises(TermEnded):
            async with asyncio.timeout(60), mesh.leading("dyfi") as term:
                assert await term.write([operation])
                fake_consul.end_session(mesh.session.id)
                await term.write([{**operation, "Value": b"2"}])
        entry = await fake_consul.kv_get("t/effect")
        assert entry is not None and entry.value == b"1"


async def test_a_compare_that_fails_is_no_end_of_the_term(fake_consul: FakeConsul) -> None:
    async with member(fake_consul) as mesh, asyncio.timeout(60), mesh.leading("dyfi") as term:
        with pytest.raises(Unavailable, match="compare"):
            await term.write([{"Verb": "cas", "Key": "t/effect", "Value": b"1", "Index": 99}])
        assert term.valid


async def test_after_a_hand_over_this_process_leads_no_more(fake_consul: FakeConsul) -> None:
    async with member(fake_consul) as mesh:
        with pytest.raises(TermEnded, match="handed over"):
            async with asyncio.timeout(60), mesh.leading("dyfi"):
                await mesh.leadership.hand_over()
                await asyncio.Event().wait()
        await eventually("the lock is free", lambda: _free(fake_consul))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3), mesh.leading("dyfi"):
                pass


@pytest.mark.parametrize("role", ["", "Dyfi", "../x", "a" * 64])
async def test_a_role_s_name_can_be_part_of_a_key(fake_consul: FakeConsul, role: str) -> None:
    async with member(fake_consul) as mesh:
        with pytest.raises(ConfigError):
            async with mesh.leading(role):
                pass


async def test_the_work_of_a_role_is_called_in_every_term(on_mesh: OnMesh, fake_consul: FakeConsul) -> None:
    terms: list[Term] = []

    async def work(_: web.Application, term: Term) -> None:
        terms.append(term)

    app = web.Application()
    kit.setup(app, name="w", leader={"collector": work})
    _ = kit.mesh(app).leading
    async with TestClient(TestServer(on_mesh(app, background=True))) as client:
        await eventually("the first term", lambda: len(terms) == 1)
        assert "leads collector" in await (await client.get("/ready")).text()
        fake_consul.end_session(kit.mesh(app).session.id)
        await eventually("the second term", lambda: len(terms) == 2)
        assert terms[1].token > terms[0].token and not terms[0].valid


async def test_a_lock_of_the_command_line_is_shown_as_such(fake_consul: FakeConsul) -> None:
    session = await fake_consul.session_create({"TTL": "10s"})
    await lock(fake_consul, f"{PREFIX}dyfi/.lock", b"", session)
    assert await leader_of(fake_consul, "dyfi") == "consul lock"
