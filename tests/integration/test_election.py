"""Leaders on a real Consul: `consul lock` and we exclude each other, and a Consul that is away ends no session."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine_processes import ConsulAgent, ask
from hoploom.kit.roles import roles
from hoploom.kit.term import TermEnded
from members import served_member
from waiting import eventually, until

PREFIX = "hoploom/roles/"


@pytest.fixture
def agent(engine_paths: dict[str, Path], tmp_path: Path) -> Iterator[ConsulAgent]:
    agent = ConsulAgent(engine_paths["consul"], tmp_path / "consul")
    try:
        agent.start()
        yield agent
    finally:
        agent.stop()


def holder(agent: ConsulAgent, role: str) -> str:
    """Name of the session that holds a role's lock; empty while it is free."""
    entries = ask("GET", f"{agent.url}/v1/kv/{PREFIX}{role}/.lock") or [{}]
    session = entries[0].get("Session", "")
    found = ask("GET", f"{agent.url}/v1/session/info/{session}") if session else []
    return str(found[0]["Name"]) if found else ""


async def test_consul_lock_and_a_role_exclude_each_other(
    agent: ConsulAgent, engine_paths: dict[str, Path], tmp_path: Path
) -> None:
    def lock(*words: str) -> "subprocess.Popen[bytes]":
        command = [str(engine_paths["consul"]), "lock", f"-http-addr={agent.url}", *words]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    async with served_member(agent.url) as mesh:
        over = tmp_path / "over"
        child = lock(f"{PREFIX}dyfi", f"sleep 5; touch {over}")
        try:
            await asyncio.to_thread(until, "consul lock holds it", lambda: holder(agent, "dyfi"), 10)
            assert [each.instance for each in await roles(mesh.consul, PREFIX)] == ["consul lock"]
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(2), mesh.leading("dyfi"):
                    pass
            async with asyncio.timeout(60), mesh.leading("dyfi", fenced=True) as term:
                # `consul lock` itself ends a moment after its command and its lock.
                assert over.exists(), "it led while the command was running"
                other = lock("-timeout=1s", f"{PREFIX}dyfi", "true")
                assert await asyncio.to_thread(other.wait, 30) != 0
                assert term.valid
        finally:
            child.kill()
            child.wait(60)


@pytest.mark.timed(0.5)
async def test_a_hand_over_takes_milliseconds_and_tokens_grow(agent: ConsulAgent) -> None:
    async with served_member(agent.url) as one, served_member(agent.url) as two:
        async with asyncio.timeout(60), one.leading("manager") as first:
            waiting = asyncio.get_running_loop().create_task(two.leading("manager").__aenter__())
            await asyncio.sleep(0.5)
        began_s = asyncio.get_running_loop().time()
        async with asyncio.timeout(60):
            second = await waiting
        assert second.token > first.token
        # The bench measures it; here only that no lock-delay was waited for.
        assert asyncio.get_running_loop().time() - began_s < 0.9
        waiting.cancel()


async def test_a_session_that_ended_ends_the_term_and_refuses_its_writes(agent: ConsulAgent) -> None:
    async with served_member(agent.url) as mesh:
        with pytest.raises(TermEnded):
            async with asyncio.timeout(60), mesh.leading("manager") as term:
                await term.write([{"Verb": "set", "Key": "t/effect", "Value": b"1"}])
                await asyncio.to_thread(ask, "PUT", f"{agent.url}/v1/session/destroy/{mesh.session.id}")
                await term.write([{"Verb": "set", "Key": "t/effect", "Value": b"2"}])
        entry = await mesh.consul.kv_get("t/effect")
        assert entry is not None and entry.value == b"1"


async def test_a_consul_that_is_away_for_12_s_costs_no_session(agent: ConsulAgent) -> None:
    async with served_member(agent.url) as mesh:
        before = mesh.session.id
        await asyncio.to_thread(agent.stop)
        await asyncio.sleep(12)
        assert not mesh.session.valid, "it was not renewed in time, and is not believed in"
        await asyncio.to_thread(agent.start)
        await eventually("the session is believed in again", lambda: mesh.session.valid, 30)
        # Past the checks' first look after the restart.
        await asyncio.sleep(3)
        assert mesh.session.id == before
        shown = await asyncio.to_thread(ask, "GET", f"{agent.url}/v1/session/info/{before}")
        assert shown and json.dumps(shown[0]["ServiceChecks"]).count("alive") == 1
