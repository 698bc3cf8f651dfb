"""The inventory of a lab says of its hosts what a person would."""

from pathlib import Path

import yaml

from lab.hosts import inventory
from lab.hosts.addresses import EDGE, Host, seats

HOSTS = [Host("a1", groups=("workers",), variables={"own": 1}), Host("b1", "dc2"), Host("c1", EDGE, ("workers",))]


def test_hosts_are_in_their_groups_with_their_addresses(tmp_path: Path) -> None:
    inventory.write(tmp_path, seats(HOSTS), {"everywhere": True}, Path("/run/config"))
    written = yaml.safe_load((tmp_path / "hosts.yml").read_text(encoding="utf-8"))["all"]
    groups = written["children"]
    assert {name: list(group["hosts"]) for name, group in groups.items()} == {
        "dc1": ["a1"],
        "workers": ["a1", "c1"],
        "dc2": ["b1"],
        EDGE: ["c1"],
    }
    assert [groups[dc]["vars"] for dc in ("dc1", "dc2")] == [{"hoploom_dc": "dc1"}, {"hoploom_dc": "dc2"}]
    assert written["hosts"]["a1"] == {"ansible_host": "10.71.1.11", "own": 1}
    common = yaml.safe_load((tmp_path / "group_vars/all/lab.yml").read_text(encoding="utf-8"))
    assert common["everywhere"] is True
    assert common["ansible_ssh_common_args"] == "-F /run/config"
