"""Budgets and cooldowns of a mesh of 500 workers, judged by the probes that were sent; a failing seed replays exactly.

One seed with 500 workers here; `HOPLOOM_SEEDS=50 pytest tests/unit/input_service/test_budget_simulation.py` is the long
run. Every rule is taken away once, and the simulation has to see it.
"""

import os
import random
import uuid
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hoploom.input_service import budget_desk, campaigns, coolings, journal, ownership, rounds, serving, shards
from hoploom.kit import last_known, session
from lab import input_world, virtual_time
from lab.budget_world import US, Plan, Shape, World
from unmeasured import seeds, unmeasured

SEEDS = int(os.environ.get("HOPLOOM_SEEDS", "1"))


def plans(cap: int, *, wide_pps: int) -> list[Plan]:
    """Campaigns that meet in the same few networks, each of another kind."""
    usual: dict[str, Any] = {"network_pps": cap, "rounds": 999}
    rests: dict[str, Any] = {"rate_pps": 40, "cooldown_s": 12.0, **usual}
    six: dict[str, Any] = {"family": 6, "rate_pps": 30, **usual}
    return [
        Plan(id="wide", blocks=["10.0.0.0/13"], rule="24:1", groups="ab", rate_pps=wide_pps, **usual),
        Plan(id="thin", blocks=["10.0.0.0/23"], rule="24:1", groups="cd", rate_pps=40, **usual),
        Plan(id="dense", blocks=["10.0.0.0/29", "10.0.1.0/29"], rule="all", groups="e", **rests),
        Plan(id="shared", blocks=["10.0.2.0/23"], rule="24:4", groups="fg", scope="mesh", **rests),
        Plan(id="six", blocks=["fd00::/45"], rule="48:2", groups="h", **six),
    ]


MESH = Shape(plans=plans(8, wide_pps=400), workers=500, lasts_s=60)
SMALL = Shape(plans=plans(8, wide_pps=60), workers=42, lasts_s=100, faults=0.15)
"""Fewer workers are quicker, and leave more of what they do to chance."""

ONE_LANE = Shape(plans=[replace(plans(1, wide_pps=60)[1], groups="c")], workers=9, lasts_s=300, idle_s=0.2)

PLENTY = Plan(id="plenty", blocks=["10.0.0.0/8"], rule="24:1", groups="ab", rate_pps=400, network_pps=8)
"""There is always work, for more workers than may have a lease at once."""

RATED = Shape(plans=[replace(PLENTY, rate_pps=60)], workers=30, lasts_s=60)
DENSE = Shape(
    plans=[Plan(id="dense", blocks=["10.0.0.0/26"], rule="all", groups="ab", rate_pps=40, network_pps=6, rounds=999)],
    workers=12,
    lasts_s=150,
)
"""All in one network: leases last for longer than they live without a renewal."""


def most_in_a_second(at_us: NDArray[np.int64], keys: NDArray[np.int64]) -> int:
    """The most probes of one key in any window [t, t + 1 s)."""
    line = np.sort(keys << 40 | at_us)
    return int((np.searchsorted(line, line + US) - np.arange(len(line))).max(initial=0))


def shortest_gap_s(at_us: NDArray[np.int64], keys: NDArray[np.int64]) -> float:
    """The shortest time between two probes of one key."""
    line = np.sort(keys << 40 | at_us)
    same = (line[1:] >> 40) == (line[:-1] >> 40)
    return float(np.diff(line)[same].min(initial=US * 10**6)) / US


def findings(world: World) -> list[str]:
    """What was sent against the rules."""
    at_us, network, index, campaign, group, _ = world.sent.columns()
    found = []
    peak = most_in_a_second(at_us, network)
    if peak > world.shape.plans[0].network_pps:
        found.append(f"{peak} packets in a second to one network")
    for number, plan in enumerate(world.shape.plans):
        mine = campaign == number
        rate = most_in_a_second(at_us[mine], campaign[mine])
        if rate > plan.rate_pps:
            found.append(f"{plan.id}: {rate} packets in a second instead of {plan.rate_pps}")
        target = index[mine] << 4 | (0 if plan.scope == "mesh" else group[mine])
        gap_s = shortest_gap_s(at_us[mine], target)
        if gap_s < plan.cooldown_s:
            found.append(f"{plan.id}: {gap_s} s between two probes of one address instead of {plan.cooldown_s}")
    return found


def used(world: World, since_s: float) -> float:
    """The part of the first campaign's rate that was sent after the beginning."""
    at_us, campaign = world.sent.columns()[[0, 3]]
    count = int(((campaign == 0) & (at_us >= since_s * US)).sum())
    return count / (world.shape.lasts_s - since_s) / world.shape.plans[0].rate_pps


