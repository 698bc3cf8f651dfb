"""A service in two datacenters under a virtual clock, deployed by the real machine, and what must never happen to it.

Time, delays, refusals, faults of the new version and hands on Ctrl-C come from a seed; `run` says what went wrong.
"""

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from hoploom.deploying import course as machine
from hoploom.deploying.gate import Group, Verdict
from hoploom.deploying.happenings import (
    Begun,
    Broken,
    Clear,
    Cleared,
    Command,
    End,
    Event,
    Forget,
    GivenUp,
    GiveUp,
    Hush,
    Hushed,
    Interrupted,
    Judged,
    Promote,
    Promoted,
    Revert,
    Seen,
    Share,
    Shared,
    Stop,
    Submit,
    Submitted,
    Tell,
    Watch,
)
from hoploom.deploying.job_records import Deployment
from hoploom.deploying.sight import Member, Road, Sight, Step
from hoploom.deploying.standing import BEFORE_PROMOTION, Course, Phase, Result

StepOf = Callable[[Course, Event, float], Result]
OLD, NEW = "1.4.0", "1.4.1"
DATACENTERS = ("dc1", "dc2")
COUNT = 4
RATE_PER_S = 300.0
MOST_S = 400.0
_LOOK_S, _JUDGE_S = 1.0, 1.0


@dataclass
class Shape:
    """What a seed decides."""

    bad_in: frozenset[str] = frozenset()
    bad_from: float = 0.0
    never_up: bool = False
    interrupts_s: tuple[float, ...] = ()
    refusals: float = 0.0
    slow_s: float = 0.3


def shape(seed: int) -> Shape:
    """A world of a seed."""
    dice = random.Random(seed)
    return Shape(
        bad_in=frozenset(dice.choice([(), (), ("dc1",), ("dc2",), DATACENTERS])),
        bad_from=dice.choice([0.05, 0.3, 0.9]),
        never_up=dice.random() < 0.1,
        interrupts_s=tuple(dice.uniform(0, 40) for _ in range(dice.choice([0, 0, 1, 2]))),
        refusals=dice.choice([0.0, 0.0, 0.03]),
        slow_s=dice.choice([0.05, 1.0, 6.0]),
    )


