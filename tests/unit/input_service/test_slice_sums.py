"""How far a campaign is over all its datacenters: sums, and never more than is known."""

from dataclasses import replace
from typing import Any

import pytest

from hoploom.input_service.slice_sums import Part, joined
from unit.input_service.test_pulling import THEIRS

CAMPAIGN = replace(THEIRS, slices={"dc1": 1, "dc2": 3})


def row(targets: int, done: int, **changes: Any) -> dict[str, Any]:
    known: dict[str, Any] = {
        "round": 0, "rounds": 1, "targets": targets, "handed_out": done, "done": done, "outstanding": 0, "leases": 1,
        "reissued": 2, "finished": targets == done, "began_at_us": 5, "changed_at_us": 7, "targets_per_s": 1.0,
        "rate_pps": 2.0, "seconds_left": float(targets - done),
    }  # fmt: skip
    return {**known, **changes}


def test_a_group_of_two_datacenters_is_their_sum() -> None:
    one = Part({"all": row(1024, 24, began_at_us=9)}, as_of_us=1)
    found = joined(CAMPAIGN, {"dc1": one, "dc2": Part({"all": row(3073, 73)}, as_of_us=2)})
    group = found["groups"]["all"]
    assert (group["targets"], group["done"], group["leases"], group["reissued"]) == (4097, 97, 2, 4)
    assert (group["targets_per_s"], group["rate_pps"], group["seconds_left"]) == (2.0, 4.0, 3000.0)
    assert (group["began_at_us"], group["changed_at_us"], group["finished"]) == (5, 7, False)
    assert group["datacenters"]["dc2"] == {"targets": 3073, "done": 73, "finished": False}
    assert found["datacenters"]["dc1"] == {"targets": 1024, "finished": False, "as_of_us": 1, "away": ""}
    assert [each["targets"] for each in found["datacenters"].values()] == [1024, 3073]


DONE, HALF, NONE = Part({"all": row(4, 4)}), Part({"all": row(4, 2)}), Part()


@pytest.mark.parametrize(
    ("one", "two", "finished"),
    [
        (DONE, DONE, True),
        (DONE, HALF, False),
        (DONE, NONE, False),
        (DONE, replace(DONE, away="cut"), True),
        (DONE, replace(NONE, away="cut"), False),
        (Part({"w1": row(4, 4)}), Part({"w2": row(4, 4)}), True),
        (Part({"w1": row(4, 4), "w3": row(4, 1)}), Part({"w2": row(4, 4)}), False),
    ],
    ids=["both", "one half", "one not begun", "one was, and is away", "one never heard", "groups of their own",
         "one of three groups is not"],
)
def test_a_campaign_is_finished_when_every_slice_is(one: Part, two: Part, finished: bool) -> None:
    assert joined(CAMPAIGN, {"dc1": one, "dc2": two})["finished"] is finished


def test_a_datacenter_that_is_a_round_ahead_has_done_all_of_the_round_that_is_shown() -> None:
    ahead = Part({"all": row(1000, 1, round=4, seconds_left=None)})
    group = joined(CAMPAIGN, {"dc1": ahead, "dc2": Part({"all": row(3000, 30, round=3)})})["groups"]["all"]
    assert (group["round"], group["done"], group["targets"]) == (3, 1030, 4000)
    assert group["seconds_left"] is None


def test_what_is_not_known_is_not_made_up() -> None:
    unknown = {"targets_per_s": None, "rate_pps": None, "seconds_left": None}
    group = joined(CAMPAIGN, {"dc1": Part({"all": row(4, 2, **unknown)}), "dc2": NONE})["groups"]["all"]
    assert {name: group[name] for name in unknown} == unknown
    # Where it has not begun nobody has targets of it.
    assert (group["targets"], joined(CAMPAIGN, {"dc2": NONE})["groups"]) == (4, {})
