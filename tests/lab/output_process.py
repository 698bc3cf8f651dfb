"""A real output process that nobody else knows, unless it is told of a Consul."""

import contextlib
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from engine_processes import free_ports
from hoploom.wire.batch import Batch
from hoploom.wire.batch_codec import MEDIA_TYPE_ZSTD, pack
from waiting import until

HEADERS = {"Authorization": "Bearer secret", "Content-Type": MEDIA_TYPE_ZSTD}
SERVICE = [sys.executable, "-m", "hoploom.output_service"]


@dataclass
class Output:
    """One output instance.

    Attributes:
        folder: Where its token and its database folder `db` are.
        command: What is run, with `flags` behind it.
        more: Flags that come last, and so count.
        port: Its port, the same after each start; 0 before the first.
        process: Its process, while it should live.
    """

    folder: Path
    command: list[str] = field(default_factory=lambda: SERVICE)
    more: list[str] = field(default_factory=list)
    port: int = 0
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it listens."""
        if not self.port:
            (self.port,) = free_ports(1)
        self.process = subprocess.Popen([*self.command, *self.flags()], stderr=subprocess.DEVNULL)
        until("the output's port", self.listens, 20, every_s=0.02)

    def flags(self) -> list[str]:
        """Its settings."""
        token = self.folder / "token"
        token.write_text("secret")
        return [
            f"--port={self.port}",
            f"--db-dir={self.folder / 'db'}",
            f"--worker-token-file={token}",
            "--consul-addr=http://127.0.0.1:1",
            *self.more,
        ]

    def listens(self) -> bool:
        """Whether somebody takes connections at its port."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it by a signal; nothing happens where it has ended."""
        if self.process:
            self.process.send_signal(number)
            self.process.wait(30)
            self.process = None

    async def post(self, session: aiohttp.ClientSession, batch: Batch) -> int:
        """The status of sending one batch, 0 when there was no answer."""
        try:
            async with session.post(f"{self.url}/results", data=pack(batch), headers=HEADERS) as answer:
                return answer.status
        except aiohttp.ClientError:
            return 0
