"""Processes that want to lead: started, killed, stopped and started again, each life with its number in the history."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from engine_processes import Child
from lab.consul_cluster import Agent, Place
from lab.history import OK, Event, Tail
from waiting import until

VICTIM = Path(__file__).with_name("leader_victim.py")


def command(place: Place, agent: Agent, sink_port: int, options: Sequence[str]) -> list[str]:
    """The command of a candidate that lives beside an agent."""
    number = agent.number
    sink = f"http://{place.harness_address(number)}:{sink_port}/"
    words = ["--consul-addr", agent.url, "--host", place.address(number), "--sink", sink, *options]
    return place.within(number, [sys.executable, str(VICTIM), *words])


@dataclass
class Candidate:
    """One process by its lasting name."""

    name: str
    command: Sequence[str]
    log: Path
    boot: int = field(default=0, init=False)
    child: Child | None = field(default=None, init=False)

    def start(self) -> None:
        """Begin its next life."""
        self.boot += 1
        self.child = Child([*self.command, "--proc", self.name, "--boot", str(self.boot)], self.log)
        self.child.start()

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
        if self.child is not None:
            self.child.stop(kill=True)

    def wait(self) -> None:
        """Wait for its end, after a signal that asks for it."""
        if self._process is not None:
            self._process.wait(20)

    @property
    def _process(self) -> "subprocess.Popen[bytes] | None":
        return self.child.process if self.child else None


class Candidates:
    """Some processes that want the same role, while this is entered as a context."""

    def __init__(self, folder: Path, commands: Sequence[Sequence[str]]) -> None:
        """Start nothing yet.

        Args:
            folder: For the logs and the history.
            commands: One command a candidate; see `command`.
        """
        self.history = folder / "history"
        self.all = [
            Candidate(f"p{number}", [*words, "--history", str(self.history)], folder / f"p{number}.log")
            for number, words in enumerate(commands)
        ]
        self._tail = Tail(self.history)
        self.acquired: list[Event] = []
        self._ended: set[tuple[str, int, str]] = set()
        self._ready: set[tuple[str, int]] = set()

    def __getitem__(self, name: str) -> Candidate:
        return next(each for each in self.all if each.name == name)

    def __enter__(self) -> Self:
        try:
            for each in self.all:
                each.start()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Kill them all."""
        for each in self.all:
            each.send(signal.SIGCONT)
            each.kill()

    def look(self) -> list[Event]:
        """All acquisitions until now."""
        for each in self._tail.new():
            if each.op == "acquire" and each.ph == OK:
                self.acquired.append(each)
            elif each.op == "end":
                self._ended.add((*each.life, each.token))
            elif each.op == "standby":
                self._ready.add(each.life)
        return self.acquired

    def next_after(self, t: float, within_s: float) -> Event:
        """The first acquisition later than a moment; fails the test where none comes in time."""
        found = until("a leader", lambda: self._first_after(t), within_s, 0.01)
        assert found is not None
        return found

    def leader(self, within_s: float = 20.0) -> tuple[Candidate, Event]:
        """Who acquired last, lives and has not ended its term, with that acquisition."""
        found = until("a living leader", self._led, within_s, 0.02)
        assert found is not None
        return found

    def stand_by(self, count: int, within_s: float = 30.0) -> tuple[Candidate, Event]:
        """Wait until there is a leader, and so many others could follow it; the leader and its acquisition."""
        until(f"{count} ready to lead besides the leader", lambda: len(self._others()) >= count, within_s, 0.02)
        return self.leader()

    def _others(self) -> list[Candidate]:
        leader, _ = self.leader()
        ready = (each for each in self.all if each.lives and (each.name, each.boot) in self._ready)
        return [each for each in ready if each is not leader]

    def _first_after(self, t: float) -> Event | None:
        return next((each for each in self.look() if each.t > t), None)

    def _led(self) -> tuple[Candidate, Event] | None:
        if not self.look():
            return None
        last = self.acquired[-1]
        candidate = self[last.proc]
        leads = candidate.lives and candidate.boot == last.boot and (*last.life, last.token) not in self._ended
        return (candidate, last) if leads else None
