"""Ports that one `up` has chosen and no engine has opened yet: no other `up` of this machine takes them meanwhile."""

import errno
import socket
import sys
from types import TracebackType
from typing import Self


class Claims:
    """The claims of this process, which hold while it is entered.

    A claim is the name of an abstract socket: known in the whole network namespace, to all of its users, and gone with
    the process that made it. Where the system has none, nothing is ever refused.

    Source: unix(7), "Abstract sockets".
    """

    def __init__(self, among: str = "hoploom") -> None:
        """Claim nothing yet.

        Args:
            among: Who minds these claims; others take what they like.
        """
        self._among = among
        self._held: dict[int, socket.socket] = {}

    def take(self, port: int) -> bool:
        """Claim a TCP port; False where another process has."""
        if port in self._held or sys.platform != "linux":
            return True
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0{self._among}-port-{port}")
        except OSError as error:
            claim.close()
            if error.errno != errno.EADDRINUSE:
                raise
            return False
        self._held[port] = claim
        return True

    def __contains__(self, port: int) -> bool:
        """Whether this process has claimed a port."""
        return port in self._held

    def __enter__(self) -> Self:
        """Hold what is taken from now on."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of all."""
        for claim in self._held.values():
            claim.close()
        self._held.clear()
