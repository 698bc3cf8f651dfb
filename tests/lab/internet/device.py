"""A tun device of the current network namespace: the internet's end of it."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import time

import numpy as np
from numpy.typing import NDArray

NAME = "internet"
SOURCE = "192.0.2.1"
SOURCE_V6 = "2001:db8:ffff::1"
"""Addresses of the vantage point; they belong to no topology."""
PACKET_BYTES = 2048
"""Room for a packet; the device's MTU is less."""
_MOST = 256
"""Packets read at a time: answers that are due wait no longer than it takes to deal with so many."""
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_COMMANDS = (
    f"ip link set dev {NAME} mtu 1500 txqueuelen 100000 up",
    f"ip addr add {SOURCE}/32 dev {NAME}",
    f"ip -6 addr add {SOURCE_V6}/128 dev {NAME} nodad",
    f"ip route add default dev {NAME} src {SOURCE}",
    f"ip -6 route add default dev {NAME} src {SOURCE_V6}",
)


class Device:
    """A tun device behind which everything lies that is not this namespace's own."""

    def __init__(self) -> None:
        """Make it and lead the default routes of both families into it.

        Raises:
            OSError: The namespace has one already, or we may not.
            subprocess.CalledProcessError: As above.
        """
        self._fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self._fd, _TUNSETIFF, struct.pack("16sH22x", NAME.encode(), _IFF_TUN | _IFF_NO_PI))
        for command in _COMMANDS:
            subprocess.run(command.split(), check=True)
        self._rows = np.zeros((_MOST, PACKET_BYTES), np.uint8)
        self._views = [[row.data] for row in self._rows]

    def fileno(self) -> int:
        """The descriptor to watch for readability."""
        return self._fd

    def read(self) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
        """Read what waits, at most 256 packets.

        Returns:
            The packets, (n, `PACKET_BYTES`), valid until the next call; their bytes; when each was read, monotonic ns.
        """
        lengths, at_ns = [], []
        for view in self._views:
            try:
                lengths.append(os.readv(self._fd, view))
            except BlockingIOError:
                break
            at_ns.append(time.monotonic_ns())
        return self._rows[: len(lengths)], np.array(lengths, np.int64), np.array(at_ns, np.int64)

    def write(self, packets: list[bytes]) -> None:
        """Hand packets to the namespace, in order."""
        for packet in packets:
            os.write(self._fd, packet)

    def close(self) -> None:
        """Let go of it; it goes away with the last descriptor."""
        os.close(self._fd)
