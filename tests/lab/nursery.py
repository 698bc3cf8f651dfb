"""Forks workers, outputs and collectors that may be killed.

All that they import is imported once, so that a life begins within milliseconds. A life may be on a disk of its own, in
a mount namespace that ends with it.

As a program it forks such a process for each line of arguments (JSON) that comes, and answers its id.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hoploom.kit import lifecycle
from hoploom.output_service import archive
from hoploom.output_service.app import make_app
from hoploom.output_service.settings import Settings
from lab import collector_process, dying, output_faults, spool_worker
from waiting import until

LOOK_S = 0.05
"""Outputs look after their files so often here, not once a second: a fault is to hit them while they change."""

_CLONE_NEWNS = 0x00020000


def output(arguments: Sequence[str], fault: str = "", die_at: tuple[int, str] | None = None) -> None:
    """An output instance.

    Args:
        arguments: Its flags.
        fault: A rule to break, see `output_faults.FAULTS`.
        die_at: Number of the step at which it kills itself, and where it writes that down, see `dying`.
    """
    sys.argv = ["output_service", *arguments]
    archive.LOOK_S = LOOK_S
    if fault:
        output_faults.FAULTS[fault]()
    if die_at:
        dying.die_at(die_at[0], Path(die_at[1]))
    lifecycle.main(make_app, Settings, "output_service")


KINDS: Mapping[str, Callable[..., None]] = {
    "worker": spool_worker.main,
    "output": output,
    "collector": collector_process.main,
}


class Nursery:
    """The process that forks them, while this is entered as a context; whoever lives at its end is killed."""

    def __init__(self, log: Path) -> None:
        """Start nothing yet; all of them write what they have to say into the log."""
        self._log = log
        self._living: set[int] = set()

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pid in list(self._living):
            self.end(pid)
        self._process.__exit__(kind, error, trace)

    def start(self, kind: str, mount: Sequence[str] = (), **arguments: Any) -> int:
        """Begin a life; its process id.

        Args:
            kind: Which of `KINDS`.
            mount: Arguments of `mount` for a disk that this process alone shall see.
            arguments: What that function takes.
        """
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps({"kind": kind, "mount": list(mount), **arguments}) + "\n")
        self._process.stdin.flush()
        pid = int(self._process.stdout.readline())
        self._living.add(pid)
        return pid

    def end(self, pid: int, number: signal.Signals = signal.SIGKILL) -> None:
        """End one by a signal, and see it gone; nothing happens where it has ended by itself."""
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        until("the end of a process", lambda: not lives(pid), 30, 0.001)
        self._living.discard(pid)


def lives(pid: int) -> bool:
    """Whether there is such a process."""
    return Path(f"/proc/{pid}").exists()


def _breed() -> None:
    # Whoever ends leaves nothing behind, and what they start is still waited for by themselves.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        if pid := os.fork():
            print(pid, flush=True)
        else:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _live(**json.loads(line))
            return


def _live(kind: str, mount: Sequence[str], **arguments: Any) -> None:
    # A forked process goes on with the luck of its parent.
    random.seed()
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    os.dup2(2, 1)
    if mount:
        _mount(mount)
    KINDS[kind](**arguments)


def _mount(words: Sequence[str]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", *words], check=True)


if __name__ == "__main__":
    logging.getLogger().setLevel(logging.WARNING)
    _breed()
