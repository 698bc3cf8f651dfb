"""An output that a nursery forks: lives again and again at one port, with its store perhaps on a disk of its own."""

from __future__ import annotations

import contextlib
import json
import socket
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any

from engine_processes import LOOPBACK, free_ports
from lab.nursery import Nursery, lives
from lab.output_process import HEADERS
from waiting import until

START_S, DUMP_S = 20.0, 60.0


@dataclass(frozen=True)
class Answer:
    """What it answered: status, headers in lower case, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Died(AssertionError):
    """An output has ended by itself."""


class OutputLife:
    """One output instance by its folder; not alive yet."""

    def __init__(self, nursery: Nursery, folder: Path, mount: Sequence[str] = (), flags: Sequence[str] = ()) -> None:
        """Choose a port.

        Args:
            nursery: Who forks it.
            folder: Where its token and its store are; the store is `db` in it.
            mount: What is mounted there for this process alone, as arguments of `mount` without the place.
            flags: Of the service, beside those for its place.
        """
        self.folder, self.store = folder, folder / "db"
        self.store.mkdir(parents=True, exist_ok=True)
        self._nursery, self._mount = nursery, [*mount, str(self.store)] if mount else []
        (self.port,) = free_ports(1)
        token = folder / "token"
        token.write_text("secret")
        where = [f"--port={self.port}", f"--db-dir={self.store}", f"--worker-token-file={token}"]
        self._flags = [*where, "--consul-addr=http://127.0.0.1:1", "--log-level=error", *flags]
        self.pid = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def lives(self) -> bool:
        """Whether its process is there."""
        return bool(self.pid) and lives(self.pid)

    def begin(self, fault: str = "", **more: Any) -> None:
        """Begin a life, and wait for nothing; `fault` is a rule to break, see `output_faults.FAULTS`."""
        self.pid = self._nursery.start("output", self._mount, arguments=self._flags, fault=fault, **more)

    def start(self, fault: str = "") -> None:
        """Begin a life, and wait until it listens.

        Raises:
            Died: It has ended before.
        """
        self.begin(fault)
        until("the output's port", self._listens, START_S, 0.005)

    def end(self) -> None:
        """Kill it."""
        if self.pid:
            self._nursery.end(self.pid)

    def ask(self, path: str, body: bytes | None = None, headers: Mapping[str, str] = HEADERS) -> Answer:
        """One request: a POST where there is a body."""
        request = urllib.request.Request(self.url + path, body, dict(headers))
        try:
            with urllib.request.urlopen(request, timeout=DUMP_S) as answer:
                return Answer(answer.status, _lower(answer.headers), answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, _lower(error.headers), error.read())

    def count(self, metric: str, *labels: str) -> float:
        """The sum of a metric's samples that have all these labels, such as `status="422"`."""
        samples = self.ask("/metrics").body.decode().splitlines()
        found = [each for each in samples if each.partition("{")[0].partition(" ")[0] == metric]
        return sum(float(each.rsplit(" ", 1)[1]) for each in found if all(label in each for label in labels))

    def most_memory(self) -> int:
        """The most memory in bytes that it ever had in use (VmHWM) since `forget_memory`."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))

    def forget_memory(self) -> None:
        """Begin anew with what is in use now (proc(5), clear_refs)."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def closed_files(self) -> int:
        """How many of its files are closed."""
        return len(json.loads(self.ask("/dumps").body)["files"])

    def duplicate(self, body: bytes) -> bool:
        """Whether it knows a batch that it is sent."""
        answer = self.ask("/results", body)
        return answer.status == 200 and bool(json.loads(answer.body)["duplicate"])

    def _listens(self) -> bool:
        if not self.lives:
            raise Died("the output has ended by itself; see the nursery's log")
        with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, self.port), 1):
            return True
        return False


def _lower(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
