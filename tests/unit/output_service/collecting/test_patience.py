"""When a store is asked, and when again."""

import pytest

from hoploom.output_service.collecting import patience
from hoploom.output_service.collecting.patience import Behind, Trouble

LOOKS: list[tuple[str, list[tuple[float, int, int]], list[bool]]] = [
    ("a store without anything new is not asked", [(0, 0, 5), (3, 0, 5)], [False, False]),
    ("one that has something new is looked at twice", [(0, 2, 7), (3, 2, 7)], [False, True]),
    ("one that is being filled waits until it rests", [(0, 1, 6), (3, 2, 7), (6, 2, 7)], [False, False, True]),
    ("one that never rests waits its time", [(0, 1, 6), (29, 18, 23), (30, 19, 24)], [False, False, True]),
]


@pytest.mark.parametrize(("looks", "due"), [each[1:] for each in LOOKS], ids=[each[0] for each in LOOKS])
def test_when(looks: list[tuple[float, int, int]], due: list[bool]) -> None:
    known: Behind | None = None
    found = []
    for now_s, behind, last_seq in looks:
        before, known = known, patience.seen(known, behind, last_seq, now_s)
        found.append(patience.is_due(before, known, now_s, 30.0))
    assert found == due


def test_who_will_not_wait_gets_it_at_the_first_look() -> None:
    assert patience.is_due(None, patience.seen(None, 1, 6, 100.0), 100.0, 0.0)


def test_pauses_after_failures_grow_to_a_bound() -> None:
    trouble: Trouble | None = None
    pauses = []
    for _ in range(8):
        trouble = patience.after(trouble, 50.0)
        pauses.append(trouble.until_s - 50.0)
    assert pauses == [2, 4, 8, 16, 32, 64, 120, 120]


@pytest.mark.parametrize(("asked_s", "pause_s"), [(1.0, 2.0), (30.0, 30.0), (9000.0, 120.0)])
def test_a_store_that_asks_to_be_left_alone_is_left_alone_within_reason(asked_s: float, pause_s: float) -> None:
    assert patience.after(None, 0.0, asked_s) == Trouble(1, pause_s)
