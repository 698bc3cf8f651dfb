"""The job as a deploy submits it."""

from typing import Any

import pytest

from hoploom.deploying.submission import prepared

JOB: dict[str, Any] = {
    "ID": "orders",
    "Update": {"MaxParallel": 1, "AutoPromote": True, "Canary": 1},
    "TaskGroups": [
        {"Name": "a", "Count": 4, "Update": {"AutoPromote": True}},
        {"Name": "b", "Count": 2, "Update": None},
    ],
}


@pytest.mark.parametrize(("beside", "canaries"), [(True, [4, 2]), (False, [1, 1])])
def test_promotion_is_ours_and_everything_else_the_job_files(beside: bool, canaries: list[int]) -> None:
    made: dict[str, Any] = prepared(JOB, beside=beside, auto_revert=True)
    updates = [each["Update"] for each in made["TaskGroups"]]
    assert [each["AutoPromote"] for each in updates] == [False, False]
    assert [each["AutoRevert"] for each in updates] == [True, True]
    assert [each["MaxParallel"] for each in updates] == [1, 1]
    assert [each["Canary"] for each in updates] == canaries
    assert JOB["TaskGroups"][0]["Update"] == {"AutoPromote": True}, "what was parsed stays"


def test_nomad_does_not_go_back_to_what_it_calls_stable_where_something_else_runs() -> None:
    made = prepared(JOB, beside=True, auto_revert=False)
    assert not any(each["Update"]["AutoRevert"] for each in made["TaskGroups"])
