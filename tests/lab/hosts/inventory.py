"""The Ansible inventory of a lab: `inventories/lab/`, as a person would write one for these hosts."""

import json
from collections.abc import Mapping
from pathlib import Path

from lab.hosts.addresses import EDGE, Seat

# JSON is YAML.
_GROUP_VARS = "group_vars/all/lab.yml"


def write(folder: Path, seats: Mapping[str, Seat], common: Mapping[str, object], ssh_config: Path) -> None:
    """Write the inventory.

    Args:
        folder: Where; need not exist.
        seats: The hosts, each in the group of its datacenter and in those that it names.
        common: Variables of all hosts.
        ssh_config: The configuration file that ssh shall read.
    """
    groups: dict[str, dict[str, dict[str, object]]] = {}
    for name, seat in seats.items():
        if seat.network.name != EDGE:
            groups.setdefault(seat.network.name, {"vars": {"hoploom_dc": seat.network.name}})
        for group in (seat.network.name, *seat.host.groups):
            groups.setdefault(group, {}).setdefault("hosts", {})[name] = {}
    hosts = {name: {"ansible_host": seat.address, **seat.host.variables} for name, seat in seats.items()}
    _dump(folder / "hosts.yml", {"all": {"hosts": hosts, "children": groups}})
    # A person of their own, who may sudo, as on most real hosts.
    entry = {"ansible_user": "admin", "ansible_ssh_common_args": f"-F {ssh_config}"}
    _dump(folder / _GROUP_VARS, {**entry, "ansible_python_interpreter": "/usr/bin/python3", **common})


def _dump(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