@dataclass
class World:
    """What there is, and what was found wrong."""

    dice: random.Random
    shape: Shape
    now_s: float = 0.0
    number: int = 0
    runs: str = OLD
    deployment: Deployment | None = None
    up_at_s: dict[str, float] = field(default_factory=dict)
    down_at_s: dict[str, float] = field(default_factory=dict)
    lines: dict[str, float] = field(default_factory=dict)
    base_s: dict[str, float] = field(default_factory=dict)
    held: dict[tuple[str, float], float] = field(default_factory=dict)
    warned_s: float = float("inf")
    kept: bool = True
    code: int | None = None
    left: bool = False
    wrong: list[str] = field(default_factory=list)
    told: list[Tell] = field(default_factory=list)

    def __post_init__(self) -> None:
        """The old version runs."""
        self.up_at_s = {f"old-{number}": -1.0 for number in range(COUNT)}

    def members(self) -> list[Member]:
        """Who is registered now."""
        found = []
        for number, each in enumerate(sorted(self.up_at_s)):
            if self.down_at_s.get(each, MOST_S * 2) <= self.now_s:
                continue
            is_up = self.up_at_s[each] <= self.now_s
            version = OLD if each.startswith("old") else NEW
            dc = DATACENTERS[number % len(DATACENTERS)]
            found.append(Member(each, version, dc, passing=is_up, healthy=is_up or None))
        return found

    def has(self, version: str, dc: str) -> bool:
        """Whether a passing instance of a version is there."""
        return any(each.passing and (each.version, each.dc) == (version, dc) for each in self.members())

    def part(self, dc: str) -> float:
        """The part of the requests that the new version gets in a datacenter."""
        if not self.has(NEW, dc):
            return 0.0
        if not self.has(OLD, dc):
            return 1.0
        return self.lines.get(dc, 0.5)

    def verdict(self, dc: str) -> Verdict:
        """What a gate says since the last `Watch`."""
        seconds = self.now_s - self.base_s[dc]
        requests = int(seconds * RATE_PER_S * self.part(dc))
        bad = dc in self.shape.bad_in and self.part(dc) >= self.shape.bad_from and requests > 50
        why = "5 % of them failed" if bad else ""
        new = Group(requests, requests // 20 * bad, 30.0)
        return Verdict(not bad, bad or requests >= 100, new, Group(500, 0, 30.0), why)

    def sight(self) -> Sight:
        """What is seen."""
        return Sight(tuple(self.members()), self.number, self.runs, self.deployment)

    def carry(self, command: Command) -> Event | None:
        """Carry a command out, or refuse it."""
        if self.shape.refusals and self.dice.random() < self.shape.refusals:
            return Broken(command, "it was refused", unknown=self.dice.random() < 0.5)
        match command:
            case Hush(dc):
                self.lines[dc] = 0.0
                return Hushed(dc)
            case Share(dc, share):
                self.lines[dc] = share
                return Shared(dc, share)
            case Clear(dc):
                if self.has(OLD, dc) and self.has(NEW, dc):
                    self.wrong.append(f"weights cleared in {dc} while both versions were there")
                self.lines.pop(dc, None)
                return Cleared(dc)
        return self._at_nomad(command)

    def _at_nomad(self, command: Command) -> Event | None:
        match command:
            case Submit():
                self.number, self.runs = self.number + 1, NEW
                self.deployment = Deployment("d", self.number, "running", "", promoted=False)
                for each in range(COUNT):
                    never = self.shape.never_up and each == 0
                    self.up_at_s[f"new-{each}"] = MOST_S * 2 if never else self.now_s + self.dice.uniform(0.5, 5)
                return Submitted(self.number)
            case Promote():
                self._promote()
                return Promoted()
            case GiveUp():
                if self.deployment and self.deployment.is_open and not self.deployment.promoted:
                    self._back()
                return GivenUp()
            case Revert():
                self._back()
        return None

    def _promote(self) -> None:
        if self.deployment is None or not self.deployment.is_open:
            return
        for dc in DATACENTERS:
            if self.lines.get(dc) != 1.0:
                self.wrong.append(f"promoted while {dc} had {self.lines.get(dc)}")
        self.deployment = replace(self.deployment, promoted=True, status="successful")
        self._leave("old")

    def _back(self) -> None:
        assert self.deployment is not None
        self.deployment = replace(self.deployment, status="failed")
        self.number, self.runs = self.number + 1, OLD
        self._leave("new")

    def _leave(self, which: str) -> None:
        for each in [each for each in self.up_at_s if each.startswith(which)]:
            self.down_at_s.setdefault(each, self.now_s + self.dice.uniform(0.2, 4))

    def look(self) -> None:
        """What must hold at every moment."""
        for dc in DATACENTERS:
            if self.has(OLD, dc) and self.has(NEW, dc) and dc not in self.lines:
                self.wrong.append(f"both versions were in {dc} without a weight")
        # Where a command is refused, only the instances' leaving helps.
        late = self.now_s > self.warned_s + self.shape.slow_s and not self.shape.refusals
        if late and not self.left and any(self.part(dc) for dc in DATACENTERS):
            self.wrong.append("the new version had requests after it was to have none")

    @property
    def warned(self) -> bool:
        """Whether it is to be taken back."""
        return self.now_s >= self.warned_s

    def warn(self) -> None:
        """From now on it is to be taken back."""
        self.warned_s = min(self.warned_s, self.now_s)

    def ended(self) -> None:
        """What must hold at the end."""
        versions = {each.version for each in self.members()}
        if self.left:
            calm = not self.shape.refusals and len(self.shape.interrupts_s) < 2
            self._require(not calm, "it was left in the middle, though nothing was refused")
            if not self.kept:
                self.wrong.append("it ended in the middle and kept nothing for the next one")
        elif self.code == 0:
            self._require(versions == {NEW} and not self.lines, f"ended well with {versions}, weights {self.lines}")
        else:
            good = versions == {OLD} and not self.lines and self.runs == OLD
            self._require(good, f"was taken back, and there are {versions}, weights {self.lines}, job {self.runs}")

    def _require(self, good: bool, words: str) -> None:
        if not good:
            self.wrong.append(words)


class Run:
    """One deploy in a world."""

    def __init__(self, seed: int, step: StepOf, road: Road) -> None:
        """Begin at zero."""
        self.world = World(random.Random(seed), shape(seed))
        self._step, self._road = step, road
        self._queue: list[tuple[float, int, Any]] = []
        self._numbers = itertools.count()
        self._stops = 0
        self.course = Course(road)
        self._steps_held: dict[str, list[float]] = {dc: [] for dc in road.datacenters}

    def go(self) -> World:
        """Run it to its end."""
        world = self.world
        self._at(0.0, Begun())
        self._at(_LOOK_S, "look")
        self._at(_JUDGE_S, "judge")
        for each in world.shape.interrupts_s:
            self._at(each, Interrupted())
        while self._queue and world.code is None and not world.wrong:
            world.now_s, _, what = heapq.heappop(self._queue)
            if world.now_s > MOST_S:
                world.wrong.append(f"it did not end: {self.course.phase}")
                break
            world.look()
            self._happen(what)
        if world.code is not None:
            world.ended()
        return world

    def _at(self, seconds: float, what: Any) -> None:
        heapq.heappush(self._queue, (self.world.now_s + seconds, next(self._numbers), what))

    def _happen(self, what: Any) -> None:
        world = self.world
        match what:
            case "look":
                self._at(_LOOK_S, "look")
                self._event(Seen(world.sight()))
            case "judge":
                self._at(_JUDGE_S, "judge")
                for dc in list(world.base_s):
                    self._event(Judged(dc, world.verdict(dc)))
            case (stops, command) if stops == self._stops:
                # Stopped commands are not carried out.
                event = world.carry(command)
                if event is not None:
                    self._at(world.dice.uniform(0.0, 0.1), event)
            case (_, _):
                pass
            case _:
                self._event(what)

    def _event(self, event: Event) -> None:
        world, before = self.world, self.course
        if world.code is not None:
            return
        if isinstance(event, Interrupted) and before.phase in BEFORE_PROMOTION:
            world.warn()
        if isinstance(event, Judged) and not event.verdict.ok and before.phase in (Phase.WATCHING, Phase.MOVING):
            world.warn()
        self.course, commands = self._step(before, event, world.now_s)
        for command in commands:
            self._command(command)

    def _command(self, command: Command) -> None:
        world = self.world
        match command:
            case Tell():
                world.told.append(command)
                world.left = world.left or command.what == "left"
            case Stop():
                self._stops += 1
            case Forget():
                world.kept = False
            case End(code):
                world.code = code
            case Watch(dc):
                world.base_s[dc] = world.now_s
                self._hold(dc)
            case Share(dc, share):
                self._allowed(dc, share)
                self._at(world.dice.uniform(0, world.shape.slow_s), (self._stops, command))
            case Promote():
                self._finished(world.now_s)
                self._at(world.dice.uniform(0, world.shape.slow_s), (self._stops, command))
            case _:
                self._at(world.dice.uniform(0, world.shape.slow_s), (self._stops, command))

    def _hold(self, dc: str) -> None:
        self._steps_held[dc].append(self.world.now_s)

    def _allowed(self, dc: str, share: float) -> None:
        """Whether all shares below this one, and all datacenters ahead of it, have had their time."""
        road, now_s = self._road, self.world.now_s
        if self.world.warned:
            self.world.wrong.append(f"{share:.0%} in {dc} after it was to be taken back")
        ahead = road.datacenters[: road.datacenters.index(dc)]
        wanted = [(each, len(road.steps)) for each in ahead]
        wanted.append((dc, [each.share for each in road.steps].index(share)))
        for each, count in wanted:
            self._require_held(each, count, now_s, f"{share:.0%} in {dc}")

    def _finished(self, now_s: float) -> None:
        for dc in self._road.datacenters:
            self._require_held(dc, len(self._road.steps), now_s, "promoted")

    def _require_held(self, dc: str, count: int, now_s: float, what: str) -> None:
        began = self._steps_held[dc]
        times = [*began, now_s]
        held = [late - early for early, late in itertools.pairwise(times)][:count]
        short = any(each < step.seconds for each, step in zip(held, self._road.steps, strict=False))
        if len(began) < count or short:
            self.world.wrong.append(f"{what} before {dc} had been watched in {count} steps")


ROAD = Road(
    new=NEW, old=frozenset({OLD}), datacenters=DATACENTERS, steps=(Step(0.1, 5), Step(0.5, 5), Step(1.0, 5)),
    beside=True, count=COUNT, ready_s=60, gone_s=60,
)  # fmt: skip


def run(seed: int, step: StepOf = machine.step, road: Road = ROAD) -> World:
    """One seed."""
    return Run(seed, step, road).go()
