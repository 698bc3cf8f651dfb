"""Many workers at several instances at once: every position is worked off exactly once."""

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from hoploom.input_service import budget_desk, coolings, journal, keys, serving
from hoploom.input_service.desk import Desk
from hoploom.input_service.work import Wanted
from hoploom.kit.clock import boottime_s
from hoploom.kit.errors import Conflict, Forbidden, NotFound, Unavailable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.http_client import Answer
from hoploom.wire.lease import Lease, LeaseDone, LeaseRenewal, LeaseReturn
from unit.input_service.instances import BusyConsul, Instance, all_settled, campaign_request, lease_request, running
from waiting import eventually


def done_of(lease: Lease, worker: str) -> LeaseDone:
    return LeaseDone(worker=worker, campaign=lease.campaign, group=lease.group, token=lease.token)


async def leased(instance: Instance, worker: str = "w1", **wishes: Any) -> Lease:
    lease = await instance.desk.lease(Wanted(request=lease_request(worker, **wishes)))
    assert lease is not None
    return lease


async def acknowledged(instance: Instance, lease: Lease, worker: str = "w1") -> None:
    await instance.desk.said(lease.id, done_of(lease, worker), relayed=False)


async def finished_or_not(instance: Instance, name: str) -> dict[str, Any]:
    """A campaign's progress as it is."""
    return (await instance.progress.groups(await instance.campaigns.get(name)))["all"]


async def finished(instance: Instance, name: str) -> dict[str, Any]:
    """A campaign's progress when it is finished."""
    campaign = await instance.campaigns.get(name)

    async def done() -> dict[str, Any]:
        found = (await instance.progress.groups(campaign)).get("all", {})
        return found if found.get("finished") else {}

    found: dict[str, Any] = await eventually(f"{name} is finished", done)
    return found


# Place of the ownership's loop among the tasks of an instance.
WATCHES = 3


class Crew:
    """Workers that ask the instances in turn, and ask the next one when an answer was lost."""

    def __init__(self, instances: list[Instance]) -> None:
        self._instances = itertools.cycle(instances)
        self.seen: Counter[tuple[str, int, int]] = Counter()
        self.refused = 0

    async def work(self, worker: str) -> None:
        idle = 0
        for turn in itertools.count():
            wanted = Wanted(request=lease_request(worker, f"{worker}-{turn}", run="r1"), limit=300)
            lease = await self._insist(partial(Desk.lease, wanted=wanted))
            if lease is None:
                idle += 1
                if idle > 3:
                    return
                await asyncio.sleep(0.05)
                continue
            idle = 0
            try:
                await self._insist(
                    partial(Desk.said, lease_id=lease.id, message=done_of(lease, worker), relayed=False)
                )
            except Conflict:
                self.refused += 1
                continue
            self.seen.update((lease.campaign, lease.family, each) for each in range(lease.start, lease.stop))

    async def _insist(self, call: Callable[[Desk], Awaitable[Any]]) -> Any:
        while True:
            with contextlib.suppress(Unavailable):
                return await call(next(self._instances).desk)
            await asyncio.sleep(0)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("lost_answers", [0.0, 0.05], ids=["all answers arrive", "one answer in twenty is lost"])
async def test_workers_at_three_instances_do_every_position_exactly_once(seed: int, lost_answers: float) -> None:
    consul = BusyConsul(seed)
    async with running([consul] * 3) as instances:
        await instances[0].campaigns.create(campaign_request("first", ["127.0.0.0/18", "::1"]))
        await instances[1].campaigns.create(campaign_request("second", ["127.1.0.0/21"]))
        consul.lost_answers = lost_answers
        crew = Crew(instances)
        await asyncio.gather(*(crew.work(f"w{number}") for number in range(12)))
        consul.lost_answers = 0.0
        assert set(crew.seen.values()) == {1} and crew.refused == 0
        assert len(crew.seen) == 16_384 + 1 + 2048
        for name, targets in {"first": 16_385, "second": 2048}.items():
            found = await finished(instances[2], name)
            assert (found["done"], found["outstanding"]) == (targets, 0)


async def test_a_worker_may_ask_any_instance_for_any_thing(instances: list[Instance]) -> None:
    await instances[0].campaigns.create(campaign_request(blocks=["127.0.0.0/14"]))
    for first, second, third in itertools.permutations(instances):
        lease = await leased(first)
        message = LeaseRenewal(worker="w1", campaign="demo", group="all", stored_upto=lease.start + 5)
        await second.desk.said(lease.id, message, relayed=False)
        await acknowledged(third, lease)


