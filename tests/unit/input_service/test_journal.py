"""Records in the KV store: races between instances, ages of leases, Consul away."""

from collections.abc import Mapping

import pytest

from hoploom.input_service import journal as module
from hoploom.input_service import keys
from hoploom.input_service.group_record import GroupRecord
from hoploom.input_service.journal import Journal
from hoploom.input_service.leases import GRACE_S
from hoploom.kit.errors import Unavailable
from hoploom.kit.fake_consul import FakeConsul
from unit.input_service.instances import Instance, campaign_request, lease_request


def look(record: GroupRecord, ages: Mapping[str, float]) -> tuple[GroupRecord, Mapping[str, float]]:
    return record, ages


async def test_ages_count_from_when_this_instance_first_saw_a_lease(
    instances: list[Instance], monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = [1000.0]
    monkeypatch.setattr(module, "boottime_s", lambda: now_s[0])
    campaign, _ = await instances[0].campaigns.create(campaign_request())
    assert await instances[0].desk.lease(lease_request()) is not None
    now_s[0] += 40
    _, ages = await instances[0].journal.change(campaign, "all", look)
    assert list(ages.values()) == [40]
    _, ages = await instances[1].journal.change(campaign, "all", look)
    assert list(ages.values()) == [0]
    now_s[0] += 10
    await instances[1].journal.groups("demo")
    _, ages = await instances[1].journal.change(campaign, "all", look)
    assert list(ages.values()) == [10]


async def test_a_dead_workers_lease_goes_to_another_worker_in_time(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = [1000.0]
    monkeypatch.setattr(module, "boottime_s", lambda: now_s[0])
    await instance.campaigns.create(campaign_request(blocks=["127.0.0.0/24"]))
    lost = await instance.desk.lease(lease_request("dead"))
    assert lost is not None
    now_s[0] += lost.ttl_s + GRACE_S
    assert await instance.desk.lease(lease_request("alive")) is None
    now_s[0] += 1
    again = await instance.desk.lease(lease_request("alive"))
    assert again is not None and (again.start, again.stop) == (lost.start, lost.stop) and again.id != lost.id


async def test_consul_away_is_an_error_and_never_an_empty_record(
    instance: Instance, fake_consul: FakeConsul
) -> None:
    campaign, _ = await instance.campaigns.create(campaign_request())
    fake_consul.away = True
    with pytest.raises(Unavailable):
        await instance.journal.change(campaign, "all", look)
    with pytest.raises(Unavailable):
        await instance.journal.groups("demo")


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"v":1}', b"\xff"])
async def test_a_damaged_record_is_never_taken_for_an_empty_one(
    instance: Instance, fake_consul: FakeConsul, content: bytes
) -> None:
    campaign, _ = await instance.campaigns.create(campaign_request())
    await fake_consul.kv_put(keys.group("demo", 0, "all"), content)
    with pytest.raises(Unavailable, match="damaged"):
        await instance.journal.change(campaign, "all", look)


async def test_a_record_that_others_change_all_the_time_is_given_up(instance: Instance) -> None:
    class Rival(FakeConsul):
        async def kv_put(self, key: str, value: bytes, *, cas: int | None = None) -> bool:
            return False

    campaign, _ = await instance.campaigns.create(campaign_request())
    with pytest.raises(Unavailable, match="too many"):
        await Journal(Rival()).change(campaign, "all", lambda record, _: (GroupRecord(**vars(record)), None))
