"""The shell: what it is told to do is done in order, and what is under way is left where that is said."""

import asyncio

import pytest

from hoploom.deploying import running as shell
from hoploom.deploying.gate import Group, Verdict
from hoploom.deploying.happenings import (
    Begun,
    Clear,
    Cleared,
    Command,
    Event,
    GivenUp,
    GiveUp,
    Hush,
    Hushed,
    Promote,
    Promoted,
    Share,
    Shared,
    Submit,
    Submitted,
    Tell,
)
from hoploom.deploying.job_records import Deployment
from hoploom.deploying.running import Running
from hoploom.deploying.sight import Member, Road, Sight, Step
from hoploom.deploying.standing import Course
from hoploom.kit.consul_api import Instance
from hoploom.kit.errors import Unavailable

ROAD = Road("1.4.1", frozenset({"1.4.0"}), ("dc1",), (Step(0.5, 0.0), Step(1.0, 0.0)), beside=True, count=1)
OLD, NEW = Member("old", "1.4.0"), Member("new", "1.4.1")
GOOD, BAD = (Verdict(ok, True, Group(100, 0, 1.0), Group(100, 0, 1.0), "why") for ok in (True, False))


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "LOOK_EVERY_S", 0.001)
    monkeypatch.setattr(shell, "JUDGE_EVERY_S", 0.001)


class World:
    """Does at once what it is told; `stuck` are commands that never end."""

    def __init__(self, stuck: type[Command] | None = None) -> None:
        self.done: list[Command] = []
        self.cancelled: list[Command] = []
        self.away = False
        self._stuck = stuck
        self._sight = Sight((OLD,), 3, "1.4.0")

    async def sight(self) -> Sight:
        if self.away:
            raise Unavailable("Consul is away")
        return self._sight

    def instances(self, dc: str) -> list[Instance]:
        return []

    async def carry(self, command: Command) -> Event | None:
        if self._stuck and isinstance(command, self._stuck):
            try:
                await asyncio.Event().wait()
            finally:
                self.cancelled.append(command)
        self.done.append(command)
        match command:
            case Hush(dc):
                return Hushed(dc)
            case Share(dc, share):
                return Shared(dc, share)
            case Clear(dc):
                return Cleared(dc)
        return self._at_nomad(command)

    def _at_nomad(self, command: Command) -> Event | None:
        match command:
            case Submit():
                self._sight = Sight((OLD, NEW), 4, "1.4.1", Deployment("d", 4, "running", "", False))
                return Submitted(4)
            case Promote():
                self._sight = Sight((NEW,), 4, "1.4.1", Deployment("d", 4, "successful", "", True))
                return Promoted()
            case GiveUp():
                self._sight = Sight((OLD,), 5, "1.4.0", Deployment("d", 4, "failed", "", False))
                return GivenUp()
        return None


class Gate:
    """Always says the same."""

    def __init__(self, verdict: Verdict) -> None:
        self._verdict = verdict

    async def begin(self, instances: list[Instance]) -> None:
        assert instances == []

    async def judged(self, instances: list[Instance]) -> Verdict | None:
        return self._verdict


class Keeping:
    """What the next deploy would find."""

    def __init__(self) -> None:
        self.where: list[str] = []
        self.stuck = False

    async def note(self, where: str) -> None:
        self.where.append(where)
        raise Unavailable("Consul is away just then")

    async def forget(self) -> None:
        self.where.append("")
        if self.stuck:
            raise Unavailable("Consul is away at the end")


async def run(world: World, verdict: Verdict = GOOD) -> tuple[int, list[str], Keeping, Running]:
    told, keeping = list[Tell](), Keeping()
    running = Running(world, {"dc1": Gate(verdict)}, keeping, told.append)
    async with asyncio.timeout(20):
        code = await running.run(Course(ROAD), Begun())
    return code, [each.what for each in told], keeping, running


async def test_a_good_version_goes_all_the_way() -> None:
    world = World()
    code, told, keeping, _ = await run(world)
    assert (code, told) == (0, ["canary", "weight", "weight", "promoted", "done"])
    shares = [Share("dc1", 0.5), Share("dc1", 1.0)]
    assert world.done == [Hush("dc1"), Submit(), *shares, Promote(), Clear("dc1")]
    assert keeping.where[0] == "before it was submitted" and keeping.where[-1] == ""


async def test_a_breach_takes_it_back() -> None:
    world = World()
    code, told, _, _ = await run(world, BAD)
    assert (code, told) == (1, ["canary", "breach", "logs", "silent", "undone"])
    assert world.done[-3:] == [Hush("dc1"), GiveUp(), Clear("dc1")]


async def test_what_is_under_way_is_left_when_it_is_taken_back() -> None:
    world, told = World(stuck=Share), list[Tell]()
    running = Running(world, {"dc1": Gate(GOOD)}, Keeping(), told.append)
    asyncio.get_running_loop().call_later(0.1, running.interrupt)
    async with asyncio.timeout(20):
        assert await running.run(Course(ROAD), Begun()) == 1
    assert world.cancelled == [Share("dc1", 0.5)] and world.done[-1] == Clear("dc1")
    assert [each.what for each in told][-1] == "undone"


async def test_whoever_has_lost_the_lock_stops() -> None:
    world, told = World(stuck=Share), list[Tell]()
    running = Running(world, {"dc1": Gate(GOOD)}, Keeping(), told.append)
    asyncio.get_running_loop().call_later(0.1, running.oust, "bob")
    async with asyncio.timeout(20):
        assert await running.run(Course(ROAD), Begun()) == 1
    assert "bob" in str(told[-1].facts["why"]) and world.done == [Hush("dc1"), Submit()]


async def test_without_eyes_it_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "BLIND_S", 0.05)
    world, told = World(stuck=Share), list[Tell]()
    world.away = True
    running = Running(world, {"dc1": Gate(GOOD)}, Keeping(), told.append)
    async with asyncio.timeout(20):
        assert await running.run(Course(ROAD), Begun()) == 1
    # It goes blind on its way back too, and leaves the rest to the next deploy.
    assert [each.what for each in told] == ["back", "silent", "left"]


async def test_a_bug_of_the_gate_ends_it_and_is_not_swallowed() -> None:
    class Broken(Gate):
        async def judged(self, instances: list[Instance]) -> Verdict | None:
            raise ZeroDivisionError

    running = Running(World(), {"dc1": Broken(GOOD)}, Keeping(), lambda tell: None)
    with pytest.raises(ExceptionGroup):
        async with asyncio.timeout(20):
            await running.run(Course(ROAD), Begun())


async def test_a_lock_that_cannot_be_given_back_is_said_and_the_deploy_is_done() -> None:
    told, keeping = list[Tell](), Keeping()
    keeping.stuck = True
    async with asyncio.timeout(20):
        code = await Running(World(), {"dc1": Gate(GOOD)}, keeping, told.append).run(Course(ROAD), Begun())
    assert code == 0 and told[-1] == Tell("lock", {"why": "Consul is away at the end"})