async def test_the_same_request_gets_the_same_lease_from_any_instance(instances: list[Instance]) -> None:
    await instances[0].campaigns.create(campaign_request(blocks=["127.0.0.0/18"]))
    first = await leased(instances[0], request_id="same")
    assert [await leased(each, request_id="same") for each in instances] == [first] * 3


async def test_groups_see_every_target_each_in_an_order_of_its_own(instance: Instance) -> None:
    await instance.campaigns.create(campaign_request(blocks=["127.0.0.0/28"]))
    one, two = await leased(instance, group="one"), await leased(instance, group="two")
    assert (one.start, one.stop) == (two.start, two.stop) == (0, 16)
    assert one.order_key != two.order_key and one.worker_number == two.worker_number


@pytest.mark.parametrize(("scope", "same"), [("group", False), ("mesh", True)])
async def test_with_a_cooldown_the_order_stays_over_the_rounds(instance: Instance, scope: str, same: bool) -> None:
    wishes: dict[str, Any] = {"rounds": 2, "cooldown_minutes": 1, "cooldown_scope": scope}
    await instance.campaigns.create(campaign_request(blocks=["127.0.0.0/18"], **wishes))
    one, two = await leased(instance, group="one"), await leased(instance, group="two")
    assert (one.order_key == two.order_key) is same


async def test_every_worker_of_a_group_maps_all_of_a_campaign_that_wants_them_apart(instance: Instance) -> None:
    await instance.campaigns.create(campaign_request("apart", blocks=["127.0.0.0/30"], apart=True))
    for worker in ("w1", "w2"):
        lease = await leased(instance, worker)
        assert lease.group == worker
        await acknowledged(instance, lease, worker)
    progress = await instance.progress.groups(await instance.campaigns.get("apart"))
    assert {name: each["done"] for name, each in progress.items()} == {"w1": 4, "w2": 4}


async def test_rounds_follow_each_other_until_the_last(instances: list[Instance]) -> None:
    await instances[0].campaigns.create(campaign_request(blocks=["127.0.0.0/28", "::1"], rounds=3))
    seen: list[tuple[int, int]] = []
    while len(seen) < 6:
        lease = await instances[len(seen) % 3].desk.lease(Wanted(request=lease_request()))
        if lease is None:
            await asyncio.sleep(0.02)
            continue
        seen.append((lease.round, lease.family))
        await acknowledged(instances[(len(seen) + 1) % 3], lease)
    assert [number for number, _ in seen] == [0, 0, 1, 1, 2, 2]
    assert (await finished(instances[0], "demo"))["round"] == 2


async def test_what_the_audit_misses_is_handed_out_again(instance: Instance) -> None:
    await instance.campaigns.create(campaign_request(blocks=["127.0.0.0/24"]))
    lease = await leased(instance)
    instance.audit.lacking = [(10, 19)]
    await acknowledged(instance, lease)
    again = await eventually("missing targets come again", lambda: instance.desk.lease(Wanted(request=lease_request())))
    assert (again.start, again.stop) == (10, 20)
    await acknowledged(instance, again)
    assert (await finished(instance, "demo"))["done"] == 256


async def test_nothing_is_finished_while_a_store_is_away(instance: Instance) -> None:
    await instance.campaigns.create(campaign_request(blocks=["127.0.0.0/28"]))
    instance.audit.away = True
    await acknowledged(instance, await leased(instance))
    await asyncio.sleep(0.1)
    campaign = await instance.campaigns.get("demo")
    found = (await instance.progress.groups(campaign))["all"]
    assert found["done"] == 16 and not found["finished"]
    instance.audit.away = False
    assert (await finished(instance, "demo"))["finished"]


async def test_pause_and_revocation_stop_leases_at_every_instance(instances: list[Instance]) -> None:
    await instances[0].campaigns.create(campaign_request())
    overlay = instances[1].parts.overlay
    paused, _ = await overlay.change(lambda before: before.with_pause("demo", paused=True))
    await eventually("all know", lambda: all(each.parts.overlay.current == paused for each in instances))
    assert [await each.desk.lease(Wanted(request=lease_request())) for each in instances] == [None] * 3
    revoked, _ = await overlay.change(
        lambda before: before.with_pause("demo", paused=False).with_revoked("w1", revoked=True)
    )
    await eventually("all know", lambda: all(each.parts.overlay.current == revoked for each in instances))
    for each in instances:
        with pytest.raises(Forbidden):
            await each.desk.lease(Wanted(request=lease_request("w1")))
    await leased(instances[2], "w2")