@pytest.mark.parametrize("seed", seeds(SEEDS))
@pytest.mark.parametrize(
    "shape",
    [pytest.param(MESH, marks=unmeasured), SMALL, ONE_LANE, pytest.param(RATED, marks=unmeasured), DENSE],
    ids=["500 workers", "42 workers", "one lane", "as fast as may be", "one network"],
)
def test_no_rate_no_cap_and_no_cooldown_is_broken(shape: Shape, seed: int) -> None:
    world = World(seed, shape).run()
    assert findings(world) == [], f"seed {seed}"
    assert world.crashes and world.sent.columns().size
    # Rounds follow one another, where there is not too much to do.
    assert shape is RATED or any(group.round for group in world.groups)


@unmeasured
@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize(
    ("shape", "part"),
    [
        (Shape(plans=[PLENTY], workers=200, lasts_s=65, ttl_s=30, work_s=30, faults=0.0), 0.85),
        (Shape(plans=[replace(PLENTY, groups="a")], workers=200, lasts_s=45, faults=0.0), 0.75),
        (Shape(plans=[replace(PLENTY, rate_pps=200)], workers=100, lasts_s=150, faults=0.02), 0.6),
    ],
    ids=["usual leases", "short leases of one group", "a few faults and a keeper that crashes"],
)
def test_the_rate_is_used_where_there_is_work(shape: Shape, part: float, seed: int) -> None:
    world = World(seed, shape).run()
    assert findings(world) == [], f"seed {seed}"
    assert part <= used(world, since_s=35.0 if shape.ttl_s > 10 else 25.0) <= 1.0, f"seed {seed}"


@unmeasured
def test_the_same_seed_sends_the_same() -> None:
    first, second = (World(7, replace(SMALL, lasts_s=30)).run().sent.columns() for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("seed", seeds(SEEDS))
def test_over_instances_that_fail_everything_is_done_within_a_rate_and_a_cap(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    for module in (budget_desk, campaigns, coolings, journal, last_known, ownership, rounds, serving, session):
        monkeypatch.setattr(module, "boottime_s", input_world.boottime())
    monkeypatch.setattr(shards, "SLOTS", 8)
    monkeypatch.setattr(uuid, "uuid4", lambda: uuid.UUID(int=random.getrandbits(128)))
    random.seed(seed)
    world = virtual_time.run(input_world.live(seed, input_world.Shape(rate_pps=2000, network_pps=200)), 9000.0)
    assert input_world.findings(world) == [], f"seed {seed}: {world.log}"


def red(shape: Shape, seeds: int = 8) -> bool:
    """Whether a rule that was taken away is missed within so many seeds."""
    return any(findings(World(seed, shape).run()) for seed in range(seeds))


@unmeasured
@pytest.mark.parametrize(
    "shape",
    [
        replace(DENSE, spaced=False),
        replace(DENSE, renewals_told=False),
        replace(RATED, keeper_reads=False, ttl_s=30, work_s=30),
        replace(ONE_LANE, rests=False),
        replace(SMALL, one_cooling=False),
        replace(SMALL, order_of_rounds=True),
        replace(SMALL, rest_from_start=True),
        replace(SMALL, restart_forgets=True),
    ],
    ids=[
        "workers that do not space what they send to one network",
        "a keeper that hears of no renewal",
        "a new keeper that knows of no lease and grants at once",
        "targets that come again within a second",
        "groups that do not see each other's rests",
        "another order in each round",
        "rests that count from the start of a lease",
        "a new owner that knows of no rests",
    ],
)
def test_it_is_red_with(shape: Shape) -> None:
    assert red(shape)


@unmeasured
@pytest.mark.parametrize(
    ("shape", "where", "value"),
    [
        (RATED, "hoploom.input_service.budget.LINGER_S", 0.0),
        (SMALL, "hoploom.input_service.leases.GRACE_S", -7),
        (RATED, "hoploom.input_service.budget.Budget.allotted_pps", lambda *_: 0),
        (DENSE, "hoploom.input_service.lanes.Lanes.taken", lambda _: 0),
        (DENSE, "lab.budget_world.per_network", lambda _: 1),
    ],
    ids=[
        "an allotment that lingers",
        "leases that outlast their workers",
        "a sum of the rates",
        "a sum of the lanes",
        "a count of the targets of a network",
    ],
)
def test_it_is_red_without(monkeypatch: pytest.MonkeyPatch, shape: Shape, where: str, value: Any) -> None:
    monkeypatch.setattr(where, value)
    assert red(shape)
