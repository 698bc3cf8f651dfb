"""How changes are cut into transactions: never more than Consul takes, a slot's one after another."""

import asyncio
from dataclasses import replace

import pytest

from hoploom.input_service.changes import MAX_BYTES, MAX_RECORDS, Change, Job, Open, chains
from hoploom.input_service.shard_record import ShardRecord, ShardRef
from hoploom.kit.errors import Conflict

REF = ShardRef(campaign="demo", edition=1, group="all", round=0, family=4, shard=0)
EMPTY = ShardRecord.empty(REF, 0, 100)


def changes(*slots: int, pad: int = 0) -> list[Change]:
    found = []
    for number, slot in enumerate(slots):
        record = replace(EMPTY, ref=replace(REF, shard=number))
        after = replace(record, reissued=1, acknowledged=("0" * 16,) * (pad // 20))
        found.append(Change(slot, Open(slot, record, 0), after))
    return found


@pytest.mark.parametrize(
    ("slots", "shape"),
    [
        ([], []),
        ([1], [[1]]),
        ([1, 2, 3], [[3]]),
        ([1] * MAX_RECORDS + [2], [[MAX_RECORDS], [1]]),
        ([1] * (MAX_RECORDS + 1), [[MAX_RECORDS, 1]]),
        ([1, 2] * MAX_RECORDS, [[MAX_RECORDS], [MAX_RECORDS]]),
        ([1] * 90 + [2, 3], [[40, 40, 10], [2]]),
    ],
)
def test_transactions_of_one_slot_follow_each_other_and_others_go_at_the_same_time(
    slots: list[int], shape: list[list[int]]
) -> None:
    found = chains(changes(*slots))
    assert [[len(group) for group in chain] for chain in found] == shape
    assert sum(len(group) for chain in found for group in chain) == len(slots)


def test_a_transaction_is_no_larger_than_consul_takes() -> None:
    large = changes(*range(10), pad=MAX_BYTES // 3)
    assert max(sum(len(each.value) for each in group) for chain in chains(large) for group in chain) <= MAX_BYTES


async def test_a_refused_step_leaves_the_others_alone_and_is_told_when_all_is_durable() -> None:
    def refuse(record: ShardRecord, _: object) -> tuple[ShardRecord, int]:
        raise Conflict("no")

    def count(record: ShardRecord, _: object) -> tuple[ShardRecord, int]:
        after = replace(record, reissued=record.reissued + 1)
        return after, after.reissued

    change, loop = Change(1, Open(1, EMPTY, 0), EMPTY), asyncio.get_running_loop()
    jobs = [Job(1, EMPTY, step, loop.create_future()) for step in (count, refuse, count)]
    for job in jobs:
        change.apply(job, 0.0)
    assert change.known.record is EMPTY and not any(job.answer.done() for job in jobs)
    change.succeed()
    assert [job.answer.result() for job in (jobs[0], jobs[2])] == [1, 2]
    with pytest.raises(Conflict):
        jobs[1].answer.result()
