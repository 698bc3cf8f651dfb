"""Engine processes: started in a session of their own, known again after a crash, stopped by their own id.

A process id is used again by the system sooner or later; so the record keeps when the process was started, and only a
process with both is ours.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_STOP_POLL_S = 0.05


@dataclass(frozen=True)
class Process:
    """One running engine: its id, and its start in the clock ticks of /proc (or as `ps` prints it)."""

    pid: int
    started: str

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        return _started(self.pid) == self.started

    def as_dict(self) -> dict[str, object]:
        """For the record."""
        return asdict(self)


def start(command: Sequence[str], log: Path, environ: dict[str, str] | None = None) -> Process:
    """Start a process that outlives us, with its output appended to a log that only its owner can read."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        child = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            env=environ,
            start_new_session=True,
            cwd=log.parent,
        )
    finally:
        os.close(descriptor)
    _children[child.pid] = child
    return Process(child.pid, _started(child.pid))


def stop(process: Process, timeout_s: float) -> bool:
    """SIGTERM, wait, and SIGKILL when it does not go; False when it had to be killed."""
    if not process.alive:
        return True
    _signal(process.pid, signal.SIGTERM)
    if _gone(process, timeout_s):
        return True
    _signal(process.pid, signal.SIGKILL)
    _gone(process, 5.0)
    return False


def strays(folder: Path) -> list[Process]:
    """Processes whose command line, environment or working folder names this folder (Linux; elsewhere none)."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        pid = int(entry.name)
        if pid != os.getpid() and _names(entry, str(folder)):
            found.append(Process(pid, _started(pid)))
    return [process for process in found if process.started]


_children: dict[int, "subprocess.Popen[bytes]"] = {}


def _names(entry: Path, folder: str) -> bool:
    for file in ("cmdline", "environ"):
        with contextlib.suppress(OSError):
            if folder.encode() in (entry / file).read_bytes():
                return True
    with contextlib.suppress(OSError):
        return str((entry / "cwd").readlink()).startswith(folder)
    return False


def _started(pid: int) -> str:
    """When a process was started; empty where there is none, or only a zombie."""
    child = _children.get(pid)
    if child is not None and child.poll() is not None:
        return ""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except FileNotFoundError:
        return "" if Path("/proc/self").exists() else _started_by_ps(pid)
    except ProcessLookupError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def _started_by_ps(pid: int) -> str:
    found = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return found.stdout.strip()


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _gone(process: Process, timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while process.alive:
        if time.monotonic() > deadline:
            return False
        time.sleep(_STOP_POLL_S)
    return True
