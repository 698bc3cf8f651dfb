"""Opens raw ICMP sockets in a user and network namespace of its own, hands them over, ends: a program, not a module.

Run as `python -I -S namespace_child.py DESCRIPTOR` by `loopback_namespace`, since a process with threads may not enter
a user namespace (user_namespaces(7)). The sockets keep the namespace alive, and nothing but loopback is in it. It
imports the standard library alone.
"""

import ctypes
import fcntl
import json
import os
import socket
import struct
import sys

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_INTERFACE = struct.Struct("16sh22x")
"""struct ifreq: name, flags, and the rest of its 40 bytes."""


class Refused(Exception):
    """The system does not allow a step."""


def main(channel: socket.socket) -> None:
    """Send `{"families": [4, 6]}` with a socket for each, or `{"step": ..., "errno": ...}`."""
    try:
        enter()
        loopback_up()
        sockets = raw_sockets()
    except Refused as refused:
        channel.send(json.dumps({"step": refused.args[0], "errno": refused.args[1]}).encode())
        return
    families = json.dumps({"families": list(sockets)}).encode()
    socket.send_fds(channel, [families], [each.fileno() for each in sockets.values()])


def enter() -> None:
    """Become root of a new user namespace, in a new network namespace."""
    user, group = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) != 0:
        raise Refused("unshare", ctypes.get_errno())
    try:
        # user_namespaces(7): without this no unprivileged process may write a group map.
        for file, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
            # As bytes: an encoding would have to be loaded, and capabilities to read it may be gone.
            with open(f"/proc/self/{file}", "wb") as handle:
                handle.write(text.encode())
    except OSError as error:
        raise Refused("map", error.errno) from error


def loopback_up() -> None:
    """Switch `lo` on, which gives it 127.0.0.1/8 and ::1 (netdevice(7))."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            found = fcntl.ioctl(any_socket, _SIOCGIFFLAGS, _INTERFACE.pack(b"lo", 0))
            flags = _INTERFACE.unpack(found)[1] | _IFF_UP
            fcntl.ioctl(any_socket, _SIOCSIFFLAGS, _INTERFACE.pack(b"lo", flags))
    except OSError as error:
        raise Refused("loopback", error.errno) from error


def raw_sockets() -> dict[int, socket.socket]:
    """Raw ICMP sockets by family; IPv6 may be missing."""
    try:
        found = {4: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)}
    except OSError as error:
        raise Refused("socket", error.errno) from error
    try:
        found[6] = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    except OSError:
        pass  # IPv6 is switched off
    return found


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
