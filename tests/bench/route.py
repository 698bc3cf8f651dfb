"""What a request costs on its way to an instance: nobody in between, Fabio, HAProxy; and balanced by the client itself.

Two kinds of figures. Requests a second, where client, router and backend share the machine's cores; and the router's
own processor time for a request, which another load on the machine changes little. All ways are loaded in turn, for a
second each, round after round, so that they meet the same machine; each ratio is the median of the rounds' own ratios.
"""

import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench import route_clients
from hoploom import engines
from hoploom.cli.bench import Figure, at_least, at_most
from lab.routers import Router, routers
from lab.wrk import load

ROUNDS, ROUND_S, WARM_S = 15, 1.0, 1.0
DIRECT, FABIO, HERE, HAPROXY = range(4)


@dataclass
class Course:
    """What one way has answered so far, a value a round."""

    router: Router
    per_s: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)
    failed: int = 0

    def round(self) -> None:
        """Load it once."""
        before_s = self.router.cpu_s()
        found = load(self.router.url, ROUND_S)
        self.per_s.append(found.per_s)
        self.cpu_us.append((self.router.cpu_s() - before_s) * 1e6 / found.requests)
        self.p99_ms.append(found.p99_ms)
        self.failed += found.failed


def measure(scale: float = 1.0) -> list[Figure]:
    """All ways, so many rounds; at `scale` 1 fifteen of each."""
    paths = engines.ensure(["consul", "fabio"], report=lambda line: None)
    with tempfile.TemporaryDirectory() as folder:
        with routers(paths["fabio"].path, paths["consul"].path, Path(folder)) as made:
            ways = [made.direct(), made.as_it_comes(), made.as_here(), made.haproxy()]
            courses = course(ways, max(3, round(ROUNDS * scale)))
            memory = [way.resident_bytes() / 1e6 for way in ways]
    # By itself, in the same run: there the client is what is measured, and here the router.
    return figures(courses, memory) + route_clients.measure(scale)


def course(ways: Sequence[Router], rounds: int) -> list[Course]:
    """Load each way once a round, there and back again, so that neighbours are compared and none is always first."""
    courses = [Course(way) for way in ways]
    for way in ways:
        load(way.url, WARM_S)
    for number in range(rounds):
        for each in courses if number % 2 else reversed(courses):
            each.round()
    return courses


def figures(courses: Sequence[Course], memory: Sequence[float]) -> list[Figure]:
    """What is told, with the bounds."""
    direct, fabio, here, _ = courses
    found = [
        at_least(f"{each.router.name}, requests/s", statistics.median(each.per_s), "/s", 1,
                 (direct.router.name, statistics.median(direct.per_s)))
        for each in courses
    ]  # fmt: skip
    found += [
        at_most(f"{each.router.name}, processor time a request", statistics.median(each.cpu_us), "us", 10_000,
                (fabio.router.name, statistics.median(fabio.cpu_us)))
        for each in courses[1:]
    ]  # fmt: skip
    found += [
        at_least("Fabio here : as it comes, requests/s", ratio(here, fabio, lambda way: way.per_s), "x", 1.25),
        at_least("Fabio as it comes : here, processor time", ratio(fabio, here, lambda way: way.cpu_us), "x", 1.25),
        at_most("Fabio here, 99th percentile", statistics.median(here.p99_ms), "ms", 1000,
                (fabio.router.name, statistics.median(fabio.p99_ms))),
        at_most("Fabio here, memory after the load", memory[HERE], "MB", 256, (fabio.router.name, memory[FABIO])),
        at_most("failed requests", sum(each.failed for each in courses), "requests", 0),
    ]  # fmt: skip
    return found


def ratio(one: Course, other: Course, of: Callable[[Course], Sequence[float]]) -> float:
    """The median of the rounds' own ratios."""
    return statistics.median(mine / its for mine, its in zip(of(one), of(other), strict=True))
