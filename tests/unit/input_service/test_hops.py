"""Hops become targets once, whoever reports them where, and whoever owns their slots by then."""

import asyncio
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from hoploom.input_service import hop_chunks, keys
from hoploom.input_service import hops as module
from hoploom.input_service.hop_recovery import ROUTE
from hoploom.input_service.work import Wanted
from hoploom.kit import metrics
from hoploom.kit.clock import wall_us
from hoploom.kit.errors import Forbidden, NotFound, Unavailable, Unprocessable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.wire.campaign import Campaign
from hoploom.wire.hops import REMEMBERED_S, Hop, HopAnswer, HopReport, parsed
from hoploom.wire.lease import LeaseDone
from hoploom.wire.overlay import OptOut
from hoploom.wire.probe import Probe
from unit.input_service.instances import Instance, all_settled, campaign_request, lease_request, running
from waiting import eventually

HOPS = [f"8.8.{number // 250}.{number % 250}" for number in range(500)]
V6 = ["2a00::1", "2a00:1::1"]


def report(hops: Iterable[str], worker: str = "w1", campaign: str = "demo") -> HopReport:
    return HopReport(worker=worker, campaign=campaign, hops=parsed(hops))


async def post(instance: Instance, hops: Iterable[str], **more: str) -> HopAnswer:
    return await instance.hop_desk.report(report(hops, **more), relayed=False)


async def chunks(instance: Instance, parent: str = "demo") -> list[Campaign]:
    instance.campaigns._read_at_s = float("-inf")
    return [each for each in await instance.campaigns.all() if each.parent == parent]


async def targets(instance: Instance, parent: str = "demo") -> list[str]:
    """The addresses of all chunks, as often as they are targets."""
    found = []
    for each in await chunks(instance, parent):
        for family in each.sets.values():
            addresses = await instance.sets.addresses(family.sha256)
            found += addresses.texts(np.arange(addresses.n))
    return sorted(found)


async def begun(found: list[Instance], **wishes: Any) -> Campaign:
    """A campaign, and owners that know their slots."""
    wishes = {"blocks": ("9.9.9.0/24",), "contact": "noc@example.org", "per_prefix": "24:all", **wishes}
    campaign, _ = await found[0].campaigns.create(campaign_request(**wishes))
    await eventually("all slots are known", lambda: sum(len(each.hops._mine()) for each in found) == 64, 10)
    await eventually("the overlay is known", lambda: all(each.parts.overlay.current for each in found))
    return campaign


def all_know_orders(found: list[Instance]) -> bool:
    known = [each.parts.overlay.current for each in found]
    return all(each is not None and each.opt_outs + each.paused_campaigns for each in known)


async def made(found: Iterable[Instance]) -> None:
    for each in found:
        await each.hops.flush()


async def killed(found: list[Instance], fake_consul: FakeConsul) -> list[Instance]:
    """Those that are left when the last one has died and its slots are taken."""
    *alive, last = found
    await last.kill()
    for check in ("alive", "ready"):
        fake_consul.set_check(last.mesh.id, check, "critical")
    await all_settled(alive)
    return alive


async def test_each_hop_becomes_a_target_once_whichever_instances_it_is_reported_to(instances: list[Instance]) -> None:
    await begun(instances)
    assert await post(instances[0], HOPS + V6) == HopAnswer(new=502)
    assert await post(instances[1], HOPS[:10], worker="w2") == HopAnswer(known=10)
    await made(instances)
    assert await post(instances[2], HOPS + V6) == HopAnswer(known=502)
    await made(instances)
    assert await targets(instances[0]) == sorted(HOPS + V6)


async def test_a_report_that_is_broadcast_to_all_instances_at_once_counts_once(instances: list[Instance]) -> None:
    await begun(instances)
    answers = await asyncio.gather(*(post(each, HOPS) for each in instances))
    assert sum(answers, HopAnswer()) == HopAnswer(new=500, known=1000)
    await made(instances)
    assert await targets(instances[0]) == sorted(HOPS)


