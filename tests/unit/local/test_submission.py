"""Jobs among strangers: named with our prefix, marked as ours, on this host."""

import pytest

from hoploom.local import submission
from hoploom.local.attached import Attached

PARSED = {
    "ID": "hoploom-input",
    "Name": "hoploom-input",
    "Meta": None,
    "Constraints": None,
    "NodePool": None,
    "TaskGroups": [
        {"Name": "input", "Tasks": [{"Name": "input", "Env": {"A": "1"}, "Services": [{"Name": "hoploom-input"}]}]}
    ],
}


@pytest.mark.parametrize(
    ("value", "line"),
    [("3", 'a = "3"'), ('["dc1"]', 'a = ["dc1"]'), ('a"b\\c', 'a = "a\\"b\\\\c"'), ("${x} %{y}", 'a = "$${x} %%{y}"')],
)
def test_a_value_is_written_as_hcl_reads_it(value: str, line: str) -> None:
    assert submission.as_hcl({"a": value}) == line + "\n"


def test_a_mesh_of_its_own_submits_the_job_as_it_is() -> None:
    assert submission.placed(PARSED, Attached()) == PARSED


def test_among_strangers_the_job_carries_the_prefix_and_consuls_datacenter() -> None:
    attached = Attached(id="7", prefix="loom2", nomad="http://n", node="abc", node_pool="edge", dc="east")
    job = submission.placed(PARSED, attached)
    assert (job["ID"], job["Name"], job["Meta"], job["NodePool"]) == (
        "loom2-input", "loom2-input", {submission.MARK: "7"}, "edge",
    )  # fmt: skip
    assert job["Constraints"] == [{"LTarget": "${node.unique.id}", "RTarget": "abc", "Operand": "="}]
    (task,) = job["TaskGroups"][0]["Tasks"]
    assert task["Services"] == [{"Name": "loom2-input"}]
    assert task["Env"] == {"A": "1", "HOPLOOM_DC": "east"}


def test_a_nomad_of_our_own_places_where_it_likes() -> None:
    job = submission.placed(PARSED, Attached(id="7", prefix="hoploom", consul="http://c"))
    assert (job["Constraints"], job["NodePool"]) == (None, None)


@pytest.mark.parametrize(
    ("flags", "kept"),
    [
        ({}, {}),
        ({"version": "0.1.0", "count": "2"}, {}),
        ({"version": "0.2.0", "count": "2"}, {"version": "0.2.0"}),
        ({"version": "2", "artifact_url": "http://127.0.0.1/2"}, {"version": "2", "artifact_url": "http://127.0.0.1/2"}),
    ],
    ids=["nothing is known", "as up has brought it", "deployed since", "from an archive"],
)
def test_what_was_deployed_since_is_left_alone(flags: dict[str, str], kept: dict[str, str]) -> None:
    assert submission.deployed(flags, "0.1.0") == kept
