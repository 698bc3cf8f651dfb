"""Client-side balancing on a virtual clock: what each rule keeps within a bound, and that it is missed without it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest

from hoploom.kit import picking
from hoploom.kit.outliers import RULES, Rules
from hoploom.kit.picking import B
from hoploom.kit.pool import Pool
from unit.kit.balance_world import World, good

SEEDS = range(2)
NEVER = 10**9


def _any(those: Sequence[B], chance: Callable[[], float]) -> B:
    """Without a look at who is busy."""
    return those[int(chance() * len(those))]


class NoPanic(Pool):
    """Goes on with who is in, though they all fail."""

    def _set_all_fail(self, *, now: bool) -> None:
        super()._set_all_fail(now=False)


class Crowding(Pool):
    """Whoever may be tried again is tried by everybody."""

    def _plan(self) -> None:
        for each in self._out:
            each.on_trial = False
        super()._plan()


def slow(_: float, chance: float) -> tuple[float, bool]:
    """Ten times as slow as the others."""
    return 0.15 + 0.1 * chance, True


def hung(_: float, __: float) -> tuple[float, bool]:
    """Takes the request and never answers: the client gives up."""
    return 5.0, False


def refusing(_: float, __: float) -> tuple[float, bool]:
    """Fails at once, so it is always the least busy one."""
    return 0.0005, False


def flapping(_: float, chance: float) -> tuple[float, bool]:
    """Fails half of the time."""
    return 0.02, chance < 0.5


def steady(_: float, chance: float) -> tuple[float, bool]:
    """Takes its time, so that some requests are always open."""
    return 0.1 + 0.1 * chance, True


def away(from_s: float, to_s: float) -> Callable[[float, float], tuple[float, bool]]:
    """Refuses for a time, and is good else."""
    return lambda now_s, chance: (0.0005, False) if from_s <= now_s < to_s else good(now_s, chance)


def _one_slow(world: World) -> float:
    """Part of the requests that meet the slow one of three."""
    world.add("ab")
    world.add("s", slow)
    world.pool.learn({name: name for name in "abs"}, -100.0)
    return world.run(30, 200).share("s", 10)


def _one_hung(world: World) -> float:
    """Requests that are stuck at the hung one of three at once."""
    world.add("abh")
    world.add("h", hung)
    return world.run(20, 200).most_open["h"]


def _one_refusing(world: World) -> float:
    """Tries in half a minute that meet the one of three that fails fast."""
    world.add("abr")
    world.add("r", refusing)
    return world.run(30, 200).bad["r"]


def _one_flapping(world: World) -> float:
    """Part of the tries that fail, where one of three fails half of its own."""
    world.add("abf")
    world.add("f", flapping)
    course = world.run(30, 200)
    return course.bad["f"] / len(course.asked)


def _most_bad(world: World) -> float:
    """Part of the requests that the only good one of four has to carry."""
    world.add("abcd")
    world.add("abc", flapping)
    return world.run(20, 200).share("d", 5)


def _only_who_is_out_comes_back(world: World) -> float:
    """Requests that fail after an outage of all, of which those come back that are out."""
    world.add("abcd", away(5, 10))

    def stay_away() -> None:
        world.add([each.url for each in world.pool.peers if not each.standing.is_out], away(0, NEVER))

    world.at(9.9, stay_away)
    return sum(not well for began_s, _, well in world.run(20, 200).ended if began_s >= 10)


def _hung_for_a_minute(world: World) -> float:
    """Requests that meet an instance after it is out, while it hangs for a minute."""
    world.add("abh")
    world.add("h", hung)
    return sum(at_s > 6 and name == "h" for at_s, name in world.run(60, 200).asked)


def _newcomer(world: World) -> float:
    """Part of the requests that a new instance gets in its first 50 ms among busy ones."""
    world.add("abc", steady)
    world.at(1, lambda: world.add("n", steady))
    return world.run(2, 2_000).share("n", 1, 1.05)


def _five_hundred(world: World) -> float:
    """The most requests that one of 500 instances has at once, where each has two in the mean."""
    world.add(map(str, range(500)), steady)
    return max(world.run(1, 6_667).most_open.values())


@dataclass(frozen=True)
class Case:
    """A world, what is measured in it, its bound, and the rule without which the bound is missed.

    Attributes:
        measure: Runs the world; the smaller the better.
        most: The bound.
        rules: Rules without it.
        pool: A pool without it.
        patch: What of `picking` is replaced by what.
    """

    measure: Callable[[World], float]
    most: float
    rules: Rules = RULES
    pool: type[Pool] = Pool
    patch: tuple[str, object] | None = None


CASES = {
    "a slow instance is asked less": Case(_one_slow, 0.15, patch=("_idlest", _any)),
    "a hung one holds a few requests, not all of its share": Case(
        _one_hung, 15, replace(RULES, in_a_row=NEVER), patch=("_idlest", _any)
    ),
    "one that fails fast does not draw the requests": Case(_one_refusing, 15, replace(RULES, in_a_row=NEVER, share=2)),
    "one that fails every now and then is out for most of the time": Case(
        _one_flapping, 0.01, replace(RULES, in_a_row=8, share=2)
    ),
    "half of the instances carry the load though most fail now and then": Case(
        _most_bad, 0.8, replace(RULES, most=1.0)
    ),
    "where all who are in fail, who is out is tried": Case(_only_who_is_out_comes_back, 8, pool=NoPanic),
    "one request tries who was out": Case(_hung_for_a_minute, 8, pool=Crowding),
    "a newcomer is not flooded": Case(_newcomer, 0.2, patch=("WARM_S", 0.0)),
    "of 500 none is much busier than the others": Case(_five_hundred, 6, patch=("_idlest", _any)),
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", CASES)
def test_each_rule_keeps_its_bound(name: str, seed: int) -> None:
    assert CASES[name].measure(World(seed)) <= CASES[name].most


@pytest.mark.parametrize("name", CASES)
def test_without_the_rule_the_bound_is_missed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = CASES[name]
    if case.patch:
        monkeypatch.setattr(picking, *case.patch)
    assert case.measure(World(0, case.rules, case.pool)) > case.most


def _all_away(seed: int) -> World:
    world = World(seed)
    world.add("abcd", away(5, 15))
    world.run(40, 200)
    return world


@pytest.mark.parametrize("seed", SEEDS)
def test_an_outage_of_all_ends_when_it_ends(seed: int) -> None:
    world = _all_away(seed)
    assert all(well for began_s, _, well in world.course.ended if not 5 <= began_s < 15)
    assert world.pool.out == 0
    assert all(world.course.share(name, 25) > 0.15 for name in "abcd")


@pytest.mark.parametrize("seed", SEEDS)
def test_of_500_all_bad_ones_are_out_and_nobody_else(seed: int) -> None:
    world = World(seed)
    world.add(map(str, range(500)))
    bad = {str(each) for each in range(0, 500, 25)}
    world.add(bad, refusing)
    course = world.run(3, 5_000)
    assert course.failed <= len(bad)
    assert {each.url for each in world.pool.peers if each.standing.is_out} == bad


@pytest.mark.parametrize("seed", SEEDS)
def test_a_dead_instance_costs_no_request_that_may_be_repeated(seed: int) -> None:
    world = World(seed)
    world.add("abd")
    world.add("d", refusing)
    assert world.run(30, 200).failed == 0


def test_the_same_seed_is_the_same_history() -> None:
    assert _all_away(1).course == _all_away(1).course
