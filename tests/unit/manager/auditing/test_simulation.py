"""Fabios that poll, freeze, hang and lag on virtual time; then the same with a rule broken, shown red."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from hoploom.manager.auditing import flipping, following
from lab.routers_world import PACE, World, now_s
from lab.virtual_time import VirtualLoop, run

SEEDS = range(3)
SLACK_S = 0.6
"""The coarsest of the looks up to a second."""

Story = Callable[[World], Awaitable[list[str]]]


def told(seed: int, story: Story, patch: pytest.MonkeyPatch) -> list[str]:
    """What is wrong with what was said in a story; `seed` makes it again."""

    async def whole() -> list[str]:
        world = World(seed, patch)
        async with world.running():
            found = await story(world)
        return [f"seed {seed}: {each}" for each in (*found, *_left(world))]

    return run(whole(), 5000.0)


def _left(world: World) -> list[str]:
    left = world.consul._records.keys() - {"fabio-routes-1", "fabio-routes-2"}
    return [f"left in Consul: {left}"] if left else []


def wrong_times(world: World, name: str, slack_s: float = SLACK_S) -> list[str]:
    """Measured times that no change of the table explains."""
    fabio, found = world.fabios[name], []
    true = [
        min((each - turn for turn in world.turns if each >= turn), default=-1.0) for each in fabio.changed_s
    ]
    for seconds in world.times(name):
        if not any(0 <= seconds - each <= slack_s for each in true):
            found.append(f"{name} was measured at {seconds:.2f} s, and nothing took so long")
    return found


def busy(world: World) -> list[str]:
    """Whether any table was asked for more than once a second, over ten."""
    return [
        f"{name} was read {count} times in ten seconds"
        for name, fabio in world.fabios.items()
        for begin in fabio.reads
        if (count := sum(begin <= each < begin + 10 for each in fabio.reads)) > 10
    ]


async def quiet(world: World) -> list[str]:
    """Two that follow."""
    await asyncio.sleep(300)
    few = [name for name in world.fabios if len(world.times(name)) < 25]
    return [
        *[f"{name} was hardly measured" for name in few], *wrong_times(world, "a"), *wrong_times(world, "b"),
        *busy(world), *[f"{name} is stalled" for name, each in world.states().items() if each],
    ]  # fmt: skip


async def lags(world: World) -> list[str]:
    """One needs four seconds."""
    world.fabios["a"].lag_s = 4.0
    await asyncio.sleep(200)
    times = world.times("a")
    return [
        *([] if len(times) > 10 and min(times) >= 4.0 else [f"a lags by {times}"]),
        *wrong_times(world, "a", following.LATER_EVERY_S), *busy(world),
        *[f"{name} is stalled" for name, each in world.states().items() if each],
    ]  # fmt: skip


async def freezes(world: World) -> list[str]:
    """One stands still for a while, at a moment of its own, in either state of the canary."""
    return await _trouble(world, "frozen")


async def hangs(world: World) -> list[str]:
    """One does not answer for a while."""
    return await _trouble(world, "hangs")


async def _trouble(world: World, what: str) -> list[str]:
    await asyncio.sleep(40 + 20 * world.chance.random())
    fabio, found = world.fabios["a"], []
    setattr(fabio, what, True)
    await asyncio.sleep(PACE.flip_s + PACE.stall_s + 2)
    for _ in range(30):
        if world.states() != {"a": True, "b": False}:
            found.append(f"at {now_s():.0f} s, while a {what}: {world.states()}")
        await asyncio.sleep(1)
    setattr(fabio, what, False)
    await asyncio.sleep(2 * PACE.flip_s + 2)
    if any(world.states().values()):
        found.append(f"it follows again: {world.states()}")
    return [*found, *wrong_times(world, "b"), *busy(world)]


async def consul_goes(world: World) -> list[str]:
    """Consul is away for longer than the canary's check holds."""
    await asyncio.sleep(35 + 20 * world.chance.random())
    world.consul.away = True
    await asyncio.sleep(120)
    found = [f"while Consul is away: {world.states()}"] if any(world.states().values()) else []
    for each in await _critical(world):
        world.consul.set_check(each, "flips", "critical")
    world.consul.away = False
    await asyncio.sleep(60)
    found += [f"Consul is back: {world.states()}"] if any(world.states().values()) else []
    return [*found, *wrong_times(world, "a")]


