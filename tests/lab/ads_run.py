"""Managers tell each other of workers, are cut in two halves, die and come back: all know the same, and nobody dead.

    python3 tests lab ads --managers 8 --workers 100 --generations 30

It counts the ads that managers pass on, against n(n-1) a generation of each sender.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from hoploom import engines
from hoploom.wire.ads import MANAGER
from lab.ads_world import AdManagers, LabWorker
from lab.namespace import in_namespace
from waiting import eventually

SHORT_TTL_S = 5


@dataclass(frozen=True)
class Plan:
    """One run.

    Attributes:
        managers: How many.
        workers: How many.
        generations: Ads of each worker in each part of the run.
        seed: Chooses who says what to whom.
    """

    managers: int = 3
    workers: int = 6
    generations: int = 4
    seed: int = 1


@dataclass
class Found:
    """What was seen.

    Attributes:
        wrong: What should not have been.
        passed_on: Ads that managers passed on in the calm part.
        bound: n(n-1) for each ad that anybody said meanwhile.
        spread_s: Until all knew the last generation.
        mended_s: Until all knew the same after the cut.
        back_s: Until a manager that was killed knew the same again.
        left_s: Until the others knew that one has stopped.
    """

    wrong: list[str] = field(default_factory=list)
    passed_on: int = 0
    bound: int = 0
    spread_s: float = 0.0
    mended_s: float = 0.0
    back_s: float = 0.0
    left_s: float = 0.0


class Run:
    """One run."""

    def __init__(self, world: AdManagers, plan: Plan) -> None:
        """Have made the workers."""
        self._world, self._plan, self._chance = world, plan, random.Random(plan.seed)
        self._workers = [world.worker(f"pi-{at}") for at in range(plan.workers)]
        self._all = range(plan.managers)
        self.found = Found()

    async def whole(self) -> Found:
        """All parts, one after another."""
        await eventually("managers that know each other", self._are_acquainted, 40)
        await self._calm()
        await self._cut()
        await self._killed()
        await self._stopped()
        return self.found

    async def _are_acquainted(self) -> bool:
        names = {await self._world.name(at) for at in self._all}
        return all(names <= each.keys() for each in await self._world.all_live(self._all, MANAGER))

    async def _calm(self) -> None:
        """Each says its generations to whomever it likes; some are sent again and out of their order."""
        world, everybody = self._world, list(self._all)
        before, own_before = await world.passed_on(everybody), await world.own_generations(everybody)
        for _ in range(self._plan.generations):
            for each in self._workers:
                await world.say(self._chance.choice(everybody), each)
        self.found.spread_s = await self._until_all_know(everybody, self._workers)
        said = len(self._workers) * self._plan.generations + await world.own_generations(everybody) - own_before
        # One that a manager says of itself may be under way when it is counted.
        self.found.bound = (said + self._plan.managers) * self._plan.managers * (self._plan.managers - 1)
        self.found.passed_on = await world.passed_on(everybody) - before
        if self.found.passed_on > self.found.bound:
            self.found.wrong.append(f"{self.found.passed_on} ads passed on, over {self.found.bound}")

    async def _cut(self) -> None:
        """Each half hears of other workers; one dies meanwhile, and one name is sent by two machines."""
        world, half = self._world, self._plan.managers // 2
        dying = world.worker("dying", ttl_s=SHORT_TTL_S)
        one = world.worker("copied", boot=3, instance="1" * 32)
        other = world.worker("copied", boot=3, instance="2" * 32, key=one.key)
        await world.say(0, dying)
        await self._until_all_know(self._all, [*self._workers, dying])
        world.cut()
        for at, each in enumerate(self._workers):
            await world.say(0 if at % 2 else half, each)
        await world.say(0, dying, one)
        await world.say(half, other)
        await self._until_all_know(range(half), self._workers[1::2])
        await self._until_all_know(range(half, self._plan.managers), self._workers[::2])
        await eventually("its end", lambda: self._is_dead("dying", range(half)), SHORT_TTL_S + 5)
        world.mend()
        self.found.mended_s = await self._until_all_know(self._all, self._workers)
        await eventually("the clash everywhere", self._all_see_the_clash, 90)
        # A message that was under way when the link was cut may still bring it, with what was left then.
        await eventually("its end everywhere", lambda: self._is_dead("dying", self._all), 3 * SHORT_TTL_S)

    async def _killed(self) -> None:
        """A manager that is killed knows nothing when it comes back, and is told by the others."""
        world, last = self._world, self._plan.managers - 1
        world.processes[last].kill()
        world.processes[last].start()
        self.found.back_s = await self._until_all_know([last], self._workers)
        if not await self._is_dead("dying", self._all):
            self.found.wrong.append("a dead worker is alive again after a manager came back")

    async def _stopped(self) -> None:
        """A manager that is asked to stop says so."""
        world, last = self._world, self._plan.managers - 1
        await eventually("managers that know each other", self._are_acquainted, 60)
        name, began_s = await world.name(last), time.monotonic()
        world.processes[last].send(signal.SIGTERM)

        async def is_gone() -> bool:
            return not any(name in each for each in await world.all_live(range(last), MANAGER))

        await eventually("its leave", is_gone, 20)
        self.found.left_s = round(time.monotonic() - began_s, 2)
        world.processes[last].wait()

    async def _is_dead(self, name: str, ats: Sequence[int]) -> bool:
        return not any(name in each for each in await self._world.all_live(ats))

    async def _all_see_the_clash(self) -> bool:
        return all([await self._world.clashes(at) == ["copied"] for at in self._all])

    async def _until_all_know(self, ats: Sequence[int], workers: Sequence[LabWorker]) -> float:
        """Seconds until these managers know the newest ads of these workers."""
        wanted, began_s = {each.name: (each.boot, each.generation) for each in workers}, time.monotonic()

        async def know() -> bool:
            return all(wanted.items() <= each.items() for each in await self._world.all_live(ats))

        await eventually("the newest ads everywhere", know, 90)
        return round(time.monotonic() - began_s, 2)


def run(folder: Path, plan: Plan) -> Found:
    """One run in a namespace of its own; needs root."""
    consul = engines.ensure(["consul"], report=lambda line: None)["consul"].path

    async def body() -> Found:
        with AdManagers(consul, folder, plan.managers) as world:
            try:
                return await Run(world, plan).whole()
            finally:
                await world.http.close()

    return in_namespace(body)


def main(words: Sequence[str]) -> int:
    """`lab ads`."""
    parser = argparse.ArgumentParser(prog="python3 tests lab ads", description=__doc__)
    for name, count in (("managers", 8), ("workers", 100), ("generations", 30), ("seed", int(time.time()) // 86_400)):
        parser.add_argument(f"--{name}", type=int, default=count)
    plan = Plan(**vars(parser.parse_args(words)))
    folder = Path(tempfile.mkdtemp(prefix="ads-"))
    print(f"{plan}, folder {folder}", file=sys.stderr, flush=True)
    found = run(folder, plan)
    print(json.dumps(asdict(found)))
    return int(bool(found.wrong))
