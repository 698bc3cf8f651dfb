"""The agent beside Fabio and the services stopped cleanly for a while under load, again and again: what of it is felt.

Three Consul servers go on, so that the mesh sees the agent's node fail and come back.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine_processes import FabioRouter
from hoploom import engines
from lab.kill_arena import KillArena
from load import Load
from waiting import pause, until

INPUTS, OUTPUTS = 2, 2
PER_S = 40
LOOK_EVERY_S = 0.1
AFTER_S = 6.0
"""So long the load goes on after the agent is back: its node is found alive, its checks run, Fabio reads all that."""

SESSION_LIVES_S = 20.0
"""Consul ends a session at twice its TTL; one that was not renewed for longer is not lost needlessly."""


@dataclass(frozen=True)
class Outage:
    """One trial.

    Attributes:
        away_s: How long the agent was away.
        answered: Requests through Fabio that were answered well.
        failures: Requests that were not, in words.
        fewest: The fewest instances that Fabio's table had of a service at any look.
        out_s: How long it had not all of them.
        sessions_lost: Sessions that were gone afterwards.
    """

    away_s: float
    answered: int
    failures: tuple[str, ...]
    fewest: int
    out_s: float
    sessions_lost: int

    def words(self) -> str:
        """In one line, for people."""
        failed = f"{len(self.failures)} of {self.answered + len(self.failures)} requests failed"
        table = f"at least {self.fewest} in the table, fewer than all for {self.out_s:.1f} s"
        return f"away {self.away_s:g} s: {failed}, {table}, {self.sessions_lost} sessions lost"


class Watched:
    """A mesh behind one Fabio, all on the same agent."""

    def __init__(self, arena: KillArena, fabio: FabioRouter) -> None:
        """Know both."""
        self._arena, self._fabio = arena, fabio
        self.agent = arena.cluster.clients[0]

    def fewest(self) -> int:
        """Instances in Fabio's table of the service that has fewest there."""
        return min(len(self._fabio.targets("input")), len(self._fabio.targets("output")))

    def outage(self, away_s: float) -> Outage:
        """Stop the agent, start it again, and look at the table all the while."""
        until("a whole table", lambda: self.fewest() == min(INPUTS, OUTPUTS), 60)
        before = self._sessions()
        urls = [f"{self._fabio.url}{path}" for path in ("/api/v1/results?limit=1", "/api/v1/slots")]
        requests: list[tuple[str, str, dict[str, Any]]] = [("GET", url, {}) for url in urls]
        with Load(requests, per_s=PER_S, at_most_s=away_s + 60) as load:
            self.agent.stop()
            looks = self._looked(away_s)
            self.agent.start()
            looks += self._looked(AFTER_S)
        # A session that ended meanwhile is made anew within seconds: what counts is which are the same.
        lost = len(before - self._sessions())
        out_s = sum(seconds for number, seconds in looks if number < min(INPUTS, OUTPUTS))
        fewest = min(number for number, _ in looks)
        return Outage(away_s, load.result.answered, tuple(load.result.failures), fewest, out_s, lost)

    def _looked(self, seconds: float) -> list[tuple[int, float]]:
        """What each look at the table has found, and for how many seconds it stood."""
        looks, until_s = list[tuple[int, float]](), time.monotonic() + seconds
        while time.monotonic() < until_s:
            began_s = time.monotonic()
            number = self.fewest()
            pause(LOOK_EVERY_S)
            looks.append((number, time.monotonic() - began_s))
        return looks

    def _sessions(self) -> set[str]:
        return {each["ID"] for each in self._arena.cluster.raw("GET", "/v1/session/list?consistent") or []}


def outages(folder: Path, away_s: Sequence[float]) -> list[Outage]:
    """One trial after the other on one mesh.

    Args:
        folder: An empty folder for logs and data.
        away_s: How long the agent is away in each.
    """
    fabio = engines.ensure(["fabio"], report=lambda line: None)["fabio"].path
    with KillArena(folder, "127.0.0.0/20", 1.0, (INPUTS, OUTPUTS, 0)) as arena:
        router = FabioRouter(fabio, folder / "fabio", "lab", arena.cluster.clients[0])
        router.start()
        try:
            watched, found = Watched(arena, router), []
            for number, each in enumerate(away_s):
                found.append(watched.outage(each))
                _say(f"{number + 1}/{len(away_s)}: {found[-1].words()}")
            return found
        finally:
            router.stop()


def main(words: Sequence[str]) -> int:
    """`lab outages`: exit 1 when anything was felt."""
    parser = argparse.ArgumentParser(prog="python3 tests lab outages", description=__doc__)
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--away", type=float, default=12.0, metavar="SECONDS")
    given = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="outages-") as folder:
        found = outages(Path(folder), [given.away] * given.trials)
    print(json.dumps([asdict(each) for each in found]))
    return 1 if any(each.failures or _out(each) or _needless(each) for each in found) else 0


def _out(one: Outage) -> bool:
    return one.fewest < min(INPUTS, OUTPUTS)


def _needless(one: Outage) -> bool:
    return bool(one.sessions_lost) and one.away_s < SESSION_LIVES_S


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
