"""Who may do what in Consul: each service its own on its own host, and no more."""

from typing import Any

import pytest

from playbook_plugins import ANSIBLE, filters

FILTERS = filters("consul_rights")
POLICIES = ANSIBLE.parent / "consul" / "policies"
GROUPS = {"all": ["a1", "m1"], "nomad_clients": ["a1"], "fabio": ["a1"], "monitoring": ["m1"]}
HOSTVARS = {"a1": {"hoploom_dc": "dc1"}, "m1": {"hoploom_dc": "dc2"}}
RIGHTS: list[dict[str, Any]] = FILTERS["consul_rights"](HOSTVARS, GROUPS)


def test_a_host_has_tokens_for_what_it_runs_and_for_nothing_else() -> None:
    by_host = {host: {each["service"] for each in RIGHTS if each["host"] == host} for host in GROUPS["all"]}
    services = {"input", "output", "manager", "ping", "fabio", "routing"}
    assert by_host == {"a1": {"agent", "prometheus", *services}, "m1": {"agent", "prometheus"}}
    without = FILTERS["consul_rights"](HOSTVARS, {**GROUPS, "monitoring": []})
    assert "prometheus" not in {each["service"] for each in without}


def test_an_agent_may_write_its_own_node_and_no_other() -> None:
    agent = next(each for each in RIGHTS if each["service"] == "agent" and each["host"] == "m1")
    assert agent["policies"] == [] and agent["node"] == {"name": "m1", "datacenter": "dc2"}


def test_sessions_are_on_the_service_s_own_host() -> None:
    policies = {each["service"]: each["policies"] for each in RIGHTS if each["host"] == "a1"}
    assert policies["input"] == ["hoploom-input", "hoploom-session-a1"]
    assert policies["ping"] == ["hoploom-ping"]
    assert FILTERS["session_policies"](GROUPS) == {"hoploom-session-a1": 'session "a1" {\n  policy = "write"\n}\n'}


@pytest.mark.parametrize("service", ["input", "output", "manager", "routing"])
def test_of_the_local_mesh_s_text_only_the_right_to_any_session_is_left_out(service: str) -> None:
    text = (POLICIES / f"{service}.hcl").read_text(encoding="utf-8")
    strict = FILTERS["on_hosts"](text)
    assert 'session_prefix "" {' in text and "session_prefix" not in strict
    assert len(text.splitlines()) - len(strict.splitlines()) == 3
    assert "session_prefix" not in FILTERS["on_hosts"](text.rstrip()), "Ansible's lookup takes the last line's end away"
