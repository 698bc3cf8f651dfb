"""Faults by a seed: when, which, against whom, for how long. A schedule is pure; `Nemesis` carries it out.

Every fault is logged in the run's history, ends after its time, and is undone at the end of the run whatever happens.
The same seed gives the same schedule. A fault that this machine cannot do is an error, never a silent pass.
"""

import heapq
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from lab.history import INVOKE, OK, Recorder
from waiting import pause

NAME = "nemesis"
Undo = Callable[[], None]


@dataclass(frozen=True)
class Kind:
    """One kind of fault.

    Attributes:
        name: Its name, as it stands in the history.
        targets: Whom it may strike.
        weight: How often, against the others.
        least_s: The shortest time that it lasts, in seconds.
        most_s: The longest.
    """

    name: str
    targets: tuple[str, ...]
    weight: float = 1.0
    least_s: float = 0.5
    most_s: float = 3.0


@dataclass(frozen=True, order=True)
class Planned:
    """One fault: at which second of the run it begins, and how many seconds it lasts."""

    at_s: float
    kind: str
    target: str
    lasts_s: float


def schedule(seed: int, kinds: Sequence[Kind], length_s: float, every_s: float) -> list[Planned]:
    """Faults at random times; those of one kind against one target do not overlap.

    Args:
        seed: The same seed gives the same schedule.
        kinds: What may happen.
        length_s: Every fault has ended by then.
        every_s: Mean time between the begins of two faults.
    """
    rng = random.Random(seed)
    busy_until: dict[tuple[str, str], float] = {}
    plan, at_s = list[Planned](), 0.0
    while True:
        at_s += rng.uniform(0.5, 1.5) * every_s
        kind = rng.choices(kinds, [each.weight for each in kinds])[0]
        target, lasts_s = rng.choice(kind.targets), rng.uniform(kind.least_s, kind.most_s)
        if at_s + lasts_s > length_s:
            return plan
        if busy_until.get((kind.name, target), 0.0) <= at_s:
            busy_until[kind.name, target] = at_s + lasts_s
            plan.append(Planned(round(at_s, 3), kind.name, target, round(lasts_s, 3)))


class Nemesis:
    """Carries faults out, while this is entered as a context; on leaving it undoes what still lasts."""

    def __init__(
        self,
        recorder: Recorder,
        faults: Mapping[str, Callable[[str], Undo]],
        named: Callable[[str], str] = str,
    ) -> None:
        """Do nothing yet.

        Args:
            recorder: The run's history, written as `nemesis`.
            faults: By name: begins the fault against a target, and gives what ends it.
            named: Who a target is when its turn comes, such as "leader".
        """
        self._recorder, self._faults, self._named = recorder, faults, named
        self._lasting: list[tuple[float, int, ExitStack]] = []
        self._count = 0

    def run(self, plan: Sequence[Planned], *, before_each: Callable[[], None] = lambda: None) -> None:
        """Carry a schedule out, and return when its last fault has ended.

        Args:
            plan: The schedule, from now on.
            before_each: Called before each fault begins, such as a look whether everybody lives.
        """
        began_s = time.monotonic()
        for each in sorted(plan):
            self._wait(began_s + each.at_s)
            before_each()
            self.strike(each.kind, each.target, each.lasts_s)
        self._wait(max((due for due, *_ in self._lasting), default=began_s))

    def strike(self, kind: str, target: str, lasts_s: float) -> None:
        """Begin one fault; it ends when somebody waits beyond its time, or at the end."""
        target = self._named(target)
        self._recorder.note(INVOKE, kind, target)
        undo = self._faults[kind](target)
        self._recorder.note(OK, kind, target, {"lasts_s": lasts_s})
        stack = ExitStack()
        stack.callback(self._recorder.note, OK, ENDS[kind] if kind in ENDS else f"end of {kind}", target)
        stack.callback(undo)
        self._count += 1
        heapq.heappush(self._lasting, (time.monotonic() + lasts_s, self._count, stack))

    def end(self) -> None:
        """End everything that still lasts, the first that was due first."""
        with ExitStack() as everything:
            for _, _, stack in sorted(self._lasting, reverse=True):
                everything.push(stack)
        self._lasting.clear()

    def _wait(self, until_s: float) -> None:
        while self._lasting and self._lasting[0][0] <= until_s:
            due, _, stack = heapq.heappop(self._lasting)
            pause(due - time.monotonic())
            stack.close()
        pause(until_s - time.monotonic())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()


ENDS = {"stop": "continue"}
"""How the end of a fault is called, where it has a name of its own."""

