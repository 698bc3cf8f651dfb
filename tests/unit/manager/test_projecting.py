"""The nodes of workers elsewhere, kept by a leader over the fake Consul."""

import asyncio

import pytest

from edge_world import World, enrol, projecting, shown
from hoploom.kit import external_nodes
from hoploom.kit.external_nodes import ExternalNode
from hoploom.kit.fake_consul import FakeConsul
from hoploom.manager import projecting as module
from members import member
from unit.manager.ads_made import ad_of, enveloped
from waiting import eventually


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY_S", 0.001)


@pytest.fixture
def world() -> World:
    return World()


async def test_workers_come_change_fall_silent_and_go(fake_consul: FakeConsul, world: World) -> None:
    await enrol(fake_consul, "attic", "barn")
    for name in ("attic", "barn", "stranger"):
        world.hear(name, version="0.1.0")
    async with member(fake_consul) as mesh, projecting(mesh, world.ears):
        await shown(fake_consul, attic="passing", barn="passing")
        world.hear("attic", status="warning")
        await shown(fake_consul, attic="warning", barn="passing")
        world.now_s += 50
        await shown(fake_consul, attic="warning", barn="warning")
        world.hear("attic")
        await shown(fake_consul, attic="passing", barn="warning")
        world.now_s += 25
        world.hear("attic")
        world.now_s += 25
        await shown(fake_consul, attic="passing", barn="critical")
        world.hear("attic", down=True)
        await shown(fake_consul, attic="critical", barn="critical")
        await fake_consul.kv_delete("hoploom/workers/barn")
        await shown(fake_consul, attic="critical")
        await fake_consul.kv_delete("hoploom/workers/attic")
        await shown(fake_consul)
        assert (await fake_consul.instances("ping", passing=False))[1] == []


async def test_two_machines_under_one_name_are_said(fake_consul: FakeConsul, world: World) -> None:
    await enrol(fake_consul, "attic")
    for instance in ("a", "b"):
        ad = ad_of(5, instance, 1, id="attic")
        world.registry.hear(ad, enveloped(ad))
    async with member(fake_consul) as mesh, projecting(mesh, world.ears):
        await shown(fake_consul, attic="warning")
    [node] = await fake_consul.external_nodes("ping")
    assert "two machines" in node.output


async def test_a_successor_puts_right_what_it_finds(fake_consul: FakeConsul, world: World) -> None:
    left = [ExternalNode(f"edge-{name}", "ping", f"ping-{name}", status="passing") for name in ("gone", "attic")]
    for each in left:
        await fake_consul.kv_txn(external_nodes.entered(each))
    await enrol(fake_consul, "attic")
    async with member(fake_consul) as mesh, projecting(mesh, world.ears):
        await shown(fake_consul, attic="critical")


async def test_nothing_is_written_while_nothing_changes(fake_consul: FakeConsul, world: World) -> None:
    await enrol(fake_consul, "attic")
    world.hear("attic")
    async with member(fake_consul) as mesh, projecting(mesh, world.ears):
        await shown(fake_consul, attic="passing")
        index, _ = await fake_consul.kv_watch("hoploom/workers/", 0)
        before = world.asked
        await eventually("many rounds more", lambda: world.asked >= before + 50)
        assert (await fake_consul.kv_watch("hoploom/workers/", 0))[0] == index


async def test_consul_away_for_a_while_removes_nobody(fake_consul: FakeConsul, world: World) -> None:
    await enrol(fake_consul, "attic")
    world.hear("attic")
    async with member(fake_consul) as mesh, projecting(mesh, world.ears) as task:
        await shown(fake_consul, attic="passing")
        fake_consul.away, before = True, world.asked
        world.now_s += 100
        await eventually("a round without Consul", lambda: world.asked > before)
        assert not task.done()
        fake_consul.away = False
        await shown(fake_consul, attic="critical")


async def test_a_leader_whose_term_is_over_writes_nothing_more(fake_consul: FakeConsul, world: World) -> None:
    await enrol(fake_consul, "attic")
    world.hear("attic")
    async with member(fake_consul) as mesh, projecting(mesh, world.ears) as task:
        await shown(fake_consul, attic="passing")
        fake_consul.end_session(mesh.session.id)
        world.now_s += 100
        await asyncio.wait([task])
    assert [each.status for each in await fake_consul.external_nodes("ping")] == ["passing"]
