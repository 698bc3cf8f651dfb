"""The checker of a campaign of kills: good runs pass, each broken promise is found."""

from typing import Any

import pytest

from lab.check_kills import Story, stories, tally
from lab.check_ledger import Row
from lab.history import INVOKE, OK, Event
from lab.intervals import Span

SIZE = 100


def story(batch: str, start: int, end: int, life: tuple[str, int] = ("w0", 2), **said: bool) -> Story:
    return Story(lease=batch, life=life, span=Span(start, end), batch=batch, **{"stored": True, "done": True, **said})


def rows(*told: Story) -> list[Row]:
    return [Row(each.batch, f"{each.span.start:.0f}-{each.span.end:.0f}") for each in told]


FIRST, SECOND = story("a", 0, 50), story("b", 50, 100)
DEAD = ("w0", 1)


def test_a_run_in_which_everything_is_done_once_is_good() -> None:
    found = tally([FIRST, SECOND], rows(FIRST, SECOND), SIZE)
    assert (found.leases, found.again, found.dead_held, found.findings) == (2, 0, 0, ())


@pytest.mark.parametrize("stored", [True, False])
def test_what_a_dead_worker_held_may_be_probed_again_whether_it_had_stored_it_or_not(stored: bool) -> None:
    dead = story("c", 20, 60, DEAD, stored=stored, done=False)
    found = tally([dead, FIRST, SECOND], rows(FIRST, SECOND, *([dead] if stored else [])), SIZE)
    assert (found.again, found.dead_held, found.findings) == (40, 40, ())


def test_a_batch_that_two_stores_have_counts_once() -> None:
    assert tally([FIRST, SECOND], rows(FIRST, SECOND, FIRST), SIZE).findings == ()


@pytest.mark.parametrize(
    ("told", "stored", "words"),
    [
        ([FIRST, SECOND], rows(FIRST), "1 lost"),
        ([FIRST], rows(FIRST), "50 in no store"),
        ([FIRST, SECOND], [*rows(FIRST), Row("b", "49 rows")], "1 altered"),
        ([FIRST, SECOND], [*rows(FIRST, SECOND), Row("x", "0-1")], "1 phantom"),
        # It was finished before its worker died: nobody may probe it again.
        ([story("c", 20, 60, DEAD), FIRST, SECOND], rows(FIRST, SECOND, story("c", 20, 60)), "40 probed twice"),
        # Its worker lives.
        ([story("c", 20, 60, done=False), FIRST, SECOND], rows(FIRST, SECOND, story("c", 20, 60)), "40 probed twice"),
        ([FIRST, story("b", 50, 100, done=False, refused=True)], rows(FIRST, SECOND), "1 leases, such as b"),
    ],
)
def test_each_broken_promise_is_found(told: list[Story], stored: list[Row], words: str) -> None:
    found = [each.words for each in tally(told, stored, SIZE).findings]
    assert any(each.startswith(words) for each in found), found


def event(ph: str, op: str, batch: str, boot: int = 1) -> Event:
    val: dict[str, Any] = {"lease": f"lease-{batch}", "start": 0, "stop": 5, "batch": batch}
    return Event("w0", boot, 0, ph, op, "lab/0/all/4", val)


def test_a_story_is_told_by_the_events_of_its_batch() -> None:
    told = stories([
        event(INVOKE, "probe", "a"), event(OK, "stored", "a"), event(OK, "done", "a"),
        event(INVOKE, "probe", "b", boot=2), event(OK, "stored", "b", boot=2), event("fail", "done", "b", boot=2),
    ])
    assert told == [
        Story("lease-a", ("w0", 1), Span(0, 5), "a", stored=True, done=True),
        Story("lease-b", ("w0", 2), Span(0, 5), "b", stored=True, refused=True),
    ]
