"""What happened in a run, written by everybody who took part: one JSON line an event, in one file for all.

Times are CLOCK_MONOTONIC of one kernel, so events of different processes have one order. A line is one write to a file
opened for appending: a process that is killed leaves whole lines. Whatever took effect is told by the resource itself
(`sink`, Consul), in the order in which the resource saw it, and never by the one who asked for it.

Source: Jepsen's histories (invoke, ok, fail, info).
"""

import json
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

INVOKE, OK, FAIL, INFO = "invoke", "ok", "fail", "info"


@dataclass(frozen=True, order=True)
class Token:
    """A fencing token as the history knows it: of two, the later acquisition has the larger one."""

    epoch: int
    index: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `epoch.index`; raises ValueError for anything else."""
        epoch, _, index = text.partition(".")
        return cls(int(epoch), int(index))

    def __str__(self) -> str:
        """As it is written."""
        return f"{self.epoch}.{self.index}"


@dataclass(frozen=True)
class Event:
    """One line.

    Attributes:
        proc: Who wrote it: a process's lasting name, "nemesis", or a resource.
        boot: Which life of that process; 1 is the first.
        seq: Number of the line within that life, from 0.
        ph: "invoke", "ok", "fail" or "info" (it is not known whether it took effect).
        op: What was done.
        key: What it was done to, such as a role or a shard.
        val: What else there is to say.
        token: Fencing token, `epoch.index`; empty for none.
        t: Seconds of CLOCK_MONOTONIC.
    """

    proc: str
    boot: int
    seq: int
    ph: str
    op: str
    key: str = ""
    val: Any = None
    token: str = ""
    t: float = 0.0

    @property
    def life(self) -> tuple[str, int]:
        """The one life of the one process that wrote it."""
        return self.proc, self.boot


class Recorder:
    """Appends one process's events to the history."""

    def __init__(self, path: Path, proc: str, boot: int = 1, clock: Callable[[], float] = time.monotonic) -> None:
        """Open the file; it is made where there is none.

        Args:
            path: The history of the run.
            proc: Lasting name of the writer.
            boot: Which life of it this is.
            clock: Seconds; `time.monotonic` is CLOCK_MONOTONIC on Linux.
        """
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._proc, self._boot, self._clock, self._seq = proc, boot, clock, 0

    def note(self, ph: str, op: str, key: str = "", val: Any = None, token: str = "") -> Event:
        """Write one event, and give it."""
        event = Event(self._proc, self._boot, self._seq, ph, op, key, val, token, self._clock())
        self._seq += 1
        os.write(self._file, (json.dumps(asdict(event), separators=(",", ":")) + "\n").encode())
        return event

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def parse(lines: Iterable[str]) -> list[Event]:
    """The events of a history in the order of their times.

    A last line without its end is left out: its writer, or the machine, died while it was written.

    Raises:
        ValueError: A whole line is no event.
    """
    events = [Event(**json.loads(line)) for line in lines if line.endswith("\n")]
    return sorted(events, key=lambda event: (event.t, event.proc, event.boot, event.seq))


def read(path: Path) -> list[Event]:
    """The events of a file; none where there is no file yet."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8") as lines:
        return parse(lines)


class Tail:
    """Reads a history while it grows."""

    def __init__(self, path: Path) -> None:
        """Begin at the file's first line."""
        self._path, self._offset = path, 0

    def new(self) -> list[Event]:
        """The events since the last call, in the order of their times."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        self._offset += len(whole)
        return parse(whole.decode().splitlines(keepends=True))


def of(events: Sequence[Event], op: str, *phases: str, key: str | None = None) -> list[Event]:
    """The events of one operation, in these phases (all where none are named), on one key (any where none is named)."""
    return [
        each for each in events
        if each.op == op and (not phases or each.ph in phases) and (key is None or each.key == key)
    ]
