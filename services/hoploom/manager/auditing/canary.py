"""The canary: a registration of its own that no request is meant for, taken in and out of all tables. Pure.

It has no server. Fabio itself refuses whoever asks for its path, so that nothing is ever sent to its address.
"""

from ipaddress import ip_network
from typing import Any, Final

from hoploom.kit.fabio_api import CANARY, CANARY_PATH
from hoploom.kit.names import Names
from hoploom.kit.tags import Route

NOBODY: Final = (ip_network("0.0.0.0/0"), ip_network("::/0"))
ADDRESS, PORT = "127.0.0.1", 9
"""The port `discard` (RFC 863) of whoever should ever try."""

SAID: Final = "comes and goes on purpose: routers are timed by it"
"""Always the same: another text would be another write to Consul."""

TTL_LEAST_S: Final = 30.0
DEREGISTER_AFTER: Final = "1m"
"""The shortest that Consul knows. Far longer than a canary is down on purpose."""

LONGEST_FLIP_S: Final = 20.0
"""Consul would take a canary that is down for a minute for dead."""


def canary_id(instance: str, names: Names) -> str:
    """The id of the canary that a manager with this id (without a mesh's prefix) keeps."""
    return f"{names.service_prefix}{CANARY}-{instance}"


def check_id(canary: str) -> str:
    """The id of its one check."""
    return f"{canary}:flips"


def path(instance: str) -> str:
    """The path that a table has while the canary is up, below the mesh's own."""
    return f"{CANARY_PATH}{instance}"


def ttl_s(flip_s: float, stall_s: float) -> float:
    """How long a check holds without its manager: over three flips that wait for a router that stalls."""
    return max(TTL_LEAST_S, 3 * (flip_s + stall_s))


def record(instance: str, names: Names, ttl: float, *, up: bool = False) -> dict[str, Any]:
    """The body that registers it (HashiCorp, "Service - Agent HTTP API").

    Args:
        instance: Id of the manager, without a mesh's prefix.
        names: How the mesh's things are called.
        ttl: Seconds that its check holds.
        up: Whether it passes from the beginning.
    """
    own = canary_id(instance, names)
    return {
        "ID": own,
        "Name": names.service(CANARY),
        "Address": ADDRESS,
        "Port": PORT,
        "Tags": [names.route(Route(path=path(instance), deny=NOBODY)).tag()],
        "Meta": {"manager": instance},
        "Checks": [
            {
                "CheckID": check_id(own),
                "Name": "flips",
                "TTL": f"{ttl:g}s",
                "Status": "passing" if up else "critical",
                "DeregisterCriticalServiceAfter": DEREGISTER_AFTER,
            }
        ],
    }
