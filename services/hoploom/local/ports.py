"""Ports of a local mesh: the engines' usual ones where they are free, others where they are not."""

import random
import socket
from collections.abc import Mapping
from typing import Final

from hoploom.kit.errors import ConfigError
from hoploom.local.port_claims import Claims

LOOPBACK = "127.0.0.1"
USUAL: Final[Mapping[str, int]] = {
    "consul_http": 8500,
    "consul_server": 8300,
    "consul_serf": 8301,
    "fabio_proxy": 9999,
    "fabio_ui": 9998,
    "fabio_metrics": 9997,
    "nomad_http": 4646,
    "nomad_rpc": 4647,
    "nomad_serf": 4648,
    "nomad_client_http": 4656,
}
# A second mesh takes 18500 instead of 8500, and so on; a third looks further.
_STEP, _STEPS = 10_000, 4
# Below those of outgoing connections (net.ipv4.ip_local_port_range begins at 32768), one of which would keep an engine
# from its port if it came between the choice and the start.
_OTHERS: Final = range(10_000, 14_000)
# Nomad hands out the services' ports from a range of its own, checked to be free when it is chosen.
TASK_PORTS = 200
_TASKS_FROM, _TASKS_TO = 20_000, 31_800


def is_free(port: int) -> bool:
    """Whether nobody listens on this TCP port of 127.0.0.1 (or on all addresses)."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def choose(claims: Claims) -> dict[str, int]:
    """A port for every listener, plus `tasks_first` and `tasks_last` for what Nomad places; all claimed."""
    chosen: dict[str, int] = {}
    for name, usual in USUAL.items():
        chosen[name] = _near(usual, set(chosen.values()), claims)
    chosen["tasks_first"] = _task_range(claims)
    chosen["tasks_last"] = chosen["tasks_first"] + TASK_PORTS - 1
    return chosen


def any_free(claims: Claims) -> int:
    """A port that nobody listens on and nobody claims, this process neither; claimed.

    Raises:
        ConfigError: There is none.
    """
    for port in random.sample(_OTHERS, len(_OTHERS)):
        if port not in claims and is_free(port) and claims.take(port):
            return port
    raise ConfigError(f"all ports from {_OTHERS[0]} to {_OTHERS[-1]} are taken; stop what listens there")


def moved(ports: Mapping[str, int]) -> dict[int, int]:
    """Usual port to chosen port, for those that had to move."""
    return {usual: ports[name] for name, usual in USUAL.items() if ports.get(name, usual) != usual}


def can_have(known: Mapping[str, int], claims: Claims) -> bool:
    """Whether all listeners of a mesh can have the ports that they had; they are claimed as far as they can."""
    return all(is_free(known[name]) and claims.take(known[name]) for name in USUAL if name in known)


def _near(usual: int, taken: set[int], claims: Claims) -> int:
    for step in range(_STEPS):
        port = usual + step * _STEP
        if port not in taken and is_free(port) and claims.take(port):
            return port
    return any_free(claims)


def _task_range(claims: Claims) -> int:
    starts = list(range(_TASKS_FROM, _TASKS_TO, TASK_PORTS))
    random.shuffle(starts)
    for start in starts:
        if all(is_free(port) for port in range(start, start + TASK_PORTS)) and claims.take(start):
            return start
    return starts[0]
