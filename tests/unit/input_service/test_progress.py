"""Progress is summed over the stored records, and what is remembered of it has a bound."""

from dataclasses import replace

import pytest

from hoploom.input_service import keys, progress
from hoploom.input_service.shard_record import ShardRecord, ShardRef
from unit.input_service.instances import Instance, campaign_request

REF = ShardRef(campaign="demo", edition=1, group="all", round=0, family=4, shard=0)


async def test_the_paces_of_groups_that_nobody_looks_at_any_more_are_forgotten(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "PACES", 64)
    campaign, _ = await instance.campaigns.create(campaign_request())
    consul = instance.mesh.consul
    await consul.kv_put(keys.shard(REF), ShardRecord.empty(REF, 0, 4096).to_bytes())
    for edition in range(1, progress.PACES + 10):
        await instance.progress.groups(replace(campaign, edition=edition))
        await consul.kv_put(keys.rounds("demo", edition + 1) + "all", b'{"v":1,"round":0,"finished":{"4":"0","6":"0"},'
                            b'"ended":false,"began_at_us":0,"ended_at_us":0}')
    assert len(instance.progress._paces) == progress.PACES
