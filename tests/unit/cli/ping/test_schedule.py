"""Who is asked when, under a clock of the test's own."""

import pytest

from hoploom.cli.ping.options import read
from hoploom.cli.ping.schedule import LONGEST_NS, Pace, Schedule, Turn

MS = 1_000_000


def schedule(text: str, targets: int) -> Schedule:
    return Schedule(targets, Pace.of(read([*text.split(), "x"])), 0)


def played(text: str, targets: int, answers: dict[tuple[int, int], int] | None = None) -> list[tuple[int, str]]:
    """What happens, as (millisecond, what): `>row.request` sent, `!` answered, `x` lost, until nothing is left.

    `answers` tells after how many milliseconds which request is answered.
    """
    found, happened, coming = schedule(text, targets), list[tuple[int, str]](), list[tuple[int, int, int, int]]()
    for now_ms in range(20_000):
        for at_ms, row, request, took_ms in [each for each in coming if each[0] == now_ms]:
            counts = found.answered(row, request, took_ms * MS)
            happened.append((at_ms, f"{'!' if counts else '?'}{row}.{request}"))
        happened += [(now_ms, f"x{turn.row}.{turn.request}") for turn in found.expired(now_ms * MS)]
        for turn in found.due(now_ms * MS, 1_000):
            happened.append((now_ms, f">{turn.row}.{turn.request}"))
            after_ms = (answers or {}).get((turn.row, turn.request))
            if after_ms is not None:
                coming.append((now_ms + after_ms, turn.row, turn.request, after_ms))
        if found.is_over:
            return happened
    raise AssertionError("it never ends")


PLAYS = [
    ("targets leave an interval apart", "-r0 -t 100", 3, {(0, 0): 5, (1, 0): 5, (2, 0): 5},
     [(0, ">0.0"), (5, "!0.0"), (10, ">1.0"), (15, "!1.0"), (20, ">2.0"), (25, "!2.0")]),
    ("a silent one is asked again when its time is up, and waited for longer", "-r2 -t 100 -B 2", 1, {},
     [(0, ">0.0"), (100, "x0.0"), (100, ">0.1"), (300, "x0.1"), (300, ">0.2"), (700, "x0.2")]),
    ("a second attempt may be answered", "-r2 -t 100 -B 1", 1, {(0, 1): 7},
     [(0, ">0.0"), (100, "x0.0"), (100, ">0.1"), (107, "!0.1")]),
    ("a late answer counts where the present attempt still waits so long", "-r2 -t 100 -B 2", 1, {(0, 0): 150},
     [(0, ">0.0"), (100, "x0.0"), (100, ">0.1"), (150, "!0.0")]),
    ("and does not where it waits no longer", "-r1 -t 100 -B 1", 1, {(0, 0): 150},
     [(0, ">0.0"), (100, "x0.0"), (100, ">0.1"), (150, "?0.0"), (200, "x0.1")]),
    ("a second answer does not count", "-r1 -t 100 -B 2", 1, {(0, 0): 150, (0, 1): 60},
     [(0, ">0.0"), (100, "x0.0"), (100, ">0.1"), (150, "!0.0")]),
    ("retries take their turn among the others", "-r1 -t 15 -B 1 -i 10", 3, {(1, 0): 1, (2, 0): 1},
     [(0, ">0.0"), (10, ">1.0"), (11, "!1.0"), (15, "x0.0"), (20, ">2.0"), (21, "!2.0"), (30, ">0.1"), (45, "x0.1")]),
    ("a count goes on whatever is answered", "-c 2 -p 50 -t 20", 2, {(0, 0): 5, (0, 1): 5},
     [(0, ">0.0"), (5, "!0.0"), (10, ">1.0"), (30, "x1.0"), (50, ">0.1"), (55, "!0.1"), (60, ">1.1"), (80, "x1.1")]),
    ("a count may wait longer than its period", "-c 2 -p 20 -t 50", 1, {(0, 0): 45, (0, 1): 45},
     [(0, ">0.0"), (20, ">0.1"), (45, "!0.0"), (65, "!0.1")]),
    ("a late answer of a count does not count", "-c 1 -t 50 -p 50", 1, {(0, 0): 51},
     [(0, ">0.0"), (50, "x0.0")]),
    ("many targets stretch the period", "-c 2 -p 10 -t 5 -i 10", 3, {},
     [(0, ">0.0"), (5, "x0.0"), (10, ">1.0"), (15, "x1.0"), (20, ">2.0"), (25, "x2.0"), (30, ">0.1"), (35, "x0.1"),
      (40, ">1.1"), (45, "x1.1"), (50, ">2.1"), (55, "x2.1")]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "targets", "answers", "expected"), [each[1:] for each in PLAYS], ids=[each[0] for each in PLAYS]
)
def test_requests_leave_and_end_as_fpings_do(
    text: str, targets: int, answers: dict[tuple[int, int], int], expected: list[tuple[int, str]]
) -> None:
    # What happens at the same millisecond has no order among targets here.
    assert played(text, targets, answers) == expected


