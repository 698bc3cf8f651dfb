"""One word and a few sums for a campaign, whatever its groups say."""

from typing import Any

import pytest

from hoploom.wire.standing import FINISHED, PAUSED, RUNNING, STOPPED, WAITING, is_finished, last, standing, total

OPEN = {"finished": False, "done": 10, "outstanding": 5, "reissued": 1, "rate_pps": 50.0, "seconds_left": 9.0}
ENDED = {"finished": True, "done": 100, "outstanding": 0, "reissued": 2, "rate_pps": 0.0, "seconds_left": None}


def row(groups: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    campaign = {"id": "demo", "targets": 100, "stopped_us": more.pop("stopped_us", 0)}
    return {"campaign": campaign, "groups": groups or {}, **more}


@pytest.mark.parametrize(
    ("found", "overlay", "state"),
    [
        (row(), {}, WAITING),
        (row({"a": OPEN}), {}, RUNNING),
        (row({"a": OPEN, "b": ENDED}), {}, RUNNING),
        (row({"a": ENDED}), {}, FINISHED),
        (row({"a": ENDED}, finished=False), {}, RUNNING),
        (row({"a": OPEN}), {"paused": True}, PAUSED),
        (row({"a": OPEN}), {"paused": False, "paused_campaigns": ["demo"]}, PAUSED),
        (row({"a": OPEN}), {"paused_campaigns": ["other"]}, RUNNING),
        (row({"a": OPEN}, stopped_us=1), {"paused": True}, STOPPED),
        (row({"a": ENDED}, stopped_us=1), {"paused": True}, FINISHED),
        (row({}, stopped_us=1), {}, STOPPED),
    ],
    ids=["nobody has asked", "one group", "one of two", "all of it", "another datacenter is not there yet",
         "all is paused", "it is paused", "another is paused", "it was stopped", "it had finished before",
         "it was stopped before it began"],
)  # fmt: skip
def test_how_it_stands(found: dict[str, Any], overlay: dict[str, Any], state: str) -> None:
    assert standing(found, overlay).state == state
    assert is_finished(found) == (state == FINISHED)


def test_sums_are_of_all_groups_and_speeds_of_those_that_work() -> None:
    found = standing(row({"a": OPEN, "b": {**OPEN, "seconds_left": 20.0}, "c": ENDED}), {})
    assert (found.done, found.whole, found.outstanding, found.reissued) == (120, 300, 10, 4)
    assert (found.rate_pps, found.seconds_left) == (100.0, 20.0)
    assert standing(row({"a": OPEN}), {"paused": True}).seconds_left is None


def test_what_is_not_known_of_all_is_not_known() -> None:
    assert (total([None, 2.0]), total([None]), total([])) == (2.0, None, None)
    assert (last([1.0, 3.0]), last([1.0, None]), last([])) == (3.0, None, None)
