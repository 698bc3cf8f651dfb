"""A campaign that is stopped: nothing of it is handed out anywhere, for good, and workers hear of it at once."""

import asyncio
import json

import pytest

from hoploom.input_service import campaigns as campaigns_module
from hoploom.input_service import keys, stopping
from hoploom.input_service.stopping import Stopping
from hoploom.input_service.work import Wanted
from hoploom.kit.errors import NotFound, Unprocessable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.wire.overlay import OverlayDocument
from unit.input_service.instances import BusyConsul, Instance, campaign_request, lease_request, running
from waiting import eventually


def stopping_at(instance: Instance) -> Stopping:
    return Stopping(instance.campaigns, instance.parts.overlay)


async def stopped_in_overlay(instance: Instance, *names: str) -> None:
    def told() -> bool:
        known = instance.parts.overlay.current
        return known is not None and known.stopped_campaigns == names

    await eventually(f"the overlay names {names}", told)


async def work(instance: Instance, campaign: str = "") -> str:
    lease = await instance.desk.lease(Wanted(request=lease_request(), campaign=campaign))
    return lease.campaign if lease else ""


async def test_all_instances_hand_out_nothing_of_it_and_all_workers_are_told(instances: list[Instance]) -> None:
    for name in ("demo", "other"):
        await instances[0].campaigns.create(campaign_request(name))
    made, new = await stopping_at(instances[1]).stop("demo", "anna")
    assert new and made.stopped_by == "anna" and made.stopped_us
    for each in instances:
        await stopped_in_overlay(each, "demo")
        assert (await work(each), await work(each, "demo")) == ("other", "")


async def test_the_record_alone_holds_when_the_overlay_names_it_no_more(instances: list[Instance]) -> None:
    await instances[0].campaigns.create(campaign_request())
    await stopping_at(instances[0]).stop("demo", "anna")
    await instances[0].parts.overlay.change(lambda before: before.with_stop("demo", stopped=False))
    for each in instances:
        await stopped_in_overlay(each)
        each.campaigns._read_at_s = float("-inf")
        assert await work(each) == ""


async def test_hops_stop_with_the_campaign_that_they_were_found_by(instance: Instance) -> None:
    await instance.campaigns.create(campaign_request())
    await instance.campaigns.create(campaign_request("hops-1"), parent="demo")
    with pytest.raises(Unprocessable, match="of hops of demo: stop that"):
        await stopping_at(instance).stop("hops-1", "anna")
    await stopping_at(instance).stop("demo", "anna")
    await instance.parts.overlay.change(lambda before: before.with_stop("demo", stopped=False))
    assert await work(instance) == ""


async def test_a_group_says_that_its_round_was_stopped_and_one_that_had_finished_does_not(instance: Instance) -> None:
    await instance.campaigns.create(campaign_request())
    lease = await instance.desk.lease(Wanted(request=lease_request(), limit=16))
    assert lease is not None
    campaign, _ = await stopping_at(instance).stop("demo", "anna")
    found = (await instance.progress.groups(campaign))["all"]
    assert (found["stopped"], found["finished"], found["handed_out"], found["seconds_left"]) == (True, False, 16, None)


async def test_a_second_stop_changes_nothing_and_ends_what_the_first_has_left_undone(instance: Instance) -> None:
    await instance.campaigns.create(campaign_request())
    first, _ = await instance.campaigns.stop("demo", "anna")
    again, new = await stopping_at(instance).stop("demo", "bob")
    assert (again, new) == (first, False)
    await stopped_in_overlay(instance, "demo")


async def test_an_unknown_campaign_or_anothers_is_refused(instance: Instance, fake_consul: FakeConsul) -> None:
    for name in ("none", "", "../ids/next"):
        with pytest.raises(NotFound):
            await stopping_at(instance).stop(name, "anna")
    made, _ = await instance.campaigns.create(campaign_request())
    foreign = {**made.to_json(), "home_dc": "dc9"}
    await fake_consul.kv_put(keys.campaign("demo"), json.dumps(foreign).encode())
    with pytest.raises(Unprocessable, match="belongs to datacenter dc9: stop it there, or pause it here"):
        await stopping_at(instance).stop("demo", "anna")


async def test_it_begins_anew_when_somebody_asks_for_that_and_only_then(instance: Instance) -> None:
    await instance.campaigns.create(campaign_request())
    await stopping_at(instance).stop("demo", "anna")
    same, new = await instance.campaigns.create(campaign_request())
    assert same.stopped_us and not new
    anew, new = await instance.campaigns.create(campaign_request(revise="restart"))
    assert new and (anew.edition, anew.stopped_us, anew.stopped_by) == (2, 0, "")
    await stopping_at(instance).settle(anew)
    await stopped_in_overlay(instance)
    assert await work(instance) == "demo"
    assert await instance.campaigns.create(campaign_request(revise="restart")) == (anew, False)


async def test_the_overlay_forgets_stops_of_days_ago(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    now_us = [1_000_000]
    for module in (campaigns_module, stopping):
        monkeypatch.setattr(module, "wall_us", lambda: now_us[0])
    for name in ("old", "new"):
        await instance.campaigns.create(campaign_request(name))
    await stopping_at(instance).stop("old", "anna")
    now_us[0] += stopping.TOLD_US
    await stopping_at(instance).stop("new", "anna")
    await stopped_in_overlay(instance, "new")
    assert await work(instance) == ""


@pytest.mark.parametrize("seed", range(2))
async def test_two_stops_and_a_pause_at_once_lose_none(seed: int) -> None:
    consul = BusyConsul(seed)
    async with running([consul] * 3) as instances:
        for name in ("a", "b"):
            await instances[0].campaigns.create(campaign_request(name))
        await asyncio.gather(
            stopping_at(instances[0]).stop("a", "anna"),
            stopping_at(instances[1]).stop("b", "bob"),
            instances[2].parts.overlay.change(lambda before: before.with_pause("", paused=True)),
        )

        await stopped_in_overlay(instances[2], "a", "b")
        whole = OverlayDocument(version=3, paused=True, stopped_campaigns=("a", "b"))
        assert instances[2].parts.overlay.current == whole
