"""How fast a group gets on."""

from hoploom.input_service.pace import WINDOW_S, Pace


def test_nothing_is_known_before_a_change_was_seen() -> None:
    pace = Pace()
    for now_s in range(100):
        pace.note(now_s, 0)
    assert pace.per_s() is None


def test_the_pace_is_what_was_done_over_the_time_it_took() -> None:
    pace = Pace()
    for now_s, done in [(0, 0), (10, 1000), (20, 3000)]:
        pace.note(now_s, done)
    assert pace.per_s() == 150


def test_what_lies_over_a_minute_back_counts_no_more() -> None:
    pace = Pace()
    for now_s, done in [(0, 0), (10, 100_000), (WINDOW_S + 20, 100_600), (WINDOW_S + 30, 101_200)]:
        pace.note(now_s, done)
    assert pace.per_s() == 60
