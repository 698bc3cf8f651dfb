"""Nodes in network namespaces of their own, with links that can be cut one way or both, by routes, not by a firewall.

The harness's namespace is the router in the middle: node N is 10.77.N.2 on a link of its own, and the harness is
10.77.N.1 there. What is cut between two nodes does not cut either from the harness: a leader that Consul cannot reach
may still reach its sink, which is the dangerous case. Needs root, and a harness that is in a namespace of its own
(`lab.namespace`); everything ends with it.
"""

import os
import subprocess
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from lab.namespace import new_namespace

_NET = "10.77"
_CUT = "preference 100 from {} to {} blackhole"


class NodeLinks:
    """A place (see `consul_cluster`) of so many nodes, while this is entered as a context."""

    def __init__(self, count: int) -> None:
        """Make nothing yet.

        Args:
            count: How many nodes, numbered from 1.
        """
        self._numbers = range(1, count + 1)
        self._spaces: dict[int, int] = {}
        self._cuts: set[tuple[int, int]] = set()

    def address(self, number: int) -> str:
        """Address of a node."""
        return f"{_NET}.{number}.2"

    def harness_address(self, number: int) -> str:
        """Address that a node reaches the harness by."""
        return f"{_NET}.{number}.1"

    def within(self, number: int, command: Sequence[str]) -> list[str]:
        """The command that runs a command on a node."""
        return ["nsenter", f"--net=/proc/{os.getpid()}/fd/{self._spaces[number]}", *command]

    def cut(self, source: int, target: int) -> None:
        """Let nothing through from one node to another; the way back stays open."""
        self._rule("add", source, target)
        self._cuts.add((source, target))

    def isolate(self, number: int) -> None:
        """Cut a node off from all others, both ways."""
        for other in self._numbers:
            if other != number:
                self.cut(number, other)
                self.cut(other, number)

    def heal(self) -> None:
        """Let everything through again."""
        for source, target in self._cuts:
            self._rule("del", source, target)
        self._cuts.clear()

    def __enter__(self) -> Self:
        _run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        _run("ip", "link", "set", "lo", "up")
        for number in self._numbers:
            self._spaces[number] = new_namespace()
            self._link(number)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for descriptor in self._spaces.values():
            os.close(descriptor)

    def _link(self, number: int) -> None:
        inside, name = self.within(number, ["ip"]), f"node{number}"
        # The thread's own id: the process's other threads are in the machine's namespace.
        here = str(threading.get_native_id())
        _run(*inside, "link", "add", "eth0", "type", "veth", "peer", "name", name, "netns", here)
        _run(*inside, "address", "add", f"{self.address(number)}/30", "dev", "eth0")
        _run(*inside, "link", "set", "lo", "up")
        _run(*inside, "link", "set", "eth0", "up")
        _run("ip", "address", "add", f"{self.harness_address(number)}/30", "dev", name)
        _run("ip", "link", "set", name, "up")
        _run(*inside, "route", "add", "default", "via", self.harness_address(number))

    def _rule(self, verb: str, source: int, target: int) -> None:
        _run("ip", "rule", verb, *_CUT.format(self.address(source), self.address(target)).split())


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)