async def test_what_may_not_be_probed_is_counted_and_never_a_target(instances: list[Instance]) -> None:
    await begun(instances, excludes=("8.8.0.0/25",))
    opt_out = OptOut(block="8.8.1.0/24")
    for each in instances:
        await each.parts.overlay.change(lambda before: before.with_opt_out(opt_out))
    await eventually("all know it", lambda: all_know_orders(instances))
    found = await post(instances[0], ["8.8.0.1", "8.8.0.200", "8.8.1.1", "10.0.0.1", "9.9.9.9", "fe80::1"])
    assert found == HopAnswer(new=1, excluded=1, opted_out=1, special=2, in_set=1)
    await made(instances)
    assert await targets(instances[0]) == ["8.8.0.200"]


async def test_hops_of_a_campaign_that_nobody_answers_for_stay_unprobed(instances: list[Instance]) -> None:
    await begun(instances, blocks=("127.0.0.0/24",), contact="", per_prefix="")
    assert await post(instances[0], [*HOPS[:5], "127.0.0.1"]) == HopAnswer(excluded=5, special=1)


async def test_a_worker_is_capped_whatever_instance_it_talks_to(instances: list[Instance]) -> None:
    for each in instances:
        each.hops.a_worker_a_day = 64
    await begun(instances)
    for each in instances:
        each.hops._books.clear()
    await eventually("all slots are known", lambda: sum(len(each.hops._mine()) for each in instances) == 64, 10)
    answers = [await post(each, HOPS) for each in instances]
    assert sum(each.new for each in answers) <= 64
    assert all(each.new + each.known + each.capped == 500 for each in answers)
    assert (await post(instances[0], HOPS, worker="w2")).new > 0


async def test_a_chunk_is_handed_out_under_its_parents_limits_before_the_parent(instances: list[Instance]) -> None:
    parent = await begun(instances, rate_pps=50, anchors=("9.9.9.9",), network_pps=7, rounds=0)
    await post(instances[0], HOPS[:20])
    await made(instances[:1])
    await made(instances[1:])
    # Whoever is asked, or is passed the request, knows of them by now.
    found, *_ = [await chunks(each) for each in instances]
    assert {(each.rate_pps, each.anchors, each.network_pps, each.rounds, each.contact) for each in found} == {
        (50, parent.anchors, 7, 1, parent.contact)
    }
    # Also where the first in this worker's order owns shards of the parent alone.
    lease = await instances[1].desk.lease(Wanted(request=lease_request()))
    assert lease is not None
    assert lease.campaign in {each.id for each in found}
    await instances[0].parts.overlay.change(lambda before: before.with_pause("demo", paused=True))
    await eventually("it is paused", lambda: all_know_orders(instances))
    assert await instances[1].desk.lease(Wanted(request=lease_request("w2"))) is None


async def test_hops_are_probed_at_their_campaigns_rate_and_not_beside_it(instance: Instance) -> None:
    await begun([instance], rate_pps=60)
    for hops in (HOPS[:5], HOPS[5:9]):
        await post(instance, hops)
        await made([instance])
    found = [await instance.desk.lease(Wanted(request=lease_request(f"w{number}"))) for number in range(6)]
    leases = [each for each in found if each is not None]
    assert leases
    assert sum(each.rate_pps for each in leases) <= 60


async def test_hops_are_probed_as_their_campaigns_targets_are(instances: list[Instance]) -> None:
    traced = Probe(kind="trace", protocol="udp", max_ttl=20)
    await begun(instances, probe=traced)
    await post(instances[0], HOPS[:3])
    await made(instances)
    assert {each.probe for each in await chunks(instances[0])} == {traced}


async def test_hops_of_hops_belong_to_the_campaign_that_somebody_made(instances: list[Instance]) -> None:
    await begun(instances)
    await post(instances[0], HOPS[:1])
    await made(instances)
    (chunk,) = await chunks(instances[0])
    assert await post(instances[0], HOPS[:2], campaign=chunk.id) == HopAnswer(new=1, known=1)
    await made(instances)
    assert await targets(instances[0]) == HOPS[:2]


