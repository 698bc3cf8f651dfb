"""Creating campaigns: nothing of the client is trusted, the same request makes one campaign."""

import asyncio
import json
from dataclasses import replace

import pytest

from hoploom.input_service import campaigns as module
from hoploom.input_service import keys
from hoploom.kit.errors import BadRequest, Forbidden, NotFound, Unavailable, Unprocessable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.wire.campaign import FIRST_NUMBER
from hoploom.wire.overlay_record import KEY as OVERLAY
from hoploom.wire.probe import Probe
from unit.input_service.instances import BusyConsul, Instance, campaign_request


async def test_the_plan_is_computed_here_and_its_sets_are_stored(instance: Instance) -> None:
    campaign, new = await instance.campaigns.create(
        campaign_request(blocks=["127.0.0.0/20", "127.0.8.0/21", "::1"], excludes=("127.0.0.0/24",))
    )
    assert new and campaign.targets == 4096 - 256 + 1 and campaign.rate_pps == 0 and campaign.name == "demo"
    assert (campaign.number, campaign.measurement) == (FIRST_NUMBER, FIRST_NUMBER + 1)
    for family, each in campaign.sets.items():
        addresses = await instance.sets.addresses(each.sha256)
        assert (addresses.family, addresses.n) == (family, each.size)


async def test_the_same_request_again_makes_no_second_campaign(instances: list[Instance]) -> None:
    first, _ = await instances[0].campaigns.create(campaign_request())
    again, new = await instances[1].campaigns.create(campaign_request())
    assert again == first and not new
    assert await instances[2].campaigns.all() == [first]


async def test_a_campaign_has_its_networks_and_their_names_make_no_other_campaign(instance: Instance) -> None:
    request = campaign_request(blocks=["127.0.0.0/24", "127.0.2.0/24"], sources=(("one", 1), ("two", 1)))
    campaign, _ = await instance.campaigns.create(request)
    document = json.loads(await instance.sets.document(campaign.networks))
    assert document["networks"] == {"one": ["127.0.0.0/24"], "two": ["127.0.2.0/24"]}
    again, new = await instance.campaigns.create(replace(request, sources=()))
    assert again == campaign and not new


@pytest.mark.parametrize("seed", range(4))
async def test_the_same_request_at_three_instances_at_once_makes_one_campaign(seed: int) -> None:
    consul = BusyConsul(seed)
    instances = [Instance.over(consul, {}) for _ in range(3)]
    made = await asyncio.gather(*(each.campaigns.create(campaign_request()) for each in instances))
    assert len({campaign.number for campaign, _ in made}) == 1
    assert sorted(new for _, new in made) == [False, False, True]


async def test_every_kind_of_probe_has_a_measurement_of_its_own(instance: Instance) -> None:
    pings, _ = await instance.campaigns.create(campaign_request())
    trace = Probe(kind="trace", max_ttl=20)
    traces, new = await instance.campaigns.create(campaign_request(probe=trace, revise="restart"))
    assert new and (traces.edition, traces.probe) == (2, trace)
    assert len({pings.number, pings.measurement, traces.number, traces.measurement}) == 4
    with pytest.raises(Unprocessable, match="another campaign"):
        await instance.campaigns.create(campaign_request())


async def test_other_content_under_a_known_id_is_refused(instances: list[Instance]) -> None:
    await instances[0].campaigns.create(campaign_request())
    with pytest.raises(Unprocessable, match="another campaign"):
        await instances[1].campaigns.create(campaign_request(blocks=["127.0.0.0/21"]))


