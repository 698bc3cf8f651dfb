"""Tells systemd how a service does: that it is up, what it is about, and that its event loop turns.

A unit of `Type=notify` is up when its process says so, and with `WatchdogSec=` it is killed and started again when its
process falls silent: the word comes from the event loop, so a loop that hangs says nothing. Nobody is told where no
systemd started the process.

Source: sd_notify(3) and sd_watchdog_enabled(3), systemd 252.
"""

import asyncio
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from hoploom.kit.errors import ConfigError
from hoploom.kit.http_app import readiness
from hoploom.kit.membership import Mesh

WATCHDOG_PART = 3
"""The word comes three times in the time that systemd waits for it, so that two may be late."""

STATUS_EVERY_S = 5.0
MAX_STATUS = 200


@dataclass(frozen=True)
class Overseer:
    """Systemd, as it asked this process to report.

    Attributes:
        path: Its socket; a leading `@` is one without a file. Empty: nobody wants to know.
        watchdog_s: After so many seconds of silence it kills; 0 for never.
    """

    path: str = ""
    watchdog_s: float = 0.0

    @classmethod
    def of(cls, environ: Mapping[str, str], pid: int) -> "Overseer":
        """What the environment says.

        Raises:
            ConfigError: The time of the watchdog is no number.
        """
        if environ.get("WATCHDOG_PID", str(pid)) != str(pid):
            # It is about our parent.
            return cls(environ.get("NOTIFY_SOCKET", ""))
        try:
            watchdog_s = int(environ.get("WATCHDOG_USEC", "0")) / 1_000_000
        except ValueError as error:
            raise ConfigError("WATCHDOG_USEC is no number: systemd sets it, nobody else should") from error
        return cls(environ.get("NOTIFY_SOCKET", ""), watchdog_s)

    @property
    def every_s(self) -> float:
        """How often it hears of us, in seconds."""
        return min(STATUS_EVERY_S, self.watchdog_s / WATCHDOG_PART) if self.watchdog_s else STATUS_EVERY_S

    def tell(self, *words: str) -> None:
        """Say some `NAME=value`; nobody waits for an overseer that is away, and all is said again."""
        if not self.path:
            return
        address = "\0" + self.path[1:] if self.path.startswith("@") else self.path
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
            out.setblocking(False)
            try:
                out.sendto("\n".join(words).encode(), address)
            except OSError:
                # It hears the next one, or its watchdog does what it is there for.
                return


def status(text: str) -> str:
    """One line for `systemctl status`."""
    return "STATUS=" + " ".join(text.split())[:MAX_STATUS]


async def keep(mesh: Mesh, overseer: Overseer | None = None) -> None:
    """Say that this instance is up, and from then on that it lives and how it does, for ever."""
    overseer = overseer or Overseer.of(os.environ, os.getpid())
    if not overseer.path:
        return
    overseer.tell("READY=1")
    while True:
        overseer.tell("WATCHDOG=1", status((await readiness(mesh))[1]))
        await asyncio.sleep(overseer.every_s)
