"""A service of many instances and one client of it, on a virtual clock: requests, answers, failures, all from a seed.

Requests come at random moments at a steady mean rate, whatever became of those before (open loop); one that fails is
tried once more at another instance, as `balance` does.
"""

import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from hoploom.kit.outliers import RULES, Rules
from hoploom.kit.pool import Peer, Pool

Behaviour = Callable[[float, float], tuple[float, bool]]
"""From the time and a chance in [0, 1): seconds until an instance answers, and whether it answers well."""


def good(_: float, chance: float) -> tuple[float, bool]:
    """About 20 ms, and never a failure."""
    return 0.015 + 0.01 * chance, True


@dataclass
class Course:
    """What came of a run.

    Attributes:
        ended: (began, seconds that it took, whether it was answered well) of each request.
        asked: (when, which instance) of each try.
        bad: Tries that failed, by instance.
        most_open: The most requests that were open at each instance at once.
    """

    ended: list[tuple[float, float, bool]] = field(default_factory=list)
    asked: list[tuple[float, str]] = field(default_factory=list)
    bad: Counter[str] = field(default_factory=Counter)
    most_open: Counter[str] = field(default_factory=Counter)

    @property
    def failed(self) -> int:
        """Requests without a good answer."""
        return sum(not well for _, _, well in self.ended)

    def quantile_s(self, part: float) -> float:
        """Seconds that this part of all requests took at most."""
        took = sorted(took_s for _, took_s, _ in self.ended)
        return took[int(part * (len(took) - 1))]

    def share(self, name: str, from_s: float = 0.0, to_s: float = float("inf")) -> float:
        """Part of the tries in a time that this instance got."""
        names = [each for at_s, each in self.asked if from_s <= at_s < to_s]
        return names.count(name) / len(names)


class World:
    """Instances and their client."""

    def __init__(self, seed: int, rules: Rules = RULES, pool: type[Pool] = Pool) -> None:
        """Begin at 0 s, with nobody."""
        self._chance = random.Random(seed)
        self.pool = pool(self._chance.random, rules)
        self._behaviours: dict[str, Behaviour] = {}
        self._events: list[tuple[float, int, Callable[[], object]]] = []
        self._count = itertools.count()
        self.now_s, self.course = 0.0, Course()

    def add(self, names: Iterable[str], behaviour: Behaviour = good) -> None:
        """Instances join the list."""
        self._behaviours |= dict.fromkeys(names, behaviour)
        self.pool.learn({name: name for name in self._behaviours}, self.now_s)

    def at(self, when_s: float, action: Callable[[], object]) -> None:
        """Have something happen."""
        heapq.heappush(self._events, (when_s, next(self._count), action))

    def run(self, until_s: float, per_s: float) -> Course:
        """Send requests until then, and wait for all answers."""
        self.at(self.now_s, lambda: self._arrive(until_s, per_s))
        while self._events:
            self.now_s, _, action = heapq.heappop(self._events)
            action()
        return self.course

    def _arrive(self, until_s: float, per_s: float) -> None:
        self._ask(self.now_s, None)
        next_s = self.now_s + self._chance.expovariate(per_s)
        if next_s < until_s:
            self.at(next_s, lambda: self._arrive(until_s, per_s))

    def _ask(self, began_s: float, avoid: Peer | None) -> None:
        turn, course = self.pool.take(self.now_s, avoid), self.course
        assert turn is not None, "there is always somebody to ask"
        name = turn.peer.url
        course.asked.append((self.now_s, name))
        course.most_open[name] = max(course.most_open[name], turn.peer.outstanding)
        takes_s, well = self._behaviours[name](self.now_s, self._chance.random())

        def end() -> None:
            self.pool.judge(turn, self.now_s, failed=not well)
            self.pool.leave(turn)
            course.bad[name] += not well
            if well or avoid is not None:
                course.ended.append((began_s, self.now_s - began_s, well))
            else:
                self._ask(began_s, turn.peer)

        self.at(self.now_s + takes_s, end)
