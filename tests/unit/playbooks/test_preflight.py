"""Every mistake of an inventory or a host is one sentence, before anything is changed."""

from collections.abc import Mapping
from typing import Any

import pytest

from playbook_plugins import filters

FILTERS = filters("preflight")
GROUPS = {"all": ["a1", "b1"], "consul_servers": ["a1", "b1"], "nomad_servers": ["a1"], "nomad_clients": ["a1", "b1"]}
COMMON = {"hoploom_home_dc": "dc1", "hoploom_networks": ["10.71.0.0/16", "fd71::/16"]}
HOSTS: dict[str, dict[str, Any]] = {
    "a1": {**COMMON, "hoploom_dc": "dc1", "ansible_host": "10.71.1.11"},
    "b1": {**COMMON, "hoploom_dc": "dc2", "ansible_host": "10.71.2.11"},
}
STATE: dict[str, Any] = {
    **{"bits": 64, "arch": "amd64", "debian": True, "systemd": True, "python": "3.11"},
    **{"versions": {"consul": "1.22.7", "nomad": "", "fabio": ""}, "keyrings": {"consul": ["k1"], "nomad": []}},
}
WANTED: dict[str, Any] = {"archives": {"consul": {"version": "1.22.7"}, "nomad": {"version": "1.11.3"}},
                          "gossip": {"consul": "k1", "nomad": "k2"}}


def changed(host: str, **variables: Any) -> Mapping[str, Mapping[str, Any]]:
    return {**HOSTS, host: {**HOSTS[host], **variables}}


def test_a_good_inventory_has_no_problem() -> None:
    assert FILTERS["inventory_problems"](HOSTS, GROUPS) == []


@pytest.mark.parametrize(
    ("hosts", "groups", "said"),
    [
        (HOSTS, {"all": []}, "the inventory has no hosts"),
        (changed("b1", hoploom_dc=""), GROUPS, "b1: its datacenter's group says no hoploom_dc"),
        ({**HOSTS, "edge-1": {**HOSTS["b1"], "ansible_host": "10.71.2.12"}},
         {**GROUPS, "all": [*GROUPS["all"], "edge-1"]},
         "edge-1: names in Consul that begin with edge- are those of workers elsewhere: call the host otherwise"),
        (changed("a1", hoploom_home_dc=""), GROUPS,
         "say in group_vars/all which datacenter is hoploom_home_dc (dc1, dc2)"),
        (changed("a1", hoploom_home_dc="dc9"), GROUPS, "hoploom_home_dc is dc9, and no host is there (dc1, dc2)"),
        (HOSTS, {**GROUPS, "consul_servers": ["a1"]}, "dc2 has no host in the group consul_servers"),
        (HOSTS, {**GROUPS, "nomad_servers": []}, "there are nomad_clients and no nomad_servers"),
        (changed("a1", hoploom_networks=[]), GROUPS, "say in group_vars/all which hoploom_networks are the mesh's own"),
        (changed("a1", hoploom_networks=["10.71.0.1/16"]), GROUPS, "hoploom_networks: 10.71.0.1/16 has host bits set"),
        (changed("b1", ansible_host="b1.example"), GROUPS,
         "b1: hoploom_address (or ansible_host) must be an IP address, not 'b1.example'"),
        (changed("b1", ansible_host="10.71.1.11"), GROUPS, "b1 and a1 have the same address 10.71.1.11"),
        (changed("b1", hoploom_address="192.0.2.1"), GROUPS,
         "b1: its address 192.0.2.1 is in none of hoploom_networks"),
        (changed("b1", hoploom_address="fd71:2::11"), GROUPS,
         "some hosts have IPv4 and some IPv6 addresses: agents speak one family; set hoploom_address"),
    ],
)
def test_what_is_wrong_with_an_inventory_is_one_sentence(hosts: Any, groups: Any, said: str) -> None:
    assert FILTERS["inventory_problems"](hosts, groups) == [said]


def test_a_good_host_has_no_problem_nor_has_an_empty_one() -> None:
    assert FILTERS["host_problems"](STATE, WANTED) == []
    empty = {**STATE, "versions": {}, "keyrings": {}}
    assert FILTERS["host_problems"](empty, WANTED) == []


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"bits": 32, "arch": "armv7l"}, "it is armv7l with 32 bit: only 64-bit x86 and ARM can run the services"),
        ({"systemd": False}, "it is no Debian with systemd"),
        ({"python": "3.9"}, "its python3 is 3.9: 3.11 or newer is needed"),
        ({"versions": {"consul": "1.22.10"}},
         "it runs consul 1.22.10, and 1.22.7 is older: engines are never downgraded; set "
         "consul_version to 1.22.10 or newer"),
        ({"keyrings": {"consul": ["k9"]}},
         "consul there keeps another gossip key than consul_gossip_key in the Vault file: bring the right one back, or "
         "rotate the keys"),
    ],
)
def test_what_is_wrong_with_a_host_is_one_sentence(state: dict[str, Any], said: str) -> None:
    assert FILTERS["host_problems"]({**STATE, **state}, WANTED) == [said]


def test_what_is_the_same_on_several_hosts_is_said_once() -> None:
    found = {"a1": {"preflight_found": ["x", "y"]}, "b1": {"preflight_found": ["x"]}, "b2": {}}
    assert FILTERS["problems_by_host"](found, ["a1", "b1", "b2"]) == ["a1, b1: x", "a1: y"]


def test_a_variable_that_a_job_file_does_not_have_is_named() -> None:
    files = {"input": 'variable "count" {\n}\n', "ping": ""}
    assert FILTERS["job_problems"]({"input": {"count": 3}}, files) == []
    assert FILTERS["job_problems"]({"input": {"cuont": 3}}, files) == ["nomad/input.nomad.hcl has no variable cuont"]
    assert "the job inptu, which does not exist (input, ping)" in FILTERS["job_problems"]({"inptu": {}}, files)[0]


def test_addresses_with_a_port_are_written_as_urls_do() -> None:
    assert FILTERS["with_port"](["10.0.0.1", "fd71::1"], 4647) == ["10.0.0.1:4647", "[fd71::1]:4647"]
