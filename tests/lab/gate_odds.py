"""How often a deploy's gate is wrong, and how soon it is right: deploys of a drawn world, judged by the real rule.

`python3 -m lab.gate_odds [DEPLOYS]` in tests/, with services/ on the path. Nothing runs and nobody is asked: what the
two versions answer is drawn by a seed, once a second, and put before `judge`.
"""

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hoploom.deploying.gate import Look, Policy, Seen, judge
from hoploom.deploying.gate.buckets import Buckets
from hoploom.kit.metrics import FINE_SECONDS

BOUNDS = (*FINE_SECONDS, math.inf)
NEW, OLD = "127.0.0.1:1", "127.0.0.1:2"
GATES, GATE_S = (0.1, 0.5), 60


@dataclass(frozen=True)
class World:
    """What is true of two versions.

    Attributes:
        name: In words.
        new_fails: Share of its requests.
        old_fails: Share of its requests.
        slower: How many times as long the new one takes.
        per_s: Requests a second to both.
        stalls: Every so many seconds an instance answers nobody for 0.3 s; 0 for never.
    """

    name: str
    new_fails: float = 0.001
    old_fails: float = 0.001
    slower: float = 1.0
    per_s: float = 200.0
    stalls: float = 0.0


class _Version:
    def __init__(self, fails: float, slower: float, stalls: float, chance: np.random.Generator) -> None:
        self._fails, self._slower, self._stalls, self._chance = fails, slower, stalls, chance
        self.requests, self.failed = 0, 0
        self._within = np.zeros(len(BOUNDS), dtype=np.int64)

    def second(self, rate: float) -> None:
        count = int(self._chance.poisson(rate))
        # Median 10 ms, 99th percentile 31 ms, as measured of a small service behind Fabio.
        took = self._chance.lognormal(math.log(0.01), 0.486, count) * self._slower
        if self._stalls and self._chance.random() < 1 / self._stalls:
            took[: int(count * 0.3)] += self._chance.uniform(0, 0.3, int(count * 0.3))
        self.requests += count
        self.failed += int(self._chance.binomial(count, self._fails))
        self._within += np.searchsorted(np.sort(took), BOUNDS, side="right")

    def seen(self) -> Seen:
        times = Buckets(dict(zip(BOUNDS, map(float, self._within), strict=True)))
        return Seen(times, self.requests, self.failed, 0.0, self.requests, times)


@dataclass(frozen=True)
class Deployed:
    """What became of a deploy.

    Attributes:
        taken_back: Whether the gate took it back.
        after: Requests of the new version by then.
        undecided: Gates that had not seen enough after their minute.
    """

    taken_back: bool
    after: int
    undecided: int


def deploys(world: World, count: int, seed: int, policy: Policy | None = None) -> Iterator[Deployed]:
    """So many deploys of such a world, one after another.

    Args:
        world: What is true.
        count: How many.
        seed: Of all that is drawn.
        policy: The default one where none is given.
    """
    chance = np.random.default_rng(seed)
    for _ in range(count):
        yield _deployed(world, chance, policy or Policy())


def _deployed(world: World, chance: np.random.Generator, policy: Policy) -> Deployed:
    new = _Version(world.new_fails, world.slower, world.stalls, chance)
    old = _Version(world.old_fails, 1.0, world.stalls, chance)
    undecided = 0
    for share in GATES:
        course: list[Look] = []
        since, ok, enough = _look(new, old, course, 0), True, False
        for second in range(1, GATE_S + 1):
            new.second(world.per_s * share)
            old.second(world.per_s * (1 - share))
            now = _look(new, old, course, second)
            course.append(now)
            verdict = judge(since, now, {NEW}, {OLD}, policy)
            ok, enough = verdict.ok, verdict.enough
            if not ok:
                return Deployed(taken_back=True, after=new.requests, undecided=undecided)
        undecided += not enough
    return Deployed(taken_back=False, after=new.requests, undecided=undecided)


def _look(new: _Version, old: _Version, course: list[Look], at_s: float) -> Look:
    return Look(at_s, {NEW: new.seen(), OLD: old.seen()}, course=course)


WORLDS = (
    World("as good as the old one"),
    World("both fail 0.5 %, as much as may be", 0.005, 0.005),
    World("both fail 2 %", 0.02, 0.02),
    World("both stand still for up to 0.3 s twice a minute", stalls=30.0),
    World("as good, 20 requests/s", per_s=20.0),
    World("fails 1 %", 0.01),
    World("fails 3 %", 0.03),
    World("fails 10 %", 0.1),
    World("fails 3 %, the old one 1 %", 0.03, 0.01),
    World("answers nobody", 1.0),
    World("three times as slow", slower=3.0),
    World("ten times as slow", slower=10.0),
)


def main() -> None:
    """Print a line a world."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    for world in WORLDS:
        found = list(deploys(world, count, seed=20_261_122))
        back = [each.after for each in found if each.taken_back]
        soon = f"  after {np.median(back):,.0f} requests, 95 % by {np.quantile(back, 0.95):,.0f}" if back else ""
        undecided = sum(each.undecided for each in found)
        print(f"{world.name:50} taken back {len(back):,} of {count:,}{soon}; {undecided:,} gates undecided", flush=True)


if __name__ == "__main__":
    main()
