"""One process by a lasting name: started, killed, stopped, and started again, each life with its number."""

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine_processes import Child

Command = Callable[[int], Sequence[str]]
"""The command of a process in its so-manieth life, from 1."""


def always(name: str, command: Sequence[str], folder: Path) -> "Process":
    """A process that runs the same command in every life, with its log in this folder."""
    return Process(name, lambda _: command, folder / f"{name}.log")


@dataclass
class Process:
    """One process that lives again and again.

    Attributes:
        name: Its lasting name, as it stands in the history.
        command: What to run in each life.
        log: Where all lives write their output.
        boot: Which life this is; 0 before the first.
    """

    name: str
    command: Command
    log: Path
    boot: int = field(default=0, init=False)
    _child: Child | None = field(default=None, init=False)

    def start(self) -> None:
        """Begin its next life; nothing happens where it lives."""
        if not self.lives:
            self.boot += 1
            self._child = Child(list(self.command(self.boot)), self.log)
            self._child.start()

    @property
    def lives(self) -> bool:
        """Whether its process is there."""
        return self._process is not None and self._process.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Send it a signal; nothing happens where it has ended."""
        if self._process is not None and self.lives:
            os.kill(self._process.pid, number)

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._child is not None:
            self._child.stop(kill=True)

    def wait(self) -> int:
        """Wait for its end, after a signal that asks for it; its exit code."""
        return self._process.wait(30) if self._process is not None else 0

    @property
    def pid(self) -> int:
        """Of its process; 0 before the first."""
        return self._process.pid if self._process is not None else 0

    def memory_kib(self) -> int:
        """Memory that it has in use now (RSS, in KiB); 0 where it does not live."""
        if self._process is None or not self.lives:
            return 0
        lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))

    @property
    def _process(self) -> "subprocess.Popen[bytes] | None":
        return self._child.process if self._child else None
