"""The picture of a rolling restart says and shows what failed, and only that."""

from lab import picture_rolling
from lab.picture_rolling import Rolled


def test_failures_are_counted_and_drawn_red_and_nothing_else_is() -> None:
    good = Rolled("orders", "on the kit", (), [(0.1, True), (0.6, True)], [0.5])
    bad = Rolled("plain", "by hand", (), [(0.1, True), (0.6, False)], [0.5])
    drawn = picture_rolling.drawn([good, bad])
    assert "on the kit: 0 of 2 requests failed" in drawn
    assert "by hand: 1 of 2 requests failed" in drawn
    assert drawn.count('class="bad"') == 1
    assert drawn.count('class="mark"') == 2
