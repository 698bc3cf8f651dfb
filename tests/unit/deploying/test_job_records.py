"""What Nomad says of jobs, deployments and allocations."""

from typing import Any

import pytest

from hoploom.deploying import job_records
from hoploom.deploying.job_records import Update


def nomad_job(**changes: Any) -> dict[str, Any]:
    update = {"Canary": 2, "HealthyDeadline": 60_000_000_000}
    task = {"Name": "t", "Env": {"HOPLOOM_VERSION_TAG": "1.4.0"}, "Services": [{"Tags": ["a", "urlprefix-/x"]}]}
    group = {"Name": "orders", "Count": 2, "Update": update, "Tasks": [task], "Services": [{"Tags": None}]}
    named = {"ID": "orders", "Type": "service", "Version": 3, "JobModifyIndex": 812, "Stable": True, "Stop": False}
    return {**named, "Datacenters": ["dc1"], "TaskGroups": [group], **changes}


def test_a_job_is_read() -> None:
    job = job_records.job(nomad_job())
    assert (job.number, job.modify_index, job.version, job.count) == (3, 812, "1.4.0", 2)
    assert job.updates == (Update("orders", 2, 2, 60.0),) and job.can_double and job.stable
    assert job.tags == {"a", "urlprefix-/x"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Type": "system"}, "a system job"),
        ({"TaskGroups": [{"Name": "g", "Count": 1, "Update": {"Canary": 0}}]}, "no canary"),
        ({"TaskGroups": [{"Name": "g", "Count": 1, "Update": None}], "Update": None}, "nothing said of updates"),
    ],
)
def test_what_has_no_room_for_two(changes: dict[str, Any], words: str) -> None:
    assert not job_records.job(nomad_job(**changes)).can_double, words


def test_a_group_has_what_the_job_says_of_updates() -> None:
    job = job_records.job(nomad_job(Update={"Canary": 1}, TaskGroups=[{"Name": "g", "Count": 1}]))
    assert job.updates[0].canary == 1 and job.version == ""


@pytest.mark.parametrize(
    ("groups", "promoted"),
    [
        ({"g": {"DesiredCanaries": 2, "Promoted": False}}, False),
        ({"g": {"DesiredCanaries": 2, "Promoted": True}}, True),
        ({"g": {"DesiredCanaries": 0, "Promoted": False}}, True),
        (None, True),
    ],
)
def test_a_deployment_is_promoted_when_no_canary_waits(groups: Any, promoted: bool) -> None:
    found = job_records.deployment({"ID": "d", "JobVersion": 3, "Status": "running", "TaskGroups": groups})
    assert found.promoted is promoted and found.is_open


def test_an_allocation_says_why_it_failed() -> None:
    events = [
        {"Type": "Received", "DisplayMessage": "Task received"},
        {"Type": "Failed Artifact Download", "DisplayMessage": "404 Not Found"},
        {"Type": "Terminated", "DisplayMessage": "Exit Code: 0"},
    ]
    found = job_records.allocation(
        {"ID": "a", "ClientStatus": "failed", "DesiredStatus": "run", "TaskStates": {"t": {"Events": events}}}
    )
    assert (found.words, found.ended, found.healthy) == ("404 Not Found", True, None)