@pytest.mark.parametrize(
    ("more", "error"),
    [({"campaign": "none"}, NotFound), ({"worker": "banned"}, Forbidden)],
)
async def test_a_report_that_cannot_be_taken_changes_nothing(
    instances: list[Instance], more: dict[str, str], error: type[Exception]
) -> None:
    await begun(instances)
    await instances[0].parts.overlay.change(lambda before: before.with_revoked("banned", revoked=True))
    with pytest.raises(error):
        await post(instances[0], HOPS, **more)
    assert await post(instances[0], HOPS) == HopAnswer(new=500)


async def test_what_is_passed_on_to_somebody_who_does_not_own_it_is_refused(instances: list[Instance]) -> None:
    await begun(instances)
    with pytest.raises(Unavailable, match="not known yet"):
        await instances[0].hop_desk.report(report(HOPS), relayed=True)
    assert await post(instances[0], HOPS) == HopAnswer(new=500)


async def test_the_successor_of_an_owner_that_died_knows_targets_and_finds_what_waited(
    instances: list[Instance], fake_consul: FakeConsul
) -> None:
    await begun(instances)
    await post(instances[0], HOPS[:200])
    await made(instances)
    await post(instances[0], HOPS)
    for each in instances:
        each.stores.hops = {"demo": [*HOPS, "9.9.9.9", "10.0.0.1"], "gone": ["8.9.9.9"]}
    alive = await killed(instances, fake_consul)
    await eventually("all slots are known", lambda: sum(len(each.hops._mine()) for each in alive) == 64, 10)
    assert await post(instances[0], HOPS) == HopAnswer(known=500)
    await made(alive)
    assert await targets(instances[0]) == sorted(HOPS)


async def test_nobody_can_say_what_is_new_while_a_store_is_away(
    instances: list[Instance], fake_consul: FakeConsul, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.0)
    await begun(instances)
    for each in instances:
        each.stores.away = True
    alive = await killed(instances, fake_consul)
    await eventually("they ask", lambda: any(each.stores.asked for each in alive), 10)
    with pytest.raises(Unavailable, match="not known yet"):
        await post(instances[0], HOPS)
    for each in alive:
        each.stores.away = False
    await eventually("all slots are known", lambda: sum(len(each.hops._mine()) for each in alive) == 64, 10)
    assert await post(instances[0], HOPS) == HopAnswer(new=500)


