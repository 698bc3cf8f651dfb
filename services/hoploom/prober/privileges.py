"""The lines that allow probing to an ordinary user; each for a shell, once. Pure."""

from __future__ import annotations

from collections.abc import Mapping

LOOPBACK_ONLY = "loopback only"
"""Stands in the name of a prober, and in what a worker says of itself, where nothing else can be reached."""

PING_GROUPS = ("net.ipv4.ping_group_range", '"0 2147483647"')
"""Opens ICMP datagram sockets, of both families, to every group (icmp(7))."""

NAMESPACES = (
    ("kernel.unprivileged_userns_clone", 0, "1"),
    ("user.max_user_namespaces", 0, "15000"),
    ("kernel.apparmor_restrict_unprivileged_userns", 1, "0"),
)
"""What may forbid user namespaces to ordinary users, the value that does, and one that does not: of Debian's older
kernels, of every kernel (user_namespaces(7); 15000 is near its usual default), and of Ubuntu since 23.10."""


def sysctl(name: str, value: str) -> str:
    """The line that sets a kernel parameter until the next start."""
    return f"sudo sysctl -w {name}={value}"


def lasting_sysctl(name: str, value: str) -> str:
    """The line that sets it at every start (sysctl.d(5))."""
    plain = value.strip('"')
    return f"echo '{name} = {plain}' | sudo tee /etc/sysctl.d/60-{name.rpartition('.')[2].replace('_', '-')}.conf"


def closed_namespace(limits: Mapping[str, int]) -> tuple[str, str] | None:
    """The parameter that forbids user namespaces here, and the value that would allow them.

    Args:
        limits: Values of those of `NAMESPACES` that this kernel has, by name.

    Returns:
        Name and value; None where none of them forbids it.
    """
    return next(((name, value) for name, closed, value in NAMESPACES if limits.get(name) == closed), None)
