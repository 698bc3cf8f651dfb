"""What the locks of the roles say: who leads what, as status pages show it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hoploom.kit.consul_api import ConsulApi, KvEntry
from hoploom.kit.errors import ConfigError

LOCK = "/.lock"
"""Ends the key of a lock, as `consul lock` has it."""

_ROLE = re.compile("[a-z0-9][a-z0-9-]{0,62}")


@dataclass(frozen=True)
class Role:
    """Who leads a role, for status pages.

    Attributes:
        name: The role.
        instance: Id of the leader; empty while there is none.
        url: Where it answers; empty for one that nobody can reach.
        since_us: Wall clock of its acquisition.
        index: Raft index of its lock, the larger part of its token.
    """

    name: str
    instance: str
    url: str
    since_us: int
    index: int


async def roles(consul: ConsulApi, prefix: str) -> list[Role]:
    """Every role that was ever led, with its leader; raises Unavailable when Consul is away."""
    entries = await consul.kv_list(prefix)
    return [_role(entry, prefix) for entry in entries if entry.key.endswith(LOCK)]


def lock_of(prefix: str, role: str) -> str:
    """Key of a role's lock; raises ConfigError where the role's name cannot be part of a key."""
    if not _ROLE.fullmatch(role):
        raise ConfigError(f"a role is named by lower-case letters, digits and dashes, not {role[:40]!r}")
    return f"{prefix}{role}{LOCK}"


def said(value: bytes) -> Mapping[str, Any]:
    """What the value of a lock says; nothing where `consul lock` on the command line wrote it."""
    try:
        found = json.loads(value)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _role(entry: KvEntry, prefix: str) -> Role:
    words = said(entry.value) if entry.session else {}
    name = entry.key.removeprefix(prefix).removesuffix(LOCK)
    instance = str(words.get("instance", "consul lock" if entry.session else ""))
    return Role(name, instance, str(words.get("url", "")), int(words.get("at_us", 0)), entry.modify_index)