@pytest.mark.parametrize(
    "document",
    [{}, {"v": 1}, {"v": 1, "hops": []}, {"v": 1, "hops": {"demo": ["x"]}}, {"v": 1, "hops": {"demo": 5}}],
)
async def test_a_store_that_answers_nonsense_counts_as_away(
    instance: Instance, document: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(path: str, timeout_s: float = 0) -> list[dict[str, Any]]:
        assert path.startswith(ROUTE)
        return [document]

    monkeypatch.setattr(instance.stores, "ask", ask)
    with pytest.raises(Unavailable, match="does not say"):
        await instance.hops._recovery.recover({0: instance.hops._book()})


async def test_a_chunk_whose_answer_was_lost_counts_and_no_second_one_is_made(
    instance: Instance, fake_consul: FakeConsul, monkeypatch: pytest.MonkeyPatch
) -> None:
    await begun([instance])
    await post(instance, HOPS[:3])
    carried_out = FakeConsul.kv_txn

    async def lost(self: FakeConsul, operations: Any) -> Any:
        await carried_out(self, operations)
        raise Unavailable("the answer was lost")

    monkeypatch.setattr(FakeConsul, "kv_txn", lost)
    await made([instance])
    monkeypatch.undo()
    await post(instance, HOPS[:5])
    await made([instance])
    assert await targets(instance) == HOPS[:5]
    assert sorted(each.targets for each in await chunks(instance)) == [2, 3]


async def test_a_chunk_of_a_former_owner_is_never_accepted(
    instance: Instance, fake_consul: FakeConsul, monkeypatch: pytest.MonkeyPatch
) -> None:
    await begun([instance])
    await post(instance, HOPS)
    slot = Hop.parse(HOPS[0]).slot
    monkeypatch.setattr(
        instance.parts.ownership,
        "check",
        lambda wanted: {"Verb": "check-session", "Key": keys.lock(wanted), "Session": "old" if wanted == slot else ""},
    )
    await made([instance])
    assert await chunks(instance) == []


async def test_hops_of_a_campaign_that_is_gone_wait_no_more(instance: Instance, fake_consul: FakeConsul) -> None:
    await begun([instance])
    await post(instance, HOPS)
    await fake_consul.kv_delete(keys.campaign("demo"))
    await made([instance])
    assert not any(book.campaigns for book in instance.hops._mine().values())


async def test_after_a_day_a_chunk_is_closed_its_hops_are_new_and_later_nothing_is_left_of_it(
    instance: Instance, fake_consul: FakeConsul, monkeypatch: pytest.MonkeyPatch
) -> None:
    await begun([instance])
    await post(instance, HOPS[:3])
    await made([instance])
    (chunk,) = await chunks(instance)
    await instance.desk.lease(Wanted(request=lease_request(), campaign=chunk.id))
    monkeypatch.setattr(hop_chunks, "wall_us", lambda: wall_us() + REMEMBERED_S * 10**6)
    await instance.hops._chunks.end_old(range(64))
    assert await chunks(instance) == []
    assert await instance.hops._chunks.live() == []
    monkeypatch.setattr(hop_chunks, "wall_us", lambda: wall_us() + (REMEMBERED_S + 7200) * 10**6)
    await instance.hops._chunks.end_old([])
    assert await instance.campaigns.editions(chunk.id)
    await instance.hops._chunks.end_old(range(64))
    left = [each.key for each in await fake_consul.kv_list("hoploom/") if chunk.id in each.key]
    assert left == []
    assert await fake_consul.kv_list(keys.target_set(chunk.sets[4].sha256)) == []


async def test_a_closed_chunk_is_forgotten_in_memory_and_takes_what_late_workers_say(instance: Instance) -> None:
    await begun([instance])
    await post(instance, HOPS[:3])
    await made([instance])
    lease = await instance.desk.lease(Wanted(request=lease_request()))
    assert lease is not None and lease.campaign.startswith(keys.CHUNK)
    await instance.campaigns.close(lease.campaign)
    closing = instance.parts.closing
    for _ in range(2):
        closing._forget_at_s = 0.0
        await closing._forget_closed()
        assert lease.campaign not in {each.ref.campaign for each in instance.journal.opened()}
        done = LeaseDone(worker="w1", campaign=lease.campaign, group=lease.group, token=lease.token)
        answer = await instance.desk.said(lease.id, done, relayed=False)
        assert isinstance(answer, dict) and answer["done"] == 3
    assert len(instance.parts.ownership.mine) == 64


async def test_a_mesh_without_outputs_takes_hops_from_its_first_moment(fake_consul: FakeConsul) -> None:
    async with running([fake_consul]) as (alone,):
        alone.stores.away = True
        await begun([alone])
        assert await post(alone, HOPS) == HopAnswer(new=500)
        assert alone.stores.asked == 0


async def test_what_is_known_and_waits_is_counted_once_a_minute(instance: Instance) -> None:
    await begun([instance])
    await post(instance, HOPS[:3])
    await made([instance])
    await post(instance, HOPS[:5])
    instance.hops._tidy_at_s = 0.0
    await instance.hops._tidy()
    counts = {name: metrics.registry.get_sample_value(f"hoploom_input_hops_{name}") for name in ("known", "waiting")}
    assert counts == {"known": 5.0, "waiting": 2.0}


async def test_why_hops_become_no_targets_is_said_and_not_that_a_campaign_is_missing(instance: Instance) -> None:
    campaign = await begun([instance])
    instance.campaigns._max_targets = 1
    made = hop_chunks.HopChunks(instance.campaigns, instance.sets, instance.parts.ownership)
    with pytest.raises(Unprocessable, match="targets are more than 1"):
        await made.make(campaign, parsed(HOPS[:2]))
