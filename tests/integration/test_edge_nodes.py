"""Workers elsewhere in a real Consul: a successor puts right what a leader left, and nothing survives their removal."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_world import World, enrol, projecting, shown
from engine_processes import ConsulAgent, ask
from hoploom.manager import projecting as module
from members import served_member


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY_S", 0.05)


@pytest.fixture
def agent(engine_paths: dict[str, Path], tmp_path: Path) -> Iterator[ConsulAgent]:
    agent = ConsulAgent(engine_paths["consul"], tmp_path / "consul")
    try:
        agent.start()
        yield agent
    finally:
        agent.stop()


def left_in(agent: ConsulAgent) -> list[object]:
    """All of the catalogue that could be a worker's elsewhere."""
    paths = ("catalog/nodes?node-meta=external-node:true", "health/service/ping", "health/state/any")
    found = [each for path in paths for each in ask("GET", f"{agent.url}/v1/{path}")]
    return [each for each in found if "edge-" in str(each)]


async def test_a_successor_puts_right_what_a_dead_leader_left_and_nothing_survives_a_removal(
    agent: ConsulAgent,
) -> None:
    first, second = World(), World()
    for each in (first, second):
        each.hear("attic", version="0.1.0")
        each.hear("barn", version="0.1.0")
    async with served_member(agent.url) as one:
        await enrol(one.consul, "attic", "barn", "cellar")
        async with projecting(one, first.ears):
            await shown(one.consul, attic="passing", barn="passing", cellar="critical")
            assert len(left_in(agent)) == 9
            # Its agent says that it is dead while it has not done anything wrong.
            await one.consul.kv_delete("hoploom/workers/cellar")
            await one.consul.session_destroy(one.session.id)
    async with served_member(agent.url) as two:
        await two.consul.kv_delete("hoploom/workers/barn")
        second.hear("attic", status="warning")
        async with projecting(two, second.ears):
            await shown(two.consul, attic="warning")
            second.now_s += 50
            await shown(two.consul, attic="critical")
            await two.consul.kv_delete("hoploom/workers/attic")
            await shown(two.consul)
    assert left_in(agent) == []


async def test_all_are_warnings_when_nobody_is_heard(agent: ConsulAgent) -> None:
    world, names = World(), ("attic", "barn", "cellar")
    for name in names:
        world.hear(name)
    async with served_member(agent.url) as mesh:
        await enrol(mesh.consul, *names)
        async with projecting(mesh, world.ears):
            await shown(mesh.consul, attic="passing", barn="passing", cellar="passing")
            world.now_s += 31
            await shown(mesh.consul, attic="warning", barn="warning", cellar="warning")
            said = {each.output for each in await mesh.consul.external_nodes("ping")}
    assert said == {"not known: no worker's ads reach the managers of this datacenter"}
