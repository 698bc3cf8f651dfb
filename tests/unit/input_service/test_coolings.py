"""What rests beside the records: read anew after a slot was another's, from the records that it counts over alone."""

from dataclasses import replace
from typing import Any

import pytest

from hoploom.input_service import keys
from hoploom.input_service.coolings import Coolings
from hoploom.input_service.journal import Journal
from hoploom.input_service.shard_record import ShardRecord, ShardRef
from hoploom.input_service.shards import slot_of
from hoploom.kit.fake_consul import FakeConsul
from hoploom.wire.campaign import Campaign
from unit.input_service.instances import Instance, campaign_request

REF = ShardRef(campaign="demo", edition=1, group="all", round=0, family=4, shard=0)


async def campaign(instance: Instance, **wishes: Any) -> Campaign:
    found, _ = await instance.campaigns.create(campaign_request(blocks=["127.0.0.0/24"], **wishes))
    return found


@pytest.mark.parametrize("scope", ["group", "mesh"])
async def test_what_another_owner_wrote_meanwhile_rests_though_no_record_was_in_memory(
    instance: Instance, fake_consul: FakeConsul, scope: str
) -> None:
    found = await campaign(instance, cooldown_minutes=5, cooldown_scope=scope)
    coolings = Coolings(fake_consul)
    journal = Journal(fake_consul, instance.parts.ownership, coolings)
    assert await coolings.open(found, REF, capped=False) and coolings.blocked(REF) == []
    await journal.close_slot(slot_of("demo", 4, 0))
    group = keys.MESH if scope == "mesh" else "all"
    rests = b'{"v":1,"cooling":[[0,99,60000]]}'
    await fake_consul.kv_put(f"{keys.COOLING}demo/1/{group}/0/4-0", rests)
    assert await coolings.open(found, REF, capped=False)
    assert coolings.blocked(REF) == [(0, 99)]


@pytest.mark.parametrize(
    ("scope", "other"),
    [
        ("group", replace(REF, group="another")),
        ("group", replace(REF, shard=1)),
        ("mesh", replace(REF, shard=1)),
    ],
    ids=["another group's", "another shard's", "another shard's over the mesh"],
)
async def test_records_that_it_does_not_count_over_are_not_read(
    instance: Instance, fake_consul: FakeConsul, scope: str, other: ShardRef
) -> None:
    found = await campaign(instance, cooldown_minutes=5, cooldown_scope=scope)
    await fake_consul.kv_put(keys.shard(other), b"damaged")
    assert await Coolings(fake_consul).open(found, REF, capped=False)


@pytest.mark.parametrize(("cooldown_minutes", "left"), [(0, []), (5, ["0"])])
async def test_with_a_round_goes_what_rested_in_it_unless_it_rests_over_rounds(
    instance: Instance, fake_consul: FakeConsul, cooldown_minutes: int, left: list[str]
) -> None:
    found = await campaign(instance, cooldown_minutes=cooldown_minutes, rounds=0, network_pps=5)
    await fake_consul.kv_put(keys.shard(REF), ShardRecord.empty(REF, 0, 256).to_bytes())
    await fake_consul.kv_put(f"{keys.COOLING}demo/1/all/0/4-0", b'{"v":1,"cooling":[]}')
    await instance.parts.rounds.forget(found, "all", 0)
    assert await fake_consul.kv_list(keys.GROUPS) == []
    assert [entry.key.split("/")[5] for entry in await fake_consul.kv_list(keys.COOLING)] == left
