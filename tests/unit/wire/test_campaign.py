"""Campaigns and requests for them as they travel."""

import json
from dataclasses import replace
from typing import Any

import pytest

from hoploom.kit.errors import BadRequest, Unprocessable
from hoploom.wire.campaign import Campaign, CampaignRequest, FamilySet
from hoploom.wire.probe import Probe

REQUEST: dict[str, Any] = {"v": 1, "id": "demo", "blocks": ["127.0.0.0/20"]}
CAMPAIGN = Campaign(
    id="demo",
    number=2_000_000_000,
    measurement=2_000_000_001,
    name="a demonstration",
    sets={4: FamilySet(sha256="ab" * 32, size=4096), 6: FamilySet(sha256="cd" * 32, size=1)},
    rate_pps=100,
    allow_private=True,
    contact="",
    probe=Probe(),
    content_sha256="ef" * 32,
    created_at_us=1,
)


def test_a_campaign_travels_unchanged_through_json() -> None:
    assert Campaign.from_json(json.loads(json.dumps(CAMPAIGN.to_json()))) == CAMPAIGN
    assert CAMPAIGN.to_json()["targets"] == 4097


def test_a_request_takes_defaults_and_travels_unchanged() -> None:
    request = CampaignRequest.from_json(REQUEST)
    assert (request.rate_pps, request.probe, request.allow_private) == (None, Probe(), False)
    assert CampaignRequest.from_json(json.loads(json.dumps(request.to_json()))) == request


def test_no_limit_is_not_the_same_as_no_wish() -> None:
    assert CampaignRequest.from_json({**REQUEST, "rate_pps": 0}).rate_pps == 0


@pytest.mark.parametrize(
    ("change", "error", "reason"),
    [
        ({"id": None}, BadRequest, "lacks id"),
        ({"id": "Demo"}, Unprocessable, "id"),
        ({"id": "a" * 64}, Unprocessable, "id"),
        ({"id": "../demo"}, Unprocessable, "id"),
        ({"blocks": "127.0.0.0/8"}, BadRequest, "blocks"),
        ({"blocks": [1]}, BadRequest, "blocks"),
        ({"blocks": ["::1"] * 200_001}, Unprocessable, "200001 entries"),
        ({"allow_private": "yes"}, BadRequest, "allow_private"),
        ({"alow_private": True}, Unprocessable, "alow_private"),
        ({"name": "a\nb"}, Unprocessable, "name"),
        ({"rate_pps": 10**9}, Unprocessable, "rate_pps"),
        ({"max_targets": -1}, Unprocessable, "max_targets"),
        ({"probe": {"count": 0}}, Unprocessable, "count"),
        ({"probe": {"ttl": 3}}, Unprocessable, "ttl"),
        ({"probe": {"timeout_ms": "1"}}, BadRequest, "timeout_ms"),
        ({"v": 9}, Unprocessable, "version"),
    ],
)
def test_a_malformed_request_is_refused_with_a_reason(
    change: dict[str, Any], error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        CampaignRequest.from_json({**REQUEST, **change})


@pytest.mark.parametrize(
    "change",
    [{"number": 1}, {"sets": {"4": 7}}, {"sets": {"4": {"sha256": "x", "size": 1}}}, {"rate_pps": None}],
    ids=["a number below the first", "a set that is no object", "no digest", "no rate"],
)
def test_a_damaged_campaign_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        Campaign.from_json({**CAMPAIGN.to_json(), **change})


def test_slices_and_home_travel_and_the_looker_does_not() -> None:
    sliced = replace(CAMPAIGN, home_dc="dc1", slices={"dc1": 1, "dc2": 3}, here="dc2")
    assert "here" not in sliced.to_json()
    assert Campaign.from_json(json.loads(json.dumps(sliced.to_json()))) == replace(sliced, here="")
    assert not {"home_dc", "slices", "here"} & CAMPAIGN.to_json().keys()
    wanted = CampaignRequest.from_json({**REQUEST, "slices": {"dc2": 3, "dc1": 1}})
    assert CampaignRequest.from_json(json.loads(json.dumps(wanted.to_json()))) == wanted
    # Or every campaign of before would be another's content.
    assert "slices" not in CampaignRequest.from_json(REQUEST).to_json()


def test_a_campaign_of_every_worker_for_itself_says_so_and_others_say_nothing() -> None:
    apart = replace(CAMPAIGN, apart=True)
    assert Campaign.from_json(json.loads(json.dumps(apart.to_json()))) == apart
    assert (apart.group_of("pi", "local"), CAMPAIGN.group_of("pi", "local")) == ("pi", "local")
    assert CampaignRequest.from_json({**REQUEST, "apart": True}).apart
    assert not {"apart"} & {*CAMPAIGN.to_json(), *CampaignRequest.from_json(REQUEST).to_json()}


@pytest.mark.parametrize(
    ("home", "slices", "here", "spans", "shares"),
    [
        ("", {}, "dc2", [(0, 4096), (0, 1)], (100, 0)),
        ("dc1", {}, "dc1", [(0, 4096), (0, 1)], (100, 0)),
        ("dc1", {}, "dc2", [(4096, 4096), (1, 1)], (1, 0)),
        ("dc1", {"dc1": 1, "dc2": 3}, "dc1", [(0, 1024), (0, 0)], (25, 0)),
        ("dc1", {"dc1": 1, "dc2": 3}, "dc2", [(1024, 4096), (0, 1)], (75, 0)),
        ("dc1", {"dc1": 1, "dc2": 3}, "dc3", [(4096, 4096), (1, 1)], (1, 0)),
        ("dc1", {"dc2": 1}, "dc1", [(0, 0), (0, 0)], (1, 0)),
        ("dc1", {"dc1": 1, "dc2": 3}, "", [(0, 4096), (0, 1)], (100, 0)),
    ],
)
def test_a_datacenter_has_its_own_positions_and_its_own_part_of_the_rate(
    home: str, slices: dict[str, int], here: str, spans: list[tuple[int, int]], shares: tuple[int, int]
) -> None:
    campaign = replace(CAMPAIGN, home_dc=home, slices=slices, here=here)
    assert [campaign.span(family) for family in (4, 6)] == spans
    assert campaign.targets_here == sum(stop - start for start, stop in spans)
    assert (campaign.share(100), campaign.share(0)) == shares


def test_hops_are_probed_where_they_were_found_at_that_datacenters_part_of_the_rate() -> None:
    chunk = replace(CAMPAIGN, parent="demo", home_dc="dc2", slices={"dc1": 1, "dc2": 3}, here="dc2")
    assert (chunk.span(4), chunk.share(100), chunk.datacenters) == ((0, 4096), 75, ())
