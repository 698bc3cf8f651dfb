"""Opens a prober's sockets: the best kind that this machine allows, one for each family that it has."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from ipaddress import ip_address
from typing import NamedTuple

from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.prober import loopback_namespace, mmsg
from hoploom.prober.linux_port import LinuxPort
from hoploom.prober.port import NotAllowed, Port
from hoploom.prober.portable_port import PortablePort
from hoploom.prober.privileges import LOOPBACK_ONLY
from hoploom.prober.socket_options import forbid_fragments
from hoploom.targets.notation import IPV4, IPV6

ENGINES = ("auto", "linux", "portable")
"""`auto` is the fast one where it works."""
Open = Callable[..., Port]


class Way(NamedTuple):
    """How requests leave.

    Attributes:
        source: Address that they leave from; targets of the other family then fail to send.
        interface: Name of the interface that they leave by.
        dont_fragment: What is too large for its path fails to send, instead of being cut up.
    """

    source: str | None = None
    interface: str | None = None
    dont_fragment: bool = False


ANY_WAY = Way()


def open_ports(engine: str, way: Way = ANY_WAY) -> tuple[str, dict[int, Port]]:
    """Open one socket for each family that this machine has, raw where allowed, else datagram.

    Args:
        engine: One of `ENGINES`.
        way: How requests leave; with a source only its family is opened.

    Returns:
        What was opened, for people (`linux raw`), and the ports by family.

    Raises:
        NotAllowed: Neither kind of socket is allowed; the sentence has the line that allows one.
        ConfigError: There is no such engine, address or interface here.
        Unavailable: No socket can be opened for another reason.
    """
    name, kind = _kind(engine)
    families = (IPV4, IPV6) if way.source is None else (_family(way.source),)
    opened = partial(kind, source=way.source, interface=way.interface)
    try:
        name, ports = f"{name} raw", _open_families(partial(opened, is_raw=True), families)
    except NotAllowed:
        name, ports = f"{name} datagram", _open_families(partial(opened, is_raw=False), families)
    for family, port in ports.items() if way.dont_fragment else ():
        forbid_fragments(port.fileno(), family)
    return name, ports


def open_loopback_ports(engine: str) -> tuple[str, dict[int, Port]]:
    """Open raw sockets that reach loopback alone, in a namespace of their own: for who may open no others.

    Args:
        engine: One of `ENGINES`.

    Returns:
        As `open_ports`.

    Raises:
        ConfigError: The system allows no such namespace either.
    """
    name, kind = _kind(engine)
    opened = loopback_namespace.open_sockets()
    ports = {family: kind(family, opened=each, is_raw=True) for family, each in opened.items()}
    return f"{name} raw ({LOOPBACK_ONLY}, own namespace)", ports


def _kind(engine: str) -> tuple[str, Open]:
    if engine not in ENGINES:
        raise ConfigError(f"There is no prober engine {engine!r}; there are: {', '.join(ENGINES)}.")
    if engine != "portable" and mmsg.is_available():
        return "linux", LinuxPort
    if engine == "linux":
        raise ConfigError("The prober engine `linux` needs 64-bit Linux with sendmmsg; use `portable`.")
    return "portable", PortablePort


def _family(source: str) -> int:
    try:
        return ip_address(source).version
    except ValueError as error:
        raise ConfigError(f"{source!r} is no address that requests can leave from.") from error


def _open_families(opened: Open, families: tuple[int, ...]) -> dict[int, Port]:
    ports = {families[0]: opened(families[0])}
    for family in families[1:]:
        try:
            ports[family] = opened(family)
        except (ConfigError, Unavailable):  # that family is switched off here: its targets count as failed to send
            pass
    return ports
