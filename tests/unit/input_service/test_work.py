"""What may be sent for a campaign, where its leases are kept, and in which order its targets come."""

from typing import Any

import pytest

from hoploom.input_service.shard_record import ShardRef
from hoploom.input_service.work import Limits, located, order_of
from hoploom.kit.errors import NotFound
from hoploom.wire.campaign import Campaign, FamilySet
from hoploom.wire.lease import LeaseId
from hoploom.wire.overlay import OverlayDocument
from hoploom.wire.probe import Probe


def campaign(**changes: Any) -> Campaign:
    known: dict[str, Any] = {
        "id": "demo", "number": 2_000_000_000, "measurement": 2_000_000_001, "name": "demo",
        "sets": {4: FamilySet(sha256="4" * 64, size=10_000)}, "rate_pps": 0, "allow_private": True, "contact": "",
        "probe": Probe(), "content_sha256": "c" * 64, "created_at_us": 0,
    }  # fmt: skip
    return Campaign(**{**known, **changes})


@pytest.mark.parametrize(
    ("rate", "cap", "overlay_rate", "overlay_cap", "expected"),
    [
        (0, 0, 0, 0, Limits()),
        (50, 0, 0, 3, Limits(50, 3)),
        (50, 5, 20, 9, Limits(20, 5)),
        (0, 0, 20, 0, Limits(20, 0)),
    ],
)
def test_the_smaller_limit_counts(rate: int, cap: int, overlay_rate: int, overlay_cap: int, expected: Limits) -> None:
    orders = OverlayDocument(rate_pps=overlay_rate, network_pps=overlay_cap)
    found = Limits.of(campaign(rate_pps=rate, network_pps=cap), orders)
    assert found == expected and bool(found) is (expected != Limits())


def lease(family: int, start: int, stop: int) -> LeaseId:
    return LeaseId(campaign="demo", edition=1, round=0, family=family, start=start, stop=stop, nonce="0" * 16)


def test_a_lease_is_kept_in_the_shard_of_its_first_position() -> None:
    where = located(campaign(), lease(4, 6000, 6100), "all", Limits())
    assert where.empty.start <= 6000 < where.empty.stop and where.empty.ref.shard == 1


@pytest.mark.parametrize("absent", [lease(6, 0, 10), lease(4, 9_990, 10_001)])
def test_a_lease_of_positions_that_are_not_there_is_unknown(absent: LeaseId) -> None:
    with pytest.raises(NotFound):
        located(campaign(), absent, "all", Limits())


@pytest.mark.parametrize(
    ("wishes", "over_rounds", "over_groups"),
    [
        ({}, False, False),
        ({"cooldown_minutes": 5}, True, False),
        ({"cooldown_minutes": 5, "cooldown_scope": "mesh"}, True, True),
    ],
)
def test_an_order_lasts_as_long_as_its_rests_are_compared(
    wishes: dict[str, Any], over_rounds: bool, over_groups: bool
) -> None:
    made = campaign(**wishes)

    def order(group: str, number: int) -> bytes:
        one = LeaseId(campaign="demo", edition=1, round=number, family=4, start=0, stop=1, nonce="0" * 16)
        return order_of(made, located(made, one, group, Limits()).empty.ref)

    assert (order("a", 0) == order("a", 1)) is over_rounds
    assert (order("a", 0) == order("b", 0)) is over_groups


def test_each_datacenter_has_its_part_of_every_limit_and_all_together_have_the_whole() -> None:
    sliced = {"rate_pps": 100, "network_pps": 5, "home_dc": "dc1", "slices": {"dc1": 2, "dc2": 3}}
    found = [Limits.of(campaign(**sliced, here=dc), OverlayDocument(rate_pps=90)) for dc in ("dc1", "dc2")]
    assert found == [Limits(36, 2), Limits(54, 3)]


def test_a_lease_lies_within_the_slice_of_its_datacenter() -> None:
    here = campaign(home_dc="dc1", slices={"dc1": 1, "dc2": 4}, here="dc2")
    found = located(here, lease(4, 2000, 2010), "all", Limits())
    assert (found.empty.start, found.empty.stop) == (2000, 10_000)
    for start, stop in ((1990, 2000), (1999, 2001), (9999, 10_001)):
        with pytest.raises(NotFound):
            located(here, lease(4, start, stop), "all", Limits())


def test_with_several_slices_all_groups_see_the_targets_in_one_order_of_each_round() -> None:
    def key(group: str, round_number: int, **wishes: Any) -> bytes:
        ref = ShardRef(campaign="demo", edition=1, group=group, round=round_number, family=4, shard=0)
        return order_of(campaign(**wishes), ref)

    sliced = {"slices": {"dc1": 1, "dc2": 1}}
    assert key("a", 0, **sliced) == key("b", 0, **sliced) != key("a", 1, **sliced)
    resting = {**sliced, "cooldown_minutes": 1}
    assert key("a", 0, **resting) == key("b", 1, **resting)
    assert key("a", 0, slices={"dc2": 1}) != key("b", 0, slices={"dc2": 1})