@pytest.mark.parametrize(
    ("wishes", "error", "reason"),
    [
        ({"blocks": ["127.0.0.1/8"]}, Unprocessable, "host bits"),
        ({"blocks": ["nonsense"]}, Unprocessable, "not an IP address"),
        ({"blocks": []}, Unprocessable, "no block"),
        ({"blocks": ["224.0.0.0/4"]}, Unprocessable, "nobody may probe"),
        ({"blocks": ["127.0.0.0/24"], "excludes": ("127.0.0.0/8",)}, Unprocessable, "exclusions cover"),
        ({"allow_private": False}, Forbidden, "key"),
        ({"blocks": ["10.0.0.0/24"], "allow_private": False}, Forbidden, "key"),
        ({"blocks": ["8.8.8.0/24"]}, Unprocessable, "contact"),
        ({"blocks": ["10.0.0.0/24"], "rate_pps": 0}, Unprocessable, "limit"),
        ({"blocks": ["::/0"], "contact": "noc@example.org"}, Unprocessable, "targets"),
        ({"blocks": ["127.0.0.0/20"], "max_targets": 4095}, Unprocessable, "4,096 targets"),
        ({"blocks": ["127.0.0.0/8"]}, Unprocessable, "16,777,216 targets"),
        ({"per_prefix": "24:0"}, Unprocessable, "per-prefix"),
        ({"rate_pps": 2, "slices": {"dc1": 1, "dc2": 2, "dc3": 2}}, Unprocessable, "none for dc1"),
        ({"network_pps": 1, "slices": {"dc1": 1, "dc2": 1}}, Unprocessable, "cap to a network"),
        ({"per_prefix": "x"}, Unprocessable, "per-prefix"),
    ],
)
async def test_what_may_not_or_cannot_be_probed_is_refused_and_leaves_nothing(
    instance: Instance, fake_consul: FakeConsul, wishes: dict[str, object], error: type[BadRequest], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        await instance.campaigns.create(campaign_request(**wishes))  # type: ignore[arg-type]
    kept = [entry.key for entry in await fake_consul.kv_list("hoploom/")]
    assert [each for each in kept if not each.startswith((keys.SHARDS, OVERLAY))] == []


async def test_the_instances_own_cap_holds_whatever_the_request_says(fake_consul: FakeConsul) -> None:
    instance = Instance.over(fake_consul, {})
    instance.campaigns._max_targets = 100
    with pytest.raises(Unprocessable, match="256 targets"):
        await instance.campaigns.create(campaign_request(blocks=["127.0.0.0/24"], max_targets=10**6))


@pytest.mark.parametrize(
    ("blocks", "rate_pps"), [(["127.0.0.0/24"], 0), (["127.0.0.0/24", "10.0.0.0/24"], 1000), (["8.8.8.0/24"], 100)]
)
async def test_the_rate_follows_the_politest_space(instance: Instance, blocks: list[str], rate_pps: int) -> None:
    campaign, _ = await instance.campaigns.create(campaign_request(blocks=blocks, contact="noc@example.org"))
    assert campaign.rate_pps == rate_pps


async def test_a_list_is_read_anew_after_half_a_second_and_at_once_after_creating(
    instances: list[Instance], monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = [1000.0]
    monkeypatch.setattr(module, "boottime_s", lambda: now_s[0])
    assert await instances[1].campaigns.all() == []
    await instances[0].campaigns.create(campaign_request())
    assert len(await instances[0].campaigns.all()) == 1
    assert await instances[1].campaigns.all() == []
    now_s[0] += module.FRESH_S + 0.1
    assert len(await instances[1].campaigns.all()) == 1


async def test_campaigns_stand_in_the_order_of_their_creation(instance: Instance) -> None:
    for name in ("zebra", "ant", "mouse"):
        await instance.campaigns.create(campaign_request(name))
    assert [each.id for each in await instance.campaigns.all()] == ["zebra", "ant", "mouse"]


@pytest.mark.parametrize("campaign_id", ["none", "", "../ids/next", "a/b", "A"])
async def test_an_unknown_campaign_is_not_found(instance: Instance, campaign_id: str) -> None:
    with pytest.raises(NotFound):
        await instance.campaigns.get(campaign_id)


async def test_consul_away_or_a_damaged_campaign_is_an_error_and_never_an_empty_list(
    instance: Instance, fake_consul: FakeConsul
) -> None:
    fake_consul.away = True
    with pytest.raises(Unavailable):
        await instance.campaigns.all()
    fake_consul.away = False
    await fake_consul.kv_put(keys.campaign("demo"), b"{}")
    with pytest.raises(Unavailable, match="damaged"):
        await instance.campaigns.all()


async def test_the_editions_that_are_remembered_have_a_bound(instance: Instance) -> None:
    campaign, _ = await instance.campaigns.create(campaign_request())
    for number in range(1, module.EDITIONS + 10):
        value = json.dumps(replace(campaign, edition=number).to_json()).encode()
        await instance.mesh.consul.kv_put(keys.edition("demo", number), value)
        assert (await instance.campaigns.edition("demo", number)).edition == number
    assert len(instance.campaigns._editions) == module.EDITIONS
