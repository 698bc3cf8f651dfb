"""What leases ask of the budget: before they are given and as records tell it later, the same."""

from dataclasses import fields

import pytest

from hoploom.input_service.allotment import Claim
from hoploom.input_service.claims import allotted, claim
from hoploom.input_service.round_record import shards
from hoploom.input_service.shard_record import Held, ShardRef
from hoploom.input_service.work import Limits, Wanted, Work
from unit.input_service.instances import lease_request
from unit.input_service.test_work import campaign

LIMITS = Limits(50, 3)
REF = ShardRef(campaign="demo", edition=1, group="all", round=2, family=4, shard=0)


@pytest.mark.parametrize("parent", ["", "found-them"])
def test_a_record_tells_of_the_same_pass_that_was_asked_for(parent: str) -> None:
    made = campaign(parent=parent, per_network=7)
    asked = claim(Work(made, 2, shards(made), LIMITS), Wanted(request=lease_request("w1")), "n" * 16, 5)
    held = Held(
        nonce="n" * 16,
        request_id="r",
        worker="w1",
        run="",
        start=0,
        stop=9,
        stored_upto=0,
        ttl_s=30,
        lived_s=0,
        rate_pps=20,
        lane_pps=1,
        token="0.1",
        audited=True,
    )
    told = allotted(made, LIMITS, REF, held)
    same = {each.name for each in fields(Claim)} - {"wanted_pps", "crowd"}
    assert {name: getattr(asked, name) for name in same} == {name: getattr(told, name) for name in same}
    assert (told.rate_pps, told.lane_pps) == (20, 1)
    assert asked.campaign == (parent or "demo"), "hops count on the rate of the campaign that found them"
