"""Who owns which slot: whatever a lock's value says, and whoever looks at the locks while one is taken."""

import asyncio
from typing import Any

import pytest

from hoploom.input_service import keys
from hoploom.input_service.shards import SLOTS
from hoploom.kit.consul_api import KvEntry
from hoploom.kit.fake_consul import FakeConsul
from locks import lock
from unit.input_service.instances import Instance, running
from waiting import eventually


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


