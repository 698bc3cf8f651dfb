"""Processes that want to lead the same role, and what their history says of who leads now."""

import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.consul_cluster import Agent, Place
from lab.history import OK, Event, Tail
from lab.process import Process
from waiting import until

VICTIM = Path(__file__).with_name("leader_victim.py")


def command(place: Place, agent: Agent, sink_port: int, options: Sequence[str]) -> list[str]:
    """The command of a candidate that lives beside an agent; `Candidates` adds its name and life."""
    number = agent.number
    sink = f"http://{place.harness_address(number)}:{sink_port}/"
    words = ["--consul-addr", agent.url, "--host", place.address(number), "--sink", sink, *options]
    return place.within(number, [sys.executable, str(VICTIM), *words])


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
            Process(f"p{number}", partial(self._words, words, f"p{number}"), folder / f"p{number}.log")
            for number, words in enumerate(commands)
        ]
        self._tail = Tail(self.history)
        self.acquired: list[Event] = []
        self._ended: set[tuple[str, int, str]] = set()
        self._ready: set[tuple[str, int]] = set()

    def __getitem__(self, name: str) -> Process:
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

    def leader(self, within_s: float = 20.0) -> tuple[Process, Event]:
        """Who acquired last, lives and has not ended its term, with that acquisition."""
        found = until("a living leader", self._led, within_s, 0.02)
        assert found is not None
        return found

    def stand_by(self, count: int, within_s: float = 30.0) -> tuple[Process, Event]:
        """Wait until there is a leader, and so many others could follow it; the leader and its acquisition."""
        until(f"{count} ready to lead besides the leader", lambda: len(self._others()) >= count, within_s, 0.02)
        return self.leader()

    def _words(self, words: Sequence[str], name: str, boot: int) -> list[str]:
        return [*words, "--history", str(self.history), "--proc", name, "--boot", str(boot)]

    def _others(self) -> list[Process]:
        leader, _ = self.leader()
        ready = (each for each in self.all if each.lives and (each.name, each.boot) in self._ready)
        return [each for each in ready if each is not leader]

    def _first_after(self, t: float) -> Event | None:
        return next((each for each in self.look() if each.t > t), None)

    def _led(self) -> tuple[Process, Event] | None:
        if not self.look():
            return None
        last = self.acquired[-1]
        candidate = self[last.proc]
        leads = candidate.lives and candidate.boot == last.boot and (*last.life, last.token) not in self._ended
        return (candidate, last) if leads else None
