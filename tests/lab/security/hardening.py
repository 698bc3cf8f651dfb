"""How much systemd keeps from each unit of ours, as `systemd-analyze security` counts it: 0 is all, 10 nothing."""

import re

from lab.hosts import Lab

MOST = 2.5
# Nomad's client makes root folders, control groups and users' processes; what it is kept from, tasks would be.
ROOT_ENGINES = ("nomad",)
_LINE = re.compile(r"^(\S+)\.service\s+([0-9.]+) ", re.MULTILINE)
_OURS = re.compile(r"consul|nomad|fabio|prometheus|alertmanager|hoploom|exporter")


def exposures(lab: Lab, host: str) -> dict[str, float]:
    """The number of each unit of ours on a host."""
    found = _LINE.findall(lab.ssh(host, "systemd-analyze security --no-pager", timeout_s=120).out)
    return {unit: float(number) for unit, number in found if _OURS.search(unit)}


def problems(found: dict[str, float]) -> list[str]:
    """Units that could do more than they need."""
    return [f"{unit} has {number}, more than {MOST}" for unit, number in found.items()
            if number > MOST and unit not in ROOT_ENGINES]
