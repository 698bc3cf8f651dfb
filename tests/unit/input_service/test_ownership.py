"""Who owns a slot, whatever its lock says; what an owner says of one that it has lost: got back, or lost unawares."""

import asyncio
from typing import Any

import pytest

from hoploom.input_service import keys, leases
from hoploom.input_service.leases import Ages, Ask
from hoploom.input_service.shard_record import ShardRecord
from hoploom.input_service.shards import SLOTS, shard_at, slot_of
from hoploom.input_service.work import Limits, Wanted, Work
from hoploom.kit.consul_api import KvEntry
from hoploom.kit.errors import Unavailable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.wire.lease import LeaseDone
from hoploom.wire.probe import Probe
from locks import lock
from unit.input_service.instances import Instance, all_settled, campaign_request, lease_request, running
from waiting import eventually

OWNERSHIP = 3
"""Place of the ownership's loop among the tasks of an instance."""

ASK = Ask(request_id="r2", worker="w2", rate_pps=0, probe=Probe(), nonce="ab" * 8, token="0.1")


async def test_who_gets_a_slot_back_reads_again_what_others_have_written_meanwhile(fake_consul: FakeConsul) -> None:
    async with running([fake_consul]) as [instance]:
        await instance.campaigns.create(campaign_request())
        assert await instance.desk.lease(Wanted(request=lease_request("w1"), limit=256))
        fake_consul.end_session(instance.mesh.session.id)
        await eventually("all slots are lost", lambda: not instance.parts.ownership.mine)
        # Another owner gives a lease, and is gone again.
        [entry] = await fake_consul.kv_list(keys.GROUPS)
        record, held = leases.grant(ShardRecord.from_bytes(entry.value), ASK, Ages())
        assert held is not None
        await fake_consul.kv_put(entry.key, record.to_bytes())
        await all_settled([instance])
        done = LeaseDone(worker="w2", campaign="demo", group="all")
        answer = await instance.desk.said(str(record.lease_id(held)), done, relayed=False)
        assert isinstance(answer, dict)
        assert answer["done"] == held.stop - held.start


async def test_who_has_lost_a_slot_unawares_refuses_nobody(fake_consul: FakeConsul) -> None:
    async with running([fake_consul] * 2) as (old, new):
        campaign, _ = await old.campaigns.create(campaign_request(blocks=["127.0.0.0/14"]))
        first = await old.desk.lease(Wanted(request=lease_request("w1"), limit=256), relayed=True)
        assert first is not None
        shard = 4, shard_at(campaign.targets, first.start)
        # It hears nothing any more, and believes in its session until a renewal is refused.
        old.tasks[OWNERSHIP].cancel()
        fake_consul.set_check(old.mesh.id, "ready", "critical")
        fake_consul.end_session(old.mesh.session.id)
        await eventually("a successor", lambda: slot_of(campaign.id, *shard) in new.parts.ownership.mine)
        work = Work(campaign, 0, [shard], Limits())
        lease = await new.parts.serving.grant(Wanted(request=lease_request("w2")), [work])
        assert lease is not None
        done = LeaseDone(worker="w2", campaign="demo", group="all", token=lease.token)
        with pytest.raises(Unavailable):
            await old.desk.said(lease.id, done, relayed=True)


class LateConsul(FakeConsul):
    """Its answers to writes come after the watches have told of them."""

    async def kv_txn(self, operations: Any) -> tuple[KvEntry, ...] | None:
        done = await super().kv_txn(operations)
        await asyncio.sleep(0.05)
        return done


async def test_slots_that_nobody_owned_before_are_fresh_though_the_watch_is_faster_than_the_answer() -> None:
    async with running([LateConsul()]) as [instance]:
        terms = [instance.parts.ownership.term(slot) for slot in range(SLOTS)]
    assert all(term is not None and term.fresh for term in terms)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"5",
        b'{"v":1,"instance":"another"}',
        b'{"v":1,"instance":"another","at_us":"soon"}',
        b'{"v":1,"instance":"another","at_us":null}',
        b'{"v":1,"instance":"another","at_us":Infinity}',
        b'{"v":1,"instance":["another"],"url":{},"at_us":[]}',
    ],
)
async def test_a_strange_value_of_one_lock_costs_that_slot_alone(fake_consul: FakeConsul, value: bytes) -> None:
    session = await fake_consul.session_create({"TTL": "10s"})
    await lock(fake_consul, keys.lock(3), value, session)
    found = Instance.over(fake_consul, {})
    try:
        await found.start()
        await eventually("the others are owned", lambda: len(found.parts.ownership.mine) == SLOTS - 1)
        assert not any(task.done() for task in found.tasks)
    finally:
        await found.kill()


