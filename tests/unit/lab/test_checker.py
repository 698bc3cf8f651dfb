"""The verdict on a whole run: green for a good one, red for each broken promise."""

import pytest

from lab.checker import verdict
from lab.history import FAIL, OK, Event


def term(proc: str, index: int, begin: float, end: float) -> list[Event]:
    token, times = f"0.{index}", {"now": end, "deadline": end + 5}
    return [
        Event(proc, 1, 0, OK, "acquire", "r", proc, token, begin),
        Event(proc, 1, 1, OK, "believe", "r", times, token, t=end),
    ]


def effect(resource: str, order: int, proc: str, index: int, t: float, ph: str = OK) -> Event:
    return Event(resource, 1, order, ph, "effect", "r", {"order": order, "proc": proc, "boot": 1}, f"0.{index}", t)


GOOD = [
    *term("a", 5, 0, 3),
    effect("sink", 0, "a", 5, 1),
    effect("sink", 1, "a", 5, 3),
    *term("b", 8, 4, 6),
    effect("sink", 2, "b", 8, 5),
    effect("sink", 3, "a", 5, 6, FAIL),
    effect("kv", 7, "a", 5, 9),
    effect("kv", 9, "b", 8, 9),
    Event("watch", 1, 0, OK, "lock", "r", [1, "x"], t=0),
    Event("watch", 1, 1, OK, "lock", "r", [2, "y"], t=4),
]


def test_a_good_run_is_green_and_counted() -> None:
    found = verdict(GOOD, "r")
    assert found.findings == ()
    assert (found.acquired, found.accepted, found.refused, found.longest_gap_s) == (2, 5, 1, 2)
    assert str(found).startswith("2 terms, 5 effects accepted, 1 refused")


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        (effect("sink", 4, "a", 5, 7), "E1"),
        (effect("kv", 11, "a", 5, 9), "E1"),
        (effect("sink", 4, "a", 8, 7), "E2"),
        (effect("kv", 12, "b", 9, 9), "E3"),
        (Event("a", 1, 9, OK, "believe", "r", {"now": 9.0, "deadline": 8.0}, "0.5", 9), "ends by its own clock"),
        (Event("watch", 1, 2, OK, "lock", "r", [5, "z"], t=9), "Consul's locks"),
    ],
)
def test_one_wrong_event_makes_it_red(more: Event, rule: str) -> None:
    assert any(rule in str(each) for each in verdict([*GOOD, more], "r").findings)


def test_an_empty_run_has_nothing_wrong_and_nothing_at_all() -> None:
    assert verdict([], "r").acquired == 0
