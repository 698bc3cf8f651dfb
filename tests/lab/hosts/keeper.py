"""The process that holds a lab's namespaces: when it ends, the kernel ends everything in them.

It has a mount, a PID and a network namespace and reads its standard input; the other end of that pipe is ours, so it
ends with us, however we end.
"""

import ctypes
import os
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from lab.hosts.completed import Completed
from waiting import until

T = TypeVar("T")
_CLONE_NEWNET = 0x40000000
# What systemd-nspawn and `ip netns` leave in /run stays in here.
_HOLD = """
set -e
mkdir -p /run/netns /run/systemd
mount -t tmpfs tmpfs /run/netns
mount -t tmpfs tmpfs /run/systemd
mount --bind "$1" /etc/hosts
ip link set lo up
echo ready
exec cat
"""


class Keeper:
    """The lab's namespaces.

    Attributes:
        pid: Process id of the holder; `/proc/PID/ns/` has the namespaces.
    """

    def __init__(self, hosts_file: Path) -> None:
        """Make the namespaces.

        Args:
            hosts_file: What /etc/hosts shall be for processes in the lab.
        """
        unshare = ["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "--mount-proc"]
        self._process = subprocess.Popen(
            [*unshare, "sh", "-c", _HOLD, "keeper", str(hosts_file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the run; it closes the lab then.
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != b"ready\n":
            self.close()
            raise RuntimeError("the lab's namespaces could not be made")
        self.pid = child(self._process.pid)

    @property
    def enter(self) -> list[str]:
        """What to put before a command that shall run in the lab."""
        return ["nsenter", f"--target={self.pid}", "--mount", "--pid", "--net"]

    def run(self, *command: str, timeout_s: float = 60, cwd: Path | None = None, **environ: str) -> Completed:
        """Run a command in the lab.

        Args:
            command: The command.
            timeout_s: Seconds after which it is ended; its exit code is 124 then.
            cwd: Where it runs.
            environ: Variables of its environment, besides our own.
        """
        where = ["env", f"--chdir={cwd or '/'}", *(f"{name}={value}" for name, value in environ.items())]
        timed = ["timeout", "--kill-after=5", f"{timeout_s:g}", *command]
        ended = subprocess.run(
            [*self.enter, *where, *timed], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
        )
        return Completed(ended.returncode, ended.stdout, ended.stderr)

    def must(self, script: str) -> None:
        """Run a shell script in the lab.

        Raises:
            RuntimeError: it failed; its last words.
        """
        ended = self.run("sh", "-ec", script)
        if ended.rc != 0:
            raise RuntimeError(f"the lab could not be set up: {ended.err.strip()[-400:]}")

    def within(self, body: Callable[[], T]) -> T:
        """Call a function in the lab's network; the sockets that it opens stay there.

        What it raises is raised here.
        """
        return in_network(Path(f"/proc/{self.pid}/ns/net"), body)

    def close(self) -> None:
        """End the lab: everything in its namespaces."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def in_network(path: Path, body: Callable[[], T]) -> T:
    """Call a function in a thread that is in this network namespace."""
    results: list[T] = []
    errors: list[BaseException] = []

    def thread() -> None:
        try:
            descriptor = os.open(path, os.O_RDONLY)
            try:
                if ctypes.CDLL(None, use_errno=True).setns(descriptor, _CLONE_NEWNET) != 0:
                    number = ctypes.get_errno()
                    raise OSError(number, os.strerror(number))
            finally:
                os.close(descriptor)
            results.append(body())
        except BaseException as error:  # carried over to the caller's thread
            errors.append(error)

    runner = threading.Thread(target=thread)
    runner.start()
    runner.join()
    if errors:
        raise errors[0]
    return results[0]


def child(pid: int) -> int:
    """The one child of a process, waited for."""
    return int(until(f"a child of process {pid}", lambda: children(pid), within_s=20, every_s=0.01)[0])


def children(pid: int) -> Sequence[str]:
    """The process ids of a process' children."""
    try:
        return Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except FileNotFoundError:
        return []
