"""Two datacenters: what people say in one reaches the other, also after a cut, and each goes on meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from hoploom.input_service import documents as module
from hoploom.input_service import keys
from hoploom.input_service.documents import ROLE, Documents
from hoploom.input_service.stopping import Stopping
from hoploom.input_service.work import Wanted
from hoploom.kit.errors import NotFound, Unavailable, Unprocessable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.targets.permutation import Permutation
from hoploom.wire.campaign import Campaign
from hoploom.wire.lease import Lease, LeaseDone
from hoploom.wire.overlay import OptOut
from hoploom.wire.overlay_record import KEY, pulled_key
from unit.input_service.instances import Instance, campaign_request, lease_request, running
from waiting import eventually

SLICES = {"dc1": 1, "dc2": 3}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PACE_S", 0.0)
    monkeypatch.setattr(module, "LOOK_EVERY_S", 0.01)


class World:
    """Two datacenters with an instance each, of which the second pulls."""

    def __init__(self, one: Instance, two: Instance) -> None:
        self.one, self.two = one, two

    def cut(self, *, is_cut: bool) -> None:
        for mine, other in ((self.one, "dc2"), (self.two, "dc1")):
            consul = mine.mesh.consul
            assert isinstance(consul, FakeConsul)
            consul.away_datacenters = {other} if is_cut else set()


async def _pulling(instance: Instance) -> None:
    mesh, settle = instance.mesh, Stopping(instance.campaigns, instance.parts.overlay).settle
    async with mesh.leading(ROLE) as term:
        await Documents(mesh.consul, mesh.dc, "dc1", settle).run(term)


@asynccontextmanager
async def joined() -> AsyncIterator[World]:
    """Both, and the campaigns of each in the other."""
    one, two = FakeConsul("dc1"), FakeConsul("dc2")
    one.wan, two.wan = {"dc2": two}, {"dc1": one}
    async with running([one]) as [first], running([two]) as [second]:
        tasks = [asyncio.get_running_loop().create_task(_pulling(each)) for each in (first, second)]
        try:
            await eventually("the home's overlay is known", lambda: second.parts.overlay.current)
            yield World(first, second)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with joined() as found:
        yield found


async def pulled(at: Instance, campaign: str = "demo", edition: int = 1) -> None:
    async def there() -> bool:
        try:
            return (await at.campaigns.get(campaign)).edition >= edition
        except NotFound:
            return False

    await eventually(f"{campaign} is known", there)


async def all_leases(at: Instance, worker: str, group: str = "all") -> list[Lease]:
    """Work off everything that there is."""
    found = []
    while lease := await at.desk.lease(Wanted(request=lease_request(worker, group=group), limit=700)):
        found.append(lease)
        done = LeaseDone(worker=worker, campaign=lease.campaign, group=group)
        await at.desk.said(lease.id, done, relayed=False)
    return found


async def addresses(at: Instance, leases: list[Lease]) -> list[str]:
    found = []
    for each in leases:
        whole = await at.sets.addresses(each.revision)
        order = Permutation(whole.n, bytes.fromhex(each.order_key))
        found += whole.texts(order.address_indexes(np.arange(each.start, each.stop, dtype=np.int64)))
    return found


@pytest.mark.parametrize("groups", [("all", "all"), ("w1", "w2")], ids=["one group", "a group in each datacenter"])
async def test_each_datacenter_probes_its_own_slice_and_together_they_probe_every_target_once(
    world: World, groups: tuple[str, str]
) -> None:
    made, _ = await world.one.campaigns.create(campaign_request(slices=SLICES))
    await pulled(world.two)
    leases = [
        await all_leases(each, each.mesh.dc, group) for each, group in zip((world.one, world.two), groups, strict=True)
    ]
    assert [sum(each.stop - each.start for each in some) for some in leases] == [1024, 3072]
    probed = await addresses(world.one, leases[0]) + await addresses(world.two, leases[1])
    assert len(probed) == len(set(probed)) == made.targets == 4096


async def test_a_round_ends_in_each_datacenter_by_itself(world: World) -> None:
    made, _ = await world.one.campaigns.create(campaign_request(slices=SLICES))
    await pulled(world.two)
    await all_leases(world.two, "w2")
    there = await world.two.campaigns.get("demo")

    async def ended() -> bool:
        return bool((await world.two.progress.groups(there))["all"]["finished"])

    await eventually("the slice is finished", ended)
    assert (await world.two.progress.groups(there))["all"]["targets"] == 3072
    assert await world.one.progress.groups(made) == {}
    assert len(await all_leases(world.one, "w1")) > 0


async def test_a_campaign_without_slices_is_probed_at_home_alone(world: World) -> None:
    await world.one.campaigns.create(campaign_request())
    await pulled(world.two)
    assert await all_leases(world.two, "w2") == []
    assert sum(each.stop - each.start for each in await all_leases(world.one, "w1")) == 4096


async def test_a_lease_of_another_datacenters_slice_is_unknown_here(world: World) -> None:
    await world.one.campaigns.create(campaign_request(slices=SLICES))
    await pulled(world.two)
    lease = await world.one.desk.lease(Wanted(request=lease_request()))
    assert lease is not None
    with pytest.raises(NotFound):
        await world.two.desk.said(lease.id, LeaseDone(worker="w1", campaign="demo", group="all"), relayed=False)


async def test_a_campaign_is_changed_at_home_alone_and_its_next_edition_comes_too(world: World) -> None:
    await world.one.campaigns.create(campaign_request(slices=SLICES))
    await pulled(world.two)
    found, new = await world.two.campaigns.create(campaign_request(slices=SLICES))
    assert (found.home_dc, new) == ("dc1", False)
    with pytest.raises(Unprocessable, match="belongs to datacenter dc1"):
        await world.two.campaigns.create(campaign_request(revise="restart"))
    await world.one.campaigns.create(campaign_request(slices={"dc2": 1}, revise="restart"))
    await pulled(world.two, edition=2)
    assert sum(each.stop - each.start for each in await all_leases(world.two, "w2")) == 4096
    assert await all_leases(world.one, "w1") == []


async def test_numbers_of_two_datacenters_differ(world: World) -> None:
    home, _ = await world.one.campaigns.create(campaign_request("a"))
    away, _ = await world.two.campaigns.create(campaign_request("b"))
    assert not {home.number, home.measurement} & {away.number, away.measurement}
    assert (home.home_dc, away.home_dc) == ("dc1", "dc2")
    await pulled(world.one, "b")
    assert await all_leases(world.one, "w1") and (await world.one.campaigns.get("b")).home_dc == "dc2"


async def test_an_id_that_both_have_chosen_stays_what_it_is_in_each(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.cut(is_cut=True)
    for each in (world.one, world.two):
        await each.campaigns.create(campaign_request(blocks=[f"127.{each.mesh.dc[-1]}.0.0/20"]))
    world.cut(is_cut=False)
    await eventually("both say so", lambda: caplog.text.count("is not taken over") == 2)
    assert [(await each.campaigns.get("demo")).home_dc for each in (world.one, world.two)] == ["dc1", "dc2"]


async def test_a_pause_at_home_holds_everywhere_and_one_elsewhere_holds_there(world: World) -> None:
    ours, theirs = world.one.parts.overlay, world.two.parts.overlay
    await ours.change(lambda known: known.with_pause("", paused=True))
    await eventually("it is paused there", lambda: theirs.current and theirs.current.paused)
    # Not theirs to take back.
    after, new = await theirs.change(lambda known: known.with_pause("", paused=False))
    assert after.paused and not new
    await ours.change(lambda known: known.with_pause("", paused=False))
    await eventually("it goes on there", lambda: theirs.current and not theirs.current.paused)
    await theirs.change(lambda known: known.with_opt_out(OptOut(block="127.0.0.0/24")))
    assert theirs.current and theirs.current.covers(4, 0x7F000001)
    assert ours.current and not ours.current.opt_outs


async def test_a_stop_and_a_new_beginning_reach_the_workers_of_the_other_datacenter(world: World) -> None:
    await world.one.campaigns.create(campaign_request(slices=SLICES))
    await pulled(world.two)
    stopping = Stopping(world.one.campaigns, world.one.parts.overlay)
    await stopping.stop("demo", "anna")
    theirs = world.two.parts.overlay
    await eventually("their workers are told", lambda: theirs.current and theirs.current.is_paused("demo"))
    assert (await world.two.campaigns.get("demo")).stopped_by == "anna"
    assert await all_leases(world.two, "w2") == []
    anew, _ = await world.one.campaigns.create(campaign_request(slices=SLICES, revise="restart"))
    await stopping.settle(anew)
    await pulled(world.two, edition=2)
    await eventually("it goes on there", lambda: theirs.current and not theirs.current.is_paused("demo"))


async def test_a_datacenter_that_is_cut_off_works_on_and_is_paused_by_its_own_people(world: World) -> None:
    await world.one.campaigns.create(campaign_request(slices=SLICES))
    await pulled(world.two)
    world.cut(is_cut=True)
    await world.one.parts.overlay.change(lambda known: known.with_opt_out(OptOut(block="127.0.0.0/24")))
    await world.one.campaigns.create(campaign_request("later", slices=SLICES))
    lease = await world.two.desk.lease(Wanted(request=lease_request("w2"), limit=10))
    assert lease is not None
    theirs = world.two.parts.overlay
    await theirs.change(lambda known: known.with_pause("", paused=True))
    assert await all_leases(world.two, "w2") == []
    assert world.one.parts.overlay.current and not world.one.parts.overlay.current.paused
    world.cut(is_cut=False)
    await pulled(world.two, "later")
    await eventually("the opt-out is known", lambda: theirs.current and theirs.current.opt_outs)
    assert theirs.current and theirs.current.paused


async def test_before_the_homes_overlay_was_ever_read_nothing_is_handed_out() -> None:
    two = FakeConsul("dc2")
    two.away_datacenters = {"dc1"}
    async with running([two]) as [instance]:
        await instance.campaigns.create(campaign_request())
        with pytest.raises(Unavailable, match="not known yet"):
            await instance.desk.lease(Wanted(request=lease_request()))
        await eventually("it says why", lambda: "opt-outs of dc1" in instance.parts.overlay.report())


async def test_whoever_leads_pulls_when_the_one_before_dies_and_mends_what_it_left_damaged() -> None:
    one, two = FakeConsul("dc1"), FakeConsul("dc2")
    one.wan, two.wan = {"dc2": two}, {"dc1": one}
    async with running([one]) as [first], running([two, two]) as pair:
        tasks = [asyncio.get_running_loop().create_task(_pulling(each)) for each in pair]
        try:
            await eventually("the overlay is known", lambda: all(each.parts.overlay.current for each in pair))
            (leader,) = [each for each in pair if each.mesh.leadership.report()]
            tasks.pop(pair.index(leader)).cancel()
            await leader.stop()
            # As Consul's own looks at it would say.
            two.set_check(leader.mesh.id, "alive", "critical")
            await two.kv_put(pulled_key("dc1"), b"damaged")
            await first.campaigns.create(campaign_request())
            (other,) = [each for each in pair if each is not leader]
            await pulled(other)
            await first.parts.overlay.change(lambda known: known.with_pause("", paused=True))
            await eventually("it is paused", lambda: other.parts.overlay.current and other.parts.overlay.current.paused)
            mended = await two.kv_get(pulled_key("dc1"))
            assert mended and mended.value != b"damaged"
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def test_an_older_overlay_of_the_home_and_a_damaged_one_change_nothing(world: World) -> None:
    home, theirs = world.one.mesh.consul, world.two.parts.overlay
    await world.one.parts.overlay.change(lambda known: known.with_pause("", paused=True))
    await eventually("it is paused there", lambda: theirs.current and theirs.current.paused)
    before = await world.two.mesh.consul.kv_get(pulled_key("dc1"))
    # Nobody at home puts the newer one back.
    await world.one.stop()
    await home.kv_put(KEY, b"damaged")
    await home.kv_delete(KEY)
    await world.one.campaigns.create(campaign_request())
    await pulled(world.two)
    assert await world.two.mesh.consul.kv_get(pulled_key("dc1")) == before


async def test_a_set_that_came_in_part_is_fetched_again(world: World) -> None:
    world.cut(is_cut=True)
    made, _ = await world.one.campaigns.create(campaign_request(slices=SLICES))
    there = world.two.mesh.consul
    await there.kv_put(f"{keys.target_set(made.sets[4].sha256)}000", b"half")
    world.cut(is_cut=False)
    await pulled(world.two)
    assert (await world.two.sets.addresses(made.sets[4].sha256)).n == 4096


async def test_it_is_seen_where_each_datacenter_takes_all_targets_for_its_own(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Campaign, "span", lambda self, family: (0, self.sets[family].size))
    await world.one.campaigns.create(campaign_request(slices=SLICES))
    await pulled(world.two)
    probed = [each for at in (world.one, world.two) for each in await addresses(at, await all_leases(at, at.mesh.dc))]
    assert len(probed) == 2 * len(set(probed))