async def test_a_worker_without_its_owners_key_gets_no_private_targets(instance: Instance) -> None:
    await instance.campaigns.create(campaign_request())
    assert await instance.desk.lease(Wanted(request=lease_request(allow_private=False))) is None


async def test_a_planned_handover_leaves_no_gap_and_keeps_the_leases(fake_consul: FakeConsul) -> None:
    async with running([fake_consul] * 3) as instances:
        await instances[0].campaigns.create(campaign_request(blocks=["127.0.0.0/14"]))
        held = [await leased(each, f"w{number}") for number, each in enumerate(instances)]
        await instances[0].parts.ownership.hand_over()
        for each in instances[1:]:
            assert not [
                slot for slot, owner in each.parts.ownership.owners().items() if owner.instance == instances[0].mesh.id
            ]
        for number, lease in enumerate(held):
            await acknowledged(instances[0], lease, f"w{number}")
        await leased(instances[0], "w9")


async def test_a_dead_owner_s_slots_are_taken_and_its_leases_stay(fake_consul: FakeConsul) -> None:
    async with running([fake_consul] * 3) as instances:
        await instances[0].campaigns.create(campaign_request(blocks=["127.0.0.0/14"]))
        held = [await leased(instances[1], f"w{number}") for number in range(6)]
        await instances[0].kill()
        for check in ("alive", "ready"):
            fake_consul.set_check(instances[0].mesh.id, check, "critical")
        await all_settled(instances[1:])
        for number, lease in enumerate(held):
            await acknowledged(instances[1], lease, f"w{number}")
        assert (await leased(instances[2], "w0")).start not in {each.start for each in held}


async def test_an_owner_that_is_behind_writes_nothing(fake_consul: FakeConsul) -> None:
    async with running([fake_consul] * 2) as (old, new):
        await old.campaigns.create(campaign_request(blocks=["127.0.0.0/14"]))
        await leased(new)
        theirs = set(old.parts.ownership.mine)
        # It hears nothing any more, and believes in its session until a renewal is refused.
        old.tasks[WATCHES].cancel()
        fake_consul.end_session(old.mesh.session.id)
        await eventually("the successor has them all", lambda: theirs <= set(new.parts.ownership.mine))
        assert old.parts.ownership.mine == theirs
        with pytest.raises(Unavailable, match="another instance serves"):
            await old.desk.lease(Wanted(request=lease_request()), relayed=True)
        assert (await finished_or_not(new, "demo"))["leases"] == 1


async def test_the_lease_carries_what_the_campaign_allows(instance: Instance) -> None:
    campaign, _ = await instance.campaigns.create(campaign_request(blocks=["10.0.0.0/24"], rate_pps=50))
    lease = await leased(instance)
    assert (lease.rate_pps, lease.allow_private, lease.revision) == (50, True, campaign.sets[4].sha256)
    assert (lease.campaign_number, lease.measurement) == (campaign.number, campaign.measurement)


async def test_what_cannot_be_acknowledged_has_its_own_answer(instance: Instance) -> None:
    await instance.campaigns.create(campaign_request())
    await instance.campaigns.create(campaign_request("other"))
    lease = await leased(instance)
    with pytest.raises(Forbidden):
        await acknowledged(instance, lease, "w2")
    for wrong in (
        LeaseDone(worker="w1", campaign="other", group="all"),
        LeaseDone(worker="w1", campaign="demo", group="nobody"),
        LeaseDone(worker="w1", campaign="none", group="all"),
    ):
        with pytest.raises(NotFound):
            await instance.desk.said(lease.id, wrong, relayed=False)
    await acknowledged(instance, lease)
    await acknowledged(instance, lease)
    other = await leased(instance)
    with pytest.raises(Conflict):
        await instance.desk.said(
            other.id.replace(other.id[-16:], "0" * 16), LeaseReturn(worker="w1", campaign="demo", group="all"),
            relayed=False,
        )


async def test_a_chosen_campaign_is_served_alone_and_has_to_exist(instance: Instance) -> None:
    await instance.campaigns.create(campaign_request("first"))
    await instance.campaigns.create(campaign_request("second"))
    lease = await instance.desk.lease(Wanted(request=lease_request(), campaign="second"))
    assert lease is not None and lease.campaign == "second"
    with pytest.raises(NotFound):
        await instance.desk.lease(Wanted(request=lease_request(), campaign="third"))


