"""Campaigns as they travel, and what of them is a datacenter's."""

import json
from dataclasses import replace
from typing import Any

import pytest

from hoploom.kit.errors import BadRequest
from hoploom.wire.campaign import Campaign, FamilySet
from hoploom.wire.probe import Probe

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


def test_a_stop_travels_and_a_campaign_that_goes_on_says_nothing_of_it() -> None:
    stopped = replace(CAMPAIGN, stopped_us=5, stopped_by="\u05d0\u05d1 anna")
    assert Campaign.from_json(json.loads(json.dumps(stopped.to_json()))) == stopped
    assert not {"stopped_us", "stopped_by"} & CAMPAIGN.to_json().keys()


def test_networks_travel_and_a_campaign_without_says_nothing_of_them() -> None:
    named = replace(CAMPAIGN, networks="12" * 32)
    assert Campaign.from_json(json.loads(json.dumps(named.to_json()))) == named
    assert "networks" not in CAMPAIGN.to_json()
    with pytest.raises(BadRequest):
        Campaign.from_json({**CAMPAIGN.to_json(), "networks": "amazon"})


def test_a_campaign_of_every_worker_for_itself_says_so_and_others_say_nothing() -> None:
    apart = replace(CAMPAIGN, apart=True)
    assert Campaign.from_json(json.loads(json.dumps(apart.to_json()))) == apart
    assert (apart.group_of("pi", "local"), CAMPAIGN.group_of("pi", "local")) == ("pi", "local")
    assert "apart" not in CAMPAIGN.to_json()


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
