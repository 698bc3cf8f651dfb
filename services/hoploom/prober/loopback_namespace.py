"""Raw ICMP sockets for who may open none: they live in a namespace where there is nothing but loopback (SPEC B13).

An ordinary user may be root of a user namespace of its own, and there open raw sockets. Such sockets reach the
namespace's loopback addresses alone; whatever is sent elsewhere fails, so nothing can leak into a network. Enough for
the loopback demo, and for nothing else.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from hoploom.kit.errors import ConfigError
from hoploom.prober.privileges import NAMESPACES, closed_namespace, sysctl

_CHILD = Path(__file__).with_name("namespace_child.py")
_TIMEOUT_S = 10.0
"""The child takes about 40 ms; a Raspberry Pi with a cold disk takes a second."""

_MESSAGE_BYTES, _MOST_SOCKETS = 256, 2


def open_sockets() -> dict[int, socket.socket]:
    """Open raw ICMP sockets in a new user and network namespace.

    Blocks for some 40 ms, the life of the child process that opens them.

    Returns:
        Sockets by family, 4 and, where there is IPv6, 6; both of one namespace, which ends with the last of them.

    Raises:
        ConfigError: The system allows no such namespace to this user, or there are none (not Linux).
    """
    if sys.platform != "linux":
        raise ConfigError("A namespace of its own, which would do for loopback, there is on Linux alone.")
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        ours.settimeout(_TIMEOUT_S)
        _run(theirs)
        theirs.close()
        message, descriptors, _, _ = socket.recv_fds(ours, _MESSAGE_BYTES, _MOST_SOCKETS)
    sockets = [socket.socket(fileno=each) for each in descriptors]
    for each in sockets:
        each.set_inheritable(False)  # received descriptors are, unlike those that Python opens itself
    said = json.loads(message or b"{}")
    if not sockets:
        raise ConfigError(_refused(said))
    return dict(zip(said["families"], sockets, strict=True))


def _run(channel: socket.socket) -> None:
    """Run the child to its end; what it has sent waits in the channel."""
    number = channel.fileno()
    # Isolated and without site-packages: it needs neither, and starts in half the time.
    command = [sys.executable, "-I", "-S", str(_CHILD), str(number)]
    try:
        subprocess.run(
            command, pass_fds=(number,), timeout=_TIMEOUT_S, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"No user namespace can be made, which would do for loopback: {error}.") from error


def limits() -> dict[str, int]:
    """Values of those kernel parameters of `NAMESPACES` that this kernel has, by name."""
    found = {}
    for name, _, _ in NAMESPACES:
        try:
            found[name] = int(Path(f"/proc/sys/{name.replace('.', '/')}").read_text(encoding="ascii"))
        except (OSError, ValueError):
            continue
    return found


def _refused(said: dict[str, object]) -> str:
    number = said.get("errno")
    why = os.strerror(number) if isinstance(number, int) else "its process ended early"
    closed = closed_namespace(limits())
    way_out = f"; allow it by: {sysctl(*closed)}" if closed else ""
    return f"No user namespace may be made, which would do for loopback ({said.get('step', 'start')}: {why}){way_out}."
