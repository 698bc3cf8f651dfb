"""A gossip key replaces the others only when every agent has it."""

import json
from typing import Any

import pytest

from playbook_plugins import load

MODULE = load("library/gossip_key.py")
GIVEN = {"engine": "consul", "url": "http://127.0.0.1:1", "token": "t", "key": "new"}


def pools(*keys: dict[str, int]) -> str:
    return json.dumps([{"NumNodes": 2, "Keys": each} for each in keys])


class Agents:
    """Agents that have some keys, and of which some take a new one."""

    def __init__(self, takes: int) -> None:
        self.takes, self.asked = takes, list[tuple[str, str]]()

    def call(self, given: dict[str, str], what: str, key: str = "") -> Any:
        assert given is GIVEN
        self.asked.append((what, key))
        return json.loads(pools({"old": 2}, {"old": 2, "new": self.takes}))


@pytest.mark.parametrize(
    ("answer", "lacking", "others"),
    [
        (pools({"new": 2}, {"new": 2}), 0, []),
        (pools({"new": 2, "old": 2}, {"new": 2}), 0, ["old"]),
        (pools({"new": 1, "old": 2}, {"old": 2, "older": 1}), 3, ["old", "older"]),
        (json.dumps({"NumNodes": 3, "Keys": {"new": 3}, "Messages": {}}), 0, []),
        (json.dumps({"NumNodes": 3, "Keys": {"old": 3}, "Messages": {}}), 3, ["old"]),
    ],
    ids=["done", "an old one is left", "some lack it in both pools", "Nomad, done", "Nomad, before"],
)
def test_what_is_left_to_do_is_counted_over_all_pools(answer: str, lacking: int, others: list[str]) -> None:
    found = MODULE.rings(json.loads(answer))
    assert MODULE.lacking(found, "new") == lacking
    assert MODULE.others(found, "new") == others


def test_no_key_goes_while_an_agent_lacks_the_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    agents = Agents(takes=1)
    monkeypatch.setattr(MODULE, "call", agents.call)
    assert "did not take the new key" in MODULE.exchange(GIVEN)
    assert agents.asked == [("install", "new"), ("list", "")]


def test_the_new_one_is_used_before_the_others_go(monkeypatch: pytest.MonkeyPatch) -> None:
    agents = Agents(takes=2)
    monkeypatch.setattr(MODULE, "call", agents.call)
    monkeypatch.setattr(MODULE, "lacking", lambda found, key: 0)
    assert MODULE.exchange(GIVEN) == ""
    assert [what for what, _ in agents.asked] == ["install", "list", "use", "remove"]
    assert agents.asked[-1] == ("remove", "old")
