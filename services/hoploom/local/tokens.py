"""The secrets of a local mesh: made once, kept in files of mode 0600, and put into Consul and Nomad by us."""

import uuid
from collections.abc import Mapping
from pathlib import Path

from hoploom.local.places import Places, write_private

# Who has a token: Consul's ACL tokens by policy name, Nomad's management token, and hoploom's own two.
CONSUL_POLICIES = ("agent", "fabio", "input", "output", "manager", "ping", "prometheus", "routing", "developer")
_NAMES = ("management", *CONSUL_POLICIES, "nomad", "operator", "worker")


def ensure(places: Places) -> dict[str, str]:
    """All tokens by name; those that do not exist yet are made."""
    found = {name: _one(places.tokens / name) for name in _NAMES}
    # Managers and outputs read files of their own: on hosts the services are different users.
    for service in ("manager", "output"):
        write_private(places.tokens / f"{service}-operator", f"{found['operator']}\n")
    return found


def read(places: Places) -> Mapping[str, str]:
    """The tokens that exist."""
    found = {name: places.tokens / name for name in _NAMES}
    return {name: path.read_text(encoding="utf-8").strip() for name, path in found.items() if path.exists()}


def keep(places: Places, given: Mapping[str, str]) -> None:
    """Put tokens that a person gave in the place of made ones; an empty one leaves what is there."""
    for name, token in given.items():
        if token:
            write_private(places.tokens / name, f"{token}\n")


def _one(path: Path) -> str:
    if not path.exists():
        write_private(path, f"{uuid.uuid4()}\n")
    return path.read_text(encoding="utf-8").strip()
