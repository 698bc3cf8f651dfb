"""Jobs that people bring: what a job file of theirs is told of the mesh of this machine, by its variables' names."""

import re
import sys
from collections.abc import Mapping
from pathlib import Path

from hoploom.kit.errors import ConfigError
from hoploom.local.mesh import LocalMesh

_VARIABLE = re.compile(r'^\s*variable\s+"(\w+)"', re.MULTILINE)


def values(text: str, given: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    """The variables that a job file is submitted with: those that were given, and of the others what is known.

    Args:
        text: The job file.
        given: By a person.
        known: Of this machine.

    Raises:
        ConfigError: The file has no such variable.
    """
    declared = _VARIABLE.findall(text)
    strange = [name for name in given if name not in declared]
    if strange:
        raise ConfigError(f"the file has no variable {strange[0]!r} (it has {', '.join(declared) or 'none'})")
    return {**{name: value for name, value in known.items() if name in declared}, **given}


def known(mesh: LocalMesh, file: Path) -> dict[str, str]:
    """What this machine says of itself: its engines, a token for services in development, and this Python."""
    beside = file.resolve().parent / "service.py"
    return {
        "datacenters": f'["{mesh.attached.node_dc}"]',
        "driver": "raw_exec",
        "user": "",
        "command": sys.executable,
        "consul_addr": mesh.consul_url,
        "fabio_addr": mesh.fabio_url,
        "token_dir": str(mesh.places.tokens),
        "token_name": "developer",
        **({"service_file": str(beside)} if beside.exists() else {}),
    }