def test_without_an_interval_all_leave_at_once_and_no_more_than_asked_for() -> None:
    found = schedule("-i 0", 10)
    assert [turn.row for turn in found.due(0, 4)] == [0, 1, 2, 3]
    assert [turn.row for turn in found.due(0, 100)] == [4, 5, 6, 7, 8, 9]


def test_a_sender_that_was_kept_from_its_turn_makes_up_for_twenty_milliseconds_alone() -> None:
    found = schedule("-i 1", 1_000)
    assert len(found.due(0, 1_000)) == 1
    assert len(found.due(500 * MS, 1_000)) == 21
    assert len(found.due(510 * MS, 1_000)) == 10


def test_what_only_the_interval_keeps_may_be_taken_ahead() -> None:
    found = schedule("-r0 -t 100 -i 10", 9)
    assert [turn.row for turn in found.due(0, 9, 35 * MS)] == [0, 1, 2, 3]
    assert found.wake_ns() == 40 * MS
    assert [turn.row for turn in found.expired(129 * MS)] == [0, 1, 2], "their time runs from when they are to leave"


def test_what_is_due_later_is_not_taken_ahead() -> None:
    found = schedule("-c2 -p 100 -t 50 -i 1", 1)
    assert len(found.due(0, 9, 250 * MS)) == 1
    assert found.due(99 * MS, 9, 250 * MS) == []
    assert len(found.due(100 * MS, 9, 250 * MS)) == 1


def test_it_says_when_there_is_something_to_do() -> None:
    found = schedule("-r0 -t 100", 2)
    assert found.wake_ns() == 0
    found.due(0, 9)
    assert found.wake_ns() == 10 * MS
    found.due(10 * MS, 9)
    assert found.wake_ns() == 100 * MS
    found.expired(200 * MS)
    assert found.is_over and found.wake_ns() is None


def test_a_target_that_the_system_will_not_send_to_is_not_asked_again() -> None:
    found = schedule("-r3 -t 100", 1)
    found.due(0, 9)
    found.failed(0, 0)
    assert found.is_over and found.expired(10**12) == []


def test_a_count_goes_on_where_the_system_will_not_send() -> None:
    found = schedule("-c2 -p 100", 1)
    found.due(0, 9)
    found.failed(0, 0)
    assert not found.is_over
    assert [turn.request for turn in found.due(100 * MS, 9)] == [1]


def test_a_loop_has_no_end() -> None:
    found = schedule("-l -p 10 -t 5", 1)
    turns = [turn for now_ms in range(0, 1000, 10) for turn in found.due(now_ms * MS, 9)]
    assert [turn.request for turn in turns] == list(range(100)) and not found.is_over
    assert not found.gives_up(turns[-1])


@pytest.mark.parametrize(
    ("text", "request_", "timeout_ms", "horizon_ms"),
    [("-t 100 -B 2 -r 2", 0, 100, 700), ("-t 100 -B 2 -r 2", 2, 400, 400), ("-c 5 -t 100", 3, 100, 100)],
)
def test_an_answer_is_listened_for_until_it_cannot_count_any_more(
    text: str, request_: int, timeout_ms: int, horizon_ms: int
) -> None:
    pace = Pace.of(read([*text.split(), "x"]))
    assert pace.timeout_of(request_) == timeout_ms * MS
    assert pace.horizon_ns(request_) == horizon_ms * MS


def test_no_backoff_waits_for_ever() -> None:
    pace = Pace.of(read("-B 5 -r 1000 x".split()))
    assert pace.timeout_of(1000) == pace.horizon_ns(0) == LONGEST_NS


def test_the_last_attempt_gives_a_target_up() -> None:
    found = schedule("-r2", 1)
    assert [found.gives_up(Turn(0, request, 1)) for request in range(3)] == [False, False, True]


@pytest.mark.parametrize(
    ("text", "handed"),
    [
        ("-r1 -t 5 -B 1 -i 10", [[(1, 0), (2, 0)], [(0, 1)], []]),
        ("-r1 -t 5 -B 1 -i 0", [[(0, 1), (1, 1), (2, 1)], [], []]),
        ("-c2 -t 5 -p 5 -i 10", [[(1, 0), (2, 0), (0, 1), (1, 1), (2, 1)], [], []]),
    ],
)
def test_attempts_that_wait_differently_are_not_handed_over_together(
    text: str, handed: list[list[tuple[int, int]]]
) -> None:
    found = schedule(text, 3)
    found.due(0, 10)
    found.expired(6 * MS)
    turns = [found.due(10 * MS, 10, 250 * MS) for _ in handed]
    assert [[(each.row, each.request) for each in some] for some in turns] == handed
