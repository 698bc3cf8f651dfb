"""What the module nomad_jobs makes of variables, plans and states."""

from typing import Any

import pytest

from playbook_plugins import filters, load

MODULE = load("library/nomad_jobs.py")
JOB = {"ID": "hoploom-input", "Type": "service", "TaskGroups": [{"Name": "input", "Count": 2}]}


class Answers:
    """A Nomad that answers what a test says."""

    def __init__(self, **by_end: Any) -> None:
        self._answers = {"": {"Version": 3}, **by_end}

    def call(self, _method: str, path: str, _body: Any = None) -> Any:
        return self._answers.get(path.removeprefix("/v1/job/hoploom-input").strip("/"))


def summary(**counts: int) -> dict[str, Any]:
    return {"Summary": {"input": counts}}


def test_variables_are_written_as_hcl_reads_them() -> None:
    text = MODULE.as_hcl({"datacenters": ["dc1", "dc2"], "count": 2, "group": "${x}", "allow_private": True})
    assert text == 'datacenters = ["dc1", "dc2"]\ncount = 2\ngroup = "$${x}"\nallow_private = true\n'


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (Answers(summary=summary(Running=2)), ""),
        (Answers(summary=summary(Running=1, Starting=1)), "hoploom-input: 1 of 2 run; no instance says why"),
        (Answers(summary=summary(Running=2, Queued=1)), "hoploom-input: 2 of 2 run; no instance says why"),
        (Answers(deployment={"JobVersion": 3, "Status": "running"}, summary=summary(Running=2)),
         "hoploom-input: its deployment is running; no instance says why"),
        (Answers(deployment={"JobVersion": 2, "Status": "failed"}, summary=summary(Running=2)), ""),
    ],
)
def test_a_job_is_waited_for_until_its_deployment_and_all_its_instances_are_well(answers: Answers, said: str) -> None:
    assert MODULE.waits_for(answers, JOB) == said


def test_a_deployment_that_failed_is_told_with_the_reason() -> None:
    events = [{"Type": "Driver Failure", "Time": 2, "DisplayMessage": "no such file"}, {"Type": "Received", "Time": 3}]
    nomad = Answers(deployment={"JobVersion": 3, "Status": "failed", "StatusDescription": "Failed"},
                    allocations=[{"NodeName": "a2", "TaskStates": {"input": {"Events": events}}}])
    with pytest.raises(MODULE.Refused, match="hoploom-input: Failed; on a2: no such file"):
        MODULE.waits_for(nomad, JOB)


def test_what_failed_is_made_another_job_once_and_left_alone_after() -> None:
    failed = {"JobVersion": 3, "Status": "failed"}
    tried = MODULE.again(Answers(deployment=failed), JOB)
    assert tried["Meta"]["tried_again"]
    now = {"Version": 3, "Meta": {"tried_again": "77"}}
    kept = Answers(**{"": now}, deployment={"JobVersion": 3, "Status": "successful"})
    assert MODULE.again(kept, JOB)["Meta"] == {"tried_again": "77"}
    assert MODULE.again(Answers(), JOB) == JOB


def test_later_variables_win_and_those_of_all_jobs_are_for_the_files_that_have_them() -> None:
    text = 'variable "version" {\n}\nvariable "count" {\n}\n'
    common, by_job = {"version": "1", "count": 1, "unknown": 7}, {"input": {"count": 2}}
    found = filters("nomad_jobs")["job_inputs"]({"input": text}, common, by_job, {"output": {"count": 9}})
    assert found == [{"name": "input", "text": text, "variables": {"version": "1", "count": 2}}]