async def test_a_new_edition_begins_anew_and_the_old_leases_stay_what_they_are(instance: Instance) -> None:
    await instance.campaigns.create(campaign_request(blocks=["127.0.0.0/24"]))
    old = await leased(instance)
    await instance.campaigns.create(campaign_request(blocks=["127.0.0.0/23"], revise="restart"))
    await acknowledged(instance, old)
    new = await leased(instance)
    assert new.revision != old.revision and new.start == 0 and new.campaign_number != old.campaign_number


async def test_the_rate_of_a_campaign_is_shared_over_all_instances(instances: list[Instance]) -> None:
    for each in instances:
        each.parts.budget.count_workers = lambda: _number(4)
    await instances[0].campaigns.create(campaign_request(blocks=["10.0.0.0/18"], rate_pps=100))
    async with asyncio.timeout(60):
        found = [await leased(instances[number % 3], f"w{number}") for number in range(4)]
    assert [each.rate_pps for each in found] == [25] * 4
    assert await instances[0].desk.lease(Wanted(request=lease_request("w9"))) is None
    await acknowledged(instances[1], found[0], "w0")

    async def free() -> Lease | None:
        return await instances[2].desk.lease(Wanted(request=lease_request("w9")))

    again = await eventually("what was given back is given again", free)
    assert again.rate_pps <= 25


async def _number(number: int) -> int:
    return number


async def test_a_cap_laid_over_all_campaigns_holds_for_the_next_lease(instance: Instance) -> None:
    await instance.campaigns.create(campaign_request(blocks=["10.0.0.0/18"], rate_pps=1000))
    await instance.parts.overlay.change(lambda before: before.with_caps(rate_pps=10, network_pps=3))
    lease = await leased(instance)
    assert (lease.rate_pps, lease.network_pps) == (10, 3)


async def test_a_renewal_keeps_its_part_of_the_budget(instance: Instance) -> None:
    await instance.campaigns.create(campaign_request(blocks=["10.0.0.0/18"], rate_pps=100))
    lease = await leased(instance)
    message = LeaseRenewal(worker="w1", campaign="demo", group="all", stored_upto=lease.start)
    said = await instance.desk.said(lease.id, message, relayed=False)
    assert not isinstance(said, Answer) and said["rate_pps"] == lease.rate_pps == 100
    assert await instance.desk.lease(Wanted(request=lease_request("w2"))) is None


async def test_a_request_that_comes_again_gets_its_lease_though_it_has_all_of_the_budget(instance: Instance) -> None:
    await instance.campaigns.create(campaign_request(blocks=["10.0.0.0/18"], rate_pps=100))
    request = lease_request(run="run-1")
    first, again = [await instance.desk.lease(Wanted(request=request)) for _ in range(2)]
    assert first is not None and first == again


async def test_a_lease_that_never_reached_its_worker_frees_its_part_of_the_budget(instance: Instance) -> None:
    await instance.campaigns.create(campaign_request(blocks=["10.0.0.0/18"], rate_pps=100))
    lost = await instance.desk.lease(Wanted(request=lease_request(run="run-1")))
    assert lost is not None
    assert await instance.desk.lease(Wanted(request=lease_request(run="run-1"))) is None

    async def free() -> Lease | None:
        return await instance.desk.lease(Wanted(request=lease_request(run="run-1")))

    assert (await eventually("its part comes free after a second", free)).start == lost.start


