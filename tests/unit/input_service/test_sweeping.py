"""Groups that nobody asks for are forgotten by the leader, whoever leads; a worker that comes back keeps its group."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest

from hoploom.input_service import activity, keys
from hoploom.input_service import sweeping as sweeping_module
from hoploom.input_service.expiry import DAY_S
from hoploom.input_service.sweeping import ROLE, Sweeping
from hoploom.input_service.work import Wanted
from hoploom.kit import Term
from hoploom.kit.consul_api import KvEntry
from hoploom.kit.errors import Unavailable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.term import TermEnded
from hoploom.wire.lease import LeaseDone
from unit.input_service.instances import Instance, campaign_request, lease_request
from waiting import eventually

MONTH_S = 30 * DAY_S


@pytest.fixture
async def term(instance: Instance) -> AsyncIterator[Term]:
    """The only instance leads."""
    async with instance.mesh.leading(ROLE) as found:
        yield found


async def worked(instance: Instance, group: str, worker: str = "w1") -> None:
    """A lease of a group, done."""
    lease = await instance.desk.lease(Wanted(request=lease_request(worker, group=group)))
    assert lease is not None
    await instance.desk.said(lease.id, LeaseDone(worker=worker, campaign="demo", group=group), relayed=False)


async def kept(consul: FakeConsul) -> set[str]:
    """Groups of which any key is stored."""
    entries = [entry for prefix in keys.OF_A_GROUP for entry in await consul.kv_list(prefix)]
    return {entry.key.split("/")[4] for entry in entries}


def expired() -> float:
    """The counter of groups that were forgotten."""
    return float(sweeping_module._EXPIRED._value.get())


async def begun(instance: Instance, *groups: str) -> Sweeping:
    await instance.campaigns.create(campaign_request(blocks=["127.0.0.0/20"]))
    for group in groups:
        await worked(instance, group)
    return Sweeping(instance.mesh.consul, MONTH_S)


async def test_a_silent_group_is_forgotten_and_one_that_works_is_not(
    instance: Instance, term: Term, fake_consul: FakeConsul, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    before = expired()
    sweeping = await begun(instance, "gone", "busy")
    await sweeping.look(term, 0.0)
    await worked(instance, "busy")
    await sweeping.look(term, MONTH_S - 1)
    assert await kept(fake_consul) == {"gone", "busy"}
    await sweeping.look(term, 1.0)
    assert await kept(fake_consul) == {"busy"}
    assert "group gone of demo is forgotten: nobody asked for 30.0 days" in caplog.text
    assert expired() == before + 1


async def test_a_next_leader_goes_on_where_the_one_before_was(
    instance: Instance, term: Term, fake_consul: FakeConsul
) -> None:
    sweeping = await begun(instance, "gone")
    await sweeping.look(term, 0.0)
    await sweeping.look(term, MONTH_S - 1)
    later = Sweeping(instance.mesh.consul, MONTH_S)
    await later.look(term, 0.0)
    assert await kept(fake_consul) == {"gone"}
    await later.look(term, 1.0)
    assert await kept(fake_consul) == set()


async def test_a_group_that_only_asks_is_kept(instance: Instance, term: Term, fake_consul: FakeConsul) -> None:
    sweeping = await begun(instance, "done", "gone")
    await instance.parts.activity.write()
    await sweeping.look(term, 0.0)
    await instance.parts.overlay.change(lambda before: before.with_pause("demo", paused=True))
    assert await instance.desk.lease(Wanted(request=lease_request(group="done"))) is None
    instance.parts.activity._written_s.clear()
    await instance.parts.activity.write()
    await sweeping.look(term, MONTH_S)
    await sweeping.look(term, MONTH_S - 1)
    assert await kept(fake_consul) == {"done"}


class Returning(FakeConsul):
    """A worker of the group asks in the very moment in which the group is removed."""

    instance: Instance | None = None

    async def kv_txn(self, operations: Sequence[Mapping[str, Any]]) -> tuple[KvEntry, ...] | None:
        removal = any(each["Verb"] == "delete" and each["Key"].startswith(keys.GROUPS) for each in operations)
        if removal and self.instance is not None:
            instance, self.instance = self.instance, None
            await worked(instance, "back", "w2")
        return await super().kv_txn(operations)


@pytest.fixture
def fake_consul() -> FakeConsul:
    """The fake as a worker that comes back sees it."""
    return Returning()


async def test_a_worker_that_returns_at_the_very_moment_keeps_its_group(
    instance: Instance, term: Term, fake_consul: Returning, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    sweeping = await begun(instance, "back")
    await sweeping.look(term, 0.0)
    fake_consul.instance = instance
    await sweeping.look(term, MONTH_S)
    assert await kept(fake_consul) == {"back"} and "group back of demo stays" in caplog.text
    (record,) = await instance.journal.stored(keys.GROUPS)
    assert record.done_count > 0
    await sweeping.look(term, MONTH_S - 1)
    assert await kept(fake_consul) == {"back"}


async def test_a_forgotten_group_begins_anew_at_an_instance_that_knew_it(
    instance: Instance, term: Term, fake_consul: FakeConsul
) -> None:
    sweeping = await begun(instance, "gone")
    await instance.parts.activity.write()
    # An hour in which it did not ask: it is in no memory any more.
    await instance.parts.activity.write()
    assert not instance.journal.opened() and not instance.parts.rounds.groups()
    await sweeping.look(term, 0.0)
    await sweeping.look(term, MONTH_S)
    assert await kept(fake_consul) == set()
    lease = await instance.desk.lease(Wanted(request=lease_request(group="gone")))
    assert lease is not None and (lease.round, lease.start) == (0, 0)


async def test_who_holds_a_lease_stays_in_memory(instance: Instance) -> None:
    await begun(instance)
    await instance.desk.lease(Wanted(request=lease_request(group="slow")))
    for _ in range(2):
        await instance.parts.activity.write()
    assert [each.ref.group for each in instance.journal.opened()] == ["slow"]


async def test_a_round_that_waits_for_its_audit_stays_in_memory(instance: Instance) -> None:
    instance.audit.away = True
    await instance.campaigns.create(campaign_request(blocks=["127.0.0.0/24"]))
    await worked(instance, "quick")
    for _ in range(2):
        await instance.parts.activity.write()
    assert [each.complete for each in instance.journal.opened()] == [True]
    instance.audit.away = False
    await eventually("the round ends", lambda: instance.parts.rounds.finished(instance.journal.opened()[0].ref))
    await instance.parts.activity.write()
    assert not instance.journal.opened()


async def test_who_asks_is_written_down_once_in_three_days(
    instance: Instance, fake_consul: FakeConsul, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = [0.0]
    monkeypatch.setattr(activity, "boottime_s", lambda: now_s[0])
    campaign, _ = await instance.campaigns.create(campaign_request())
    seen = []
    for now_s[0] in (0.0, 2 * DAY_S, 3 * DAY_S):
        instance.parts.activity.note(campaign, "one")
        await instance.parts.activity.write()
        entry = await fake_consul.kv_get(keys.asked("demo", 1, "one"))
        assert entry is not None
        seen.append(entry.modify_index)
    assert seen[0] == seen[1] < seen[2]


async def test_what_could_not_be_written_is_written_next_time(instance: Instance, fake_consul: FakeConsul) -> None:
    campaign, _ = await instance.campaigns.create(campaign_request())
    instance.parts.activity.note(campaign, "one")
    fake_consul.away = True
    with pytest.raises(Unavailable):
        await instance.parts.activity.write()
    fake_consul.away = False
    await instance.parts.activity.write()
    assert await fake_consul.kv_get(keys.asked("demo", 1, "one"))


async def test_a_former_leader_removes_nothing(instance: Instance, term: Term, fake_consul: FakeConsul) -> None:
    sweeping = await begun(instance, "gone")
    await sweeping.look(term, 0.0)
    fake_consul.end_session(instance.mesh.session.id)
    with pytest.raises(TermEnded):
        await sweeping.look(term, MONTH_S)
    assert await kept(fake_consul) == {"gone"}


async def test_it_looks_in_every_term(instance: Instance, term: Term, fake_consul: FakeConsul) -> None:
    sweeping = await begun(instance, "one")
    task = asyncio.get_running_loop().create_task(sweeping.run(term))
    try:
        await eventually("the groups are looked at", lambda: fake_consul.kv_get(keys.silence("demo", 1)))
    finally:
        task.cancel()


async def test_nothing_expires_where_that_is_switched_off(instance: Instance, term: Term) -> None:
    await Sweeping(instance.mesh.consul, 0.0).run(term)
