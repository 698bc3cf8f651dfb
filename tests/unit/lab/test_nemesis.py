"""Schedules are the seed's, bounded, and undone."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.history import Recorder, read
from lab.nemesis import Kind, Nemesis, Planned, schedule

KINDS = [Kind("kill", ("a", "b", "c"), 2.0), Kind("stop", ("a", "b"), least_s=1, most_s=9), Kind("jump", ("a",))]


@given(st.integers(0, 10_000))
def test_a_schedule_is_its_seeds_and_ends_in_time(seed: int) -> None:
    plan = schedule(seed, KINDS, 60, 2)
    assert plan == schedule(seed, KINDS, 60, 2)
    assert all(0 < each.at_s and each.at_s + each.lasts_s <= 60.001 for each in plan)
    assert plan == sorted(plan)
    ends: dict[tuple[str, str], float] = {}
    for each in plan:
        assert each.at_s >= ends.get((each.kind, each.target), 0.0) - 0.001
        ends[each.kind, each.target] = each.at_s + each.lasts_s


def test_other_seeds_give_other_schedules_with_every_kind() -> None:
    plans = [schedule(seed, KINDS, 60, 2) for seed in range(20)]
    assert len({tuple(plan) for plan in plans}) == 20
    assert {(each.kind, each.target) for plan in plans for each in plan} == {
        (kind.name, target) for kind in KINDS for target in kind.targets
    }


class Struck:
    """Notes which faults last."""

    def __init__(self) -> None:
        self.lasting: set[str] = set()

    def fault(self, target: str) -> "Ended":
        self.lasting.add(target)
        return Ended(self, target)


class Ended:
    def __init__(self, struck: Struck, target: str) -> None:
        self._struck, self._target = struck, target

    def __call__(self) -> None:
        self._struck.lasting.remove(self._target)


def test_faults_begin_and_end_in_the_order_of_their_times_and_stand_in_the_history(tmp_path: Path) -> None:
    struck, path = Struck(), tmp_path / "history"
    plan = [Planned(0.2, "stop", "b", 0.1), Planned(0.0, "stop", "a", 0.6), Planned(0.4, "kill", "c", 0.0)]
    with Recorder(path, "nemesis") as recorder, Nemesis(recorder, {"stop": struck.fault, "kill": struck.fault}) as one:
        one.run(plan)
        assert struck.lasting == set()
    told = [(each.op, each.key) for each in read(path) if each.ph == "ok"]
    assert told == [
        ("stop", "a"), ("stop", "b"), ("continue", "b"), ("kill", "c"), ("end of kill", "c"), ("continue", "a")
    ]


def test_what_still_lasts_is_undone_when_the_run_fails(tmp_path: Path) -> None:
    struck = Struck()
    with (
        pytest.raises(RuntimeError, match="broken"),
        Recorder(tmp_path / "history", "nemesis") as recorder,
        Nemesis(recorder, {"stop": struck.fault}) as one,
    ):
        one.strike("stop", "a", 60)
        one.strike("stop", "b", 60)
        assert struck.lasting == {"a", "b"}
        raise RuntimeError("broken")
    assert struck.lasting == set()


def test_a_fault_that_nobody_can_do_is_an_error(tmp_path: Path) -> None:
    with Recorder(tmp_path / "history", "nemesis") as recorder, Nemesis(recorder, {}) as one, pytest.raises(KeyError):
        one.strike("flood", "a", 1)