async def test_a_lease_that_is_wholly_stored_ends_though_nobody_says_that_it_is_done(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    await instance.campaigns.create(campaign_request(blocks=["127.0.0.0/24"]))
    lease = await leased(instance)
    about = {"worker": "w1", "campaign": lease.campaign, "group": lease.group, "token": lease.token}
    await instance.desk.said(lease.id, LeaseRenewal(**about, stored_upto=lease.stop), relayed=False)
    monkeypatch.setattr(journal, "boottime_s", lambda: boottime_s() + 60.0)
    assert await instance.desk.lease(Wanted(request=lease_request("w2"))) is None
    assert (await finished(instance, lease.campaign))["done"] == 256


async def test_a_new_keeper_knows_the_leases_that_are_out_and_begins_at_once(
    fake_consul: FakeConsul, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget_desk, "GRACE_S", 0.1)
    async with running([fake_consul] * 1) as (old,):
        await old.campaigns.create(campaign_request(blocks=["10.0.0.0/18"], rate_pps=100, network_pps=7))
        old.parts.budget.count_workers = lambda: _number(4)
        kept, ended = [await leased(old, worker) for worker in ("w1", "w2")]
        await acknowledged(old, ended, "w2")
        await old.parts.ownership.hand_over()
    async with running([fake_consul] * 1) as (new,):
        new.parts.budget.count_workers = lambda: _number(1)

        async def other() -> Lease | None:
            return await new.desk.lease(Wanted(request=lease_request("w2")))

        lease = await eventually("the new keeper grants", other)
        assert lease.rate_pps + kept.rate_pps <= 100
        message = LeaseRenewal(worker="w1", campaign="demo", group="all", stored_upto=kept.start)
        assert await new.desk.said(kept.id, message, relayed=False)


async def test_a_lease_that_took_too_long_to_write_is_taken_back(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    await instance.campaigns.create(campaign_request(blocks=["10.0.0.0/18"], rate_pps=100))
    clock = itertools.count(0, 6)
    monkeypatch.setattr(serving, "boottime_s", lambda: next(clock))
    assert await instance.desk.lease(Wanted(request=lease_request())) is None
    (record,) = await instance.journal.stored(keys.GROUPS)
    assert not record.held and record.frontier > 0


class Hours:
    """A boottime clock that a test moves on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead_s = 0.0
        real = boottime_s
        # Only rests are measured by it: sessions and leases go on by the real one.
        monkeypatch.setattr(coolings, "boottime_s", lambda: real() + self.ahead_s)


@pytest.mark.parametrize(("scope", "other"), [("group", True), ("mesh", False)])
async def test_a_target_rests_over_rounds_and_in_the_mesh_scope_over_groups(
    instance: Instance, monkeypatch: pytest.MonkeyPatch, scope: str, other: bool
) -> None:
    hours = Hours(monkeypatch)
    wishes: dict[str, Any] = {"rounds": 2, "cooldown_minutes": 10, "cooldown_scope": scope}
    await instance.campaigns.create(campaign_request(blocks=["127.0.0.0/24"], **wishes))
    first = await leased(instance, group="one")
    found = await instance.desk.lease(Wanted(request=lease_request("w2", group="two")))
    assert (found is not None) is other
    await acknowledged(instance, first)

    async def second() -> Lease | None:
        return await instance.desk.lease(Wanted(request=lease_request(group="one")))

    await asyncio.sleep(0.7)
    assert await second() is None, "the next round has to wait"
    hours.ahead_s = 599.0
    assert await second() is None
    hours.ahead_s = 601.0
    again = await eventually("the next round begins", second)
    assert (again.round, again.start, again.order_key) == (1, first.start, first.order_key)


async def test_groups_that_ask_in_the_same_moment_do_not_get_the_same_targets_where_the_cooldown_counts_over_all(
    instance: Instance,
) -> None:
    wishes: dict[str, Any] = {"cooldown_minutes": 10, "cooldown_scope": "mesh"}
    await instance.campaigns.create(campaign_request(blocks=["127.0.0.0/22"], **wishes))
    asks = [Wanted(request=lease_request(f"w{at}", group=f"g{at}"), limit=100) for at in range(4)]
    found = await asyncio.gather(*map(instance.desk.lease, asks))
    starts = sorted(each.start for each in found if each)
    assert starts == [0, 100, 200, 300]


async def test_a_taker_of_a_shard_lets_all_rest_anew(fake_consul: FakeConsul, monkeypatch: pytest.MonkeyPatch) -> None:
    hours = Hours(monkeypatch)
    wishes: dict[str, Any] = {"rounds": 2, "cooldown_minutes": 10}
    async with running([fake_consul] * 1) as (old,):
        await old.campaigns.create(campaign_request(blocks=["127.0.0.0/24"], **wishes))
        await acknowledged(old, await leased(old))
        await asyncio.sleep(0.2)
        await old.parts.ownership.hand_over()
    hours.ahead_s = 300.0
    async with running([fake_consul] * 1) as (new,):

        async def second() -> Lease | None:
            return await new.desk.lease(Wanted(request=lease_request()))

        assert await second() is None
        hours.ahead_s = 601.0
        assert await second() is None, "five minutes by the old clock and five by the new are no ten by one"
        hours.ahead_s = 901.0
        assert (await eventually("the next round begins", second)).round == 1