async def _critical(world: World) -> list[str]:
    return [each for each in world.consul._records if each.startswith("route-canary")]


async def consul_is_dumb(world: World) -> list[str]:
    """The agent takes flips, and the catalogue does not show them: it has no servers for a while."""
    await asyncio.sleep(30)
    real, held = world.consul.heartbeat, list[Any]()

    async def keep(check_id: str, status: str, output: str) -> None:
        held[:] = check_id, status, output

    world.consul.heartbeat = keep  # type: ignore[method-assign]
    await asyncio.sleep(60)
    found = [f"nobody could follow: {world.states()}"] if any(world.states().values()) else []
    world.consul.heartbeat = real  # type: ignore[method-assign]
    await world.consul.heartbeat(*held)
    await asyncio.sleep(40)
    return [*found, *([f"and then: {world.states()}"] if any(world.states().values()) else [])]


async def stands_still(world: World) -> list[str]:
    """The leader's machine is suspended; the routers' are not."""
    found = []
    for _ in range(6):
        await asyncio.sleep(25 + 10 * world.chance.random())
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.advance(40)
        await asyncio.sleep(1)
        found += [f"after a stop: {world.states()}"] if any(world.states().values()) else []
    return [*found, *wrong_times(world, "a"), *wrong_times(world, "b")]


STORIES = (quiet, lags, freezes, hangs, consul_goes, consul_is_dumb, stands_still)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_what_is_said_of_routers_is_true(story: Story, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(seed, story, monkeypatch) == []


def _by_state_alone(patch: pytest.MonkeyPatch) -> None:
    real = following.looked

    def looked(course: Any, name: str, look: Any) -> Any:
        if look.shows == course.flip.up and (debt := course.followers[name].debt):
            course = following._with(course, name, replace(course.followers[name], shown=not look.shows, debt=debt))
        return real(course, name, look)

    patch.setattr(following, "looked", looked)


def _silence_is_absence(patch: pytest.MonkeyPatch) -> None:
    real = following.looked
    patch.setattr(following, "looked", lambda course, name, look: real(
        course, name, replace(look, shows=False) if look.shows is None else look))


def _known_at_once(patch: pytest.MonkeyPatch) -> None:
    real = following.flipped
    patch.setattr(following, "flipped", lambda course, at_s, **more: following.known(
        real(course, at_s, **more), at_s))


def _never_slept(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(following, "slept", lambda course, now_s: course)


def _reads_always(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(following, "next_read_s", lambda elapsed_s: 0.2)


def _never_judges(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(following, "judged", lambda course, now_s, stall_s: course)


def _leaves_it(patch: pytest.MonkeyPatch) -> None:
    async def leave(_: object) -> None:
        return

    patch.setattr(flipping.Flipping, "_leave", leave)


BROKEN: tuple[tuple[str, Callable[[pytest.MonkeyPatch], None], Story], ...] = (
    ("what a table shows pays, changed or not", _by_state_alone, freezes),
    ("no answer is an empty table", _silence_is_absence, hangs),
    ("a flip counts before Consul shows it", _known_at_once, consul_is_dumb),
    ("a stop of its own counts", _never_slept, stands_still),
    ("tables are read as often as one likes", _reads_always, lags),
    ("nobody is ever stalled", _never_judges, freezes),
    ("the canary stays behind", _leaves_it, quiet),
)


@pytest.mark.parametrize(("what", "breaks", "story"), BROKEN, ids=[each[0] for each in BROKEN])
def test_a_rule_that_is_broken_is_seen(
    what: str, breaks: Callable[[pytest.MonkeyPatch], None], story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaks(monkeypatch)
    assert any(told(seed, story, monkeypatch) for seed in SEEDS), what
