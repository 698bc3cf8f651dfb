"""How pages write numbers, times and states."""

import pytest

from hoploom.manager.pages import words


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (89.4, "89 s"), (120, "2 min"), (3600 * 3.5, "3.5 h"), (86400 * 3, "3.0 d")]
)
def test_a_duration_is_said_in_the_unit_that_fits(seconds: float, said: str) -> None:
    assert words.duration(seconds) == said


@pytest.mark.parametrize(("size_bytes", "said"), [(0, "0 B"), (999, "999 B"), (41e6, "41.0 MB"), (2e12, "2.0 TB")])
def test_a_size_is_said_in_the_unit_that_fits(size_bytes: float, said: str) -> None:
    assert words.size(size_bytes) == said


def test_a_time_that_is_not_known_is_nothing_and_not_zero() -> None:
    assert (words.milliseconds(None), words.milliseconds(0)) == ("", "0.000 ms")


def test_every_state_has_a_shape_and_bad_ones_share_none_with_good_ones() -> None:
    states = ("passing", "warning", "critical", "silent", "left", "of tomorrow")
    shapes = {state: words.shape(state) for state in states}
    assert len({shapes["passing"], shapes["warning"], shapes["critical"], shapes["left"]}) == 4
    assert shapes["silent"] == shapes["critical"] and shapes["of tomorrow"] == shapes["left"]


def test_code_in_a_sentence_is_marked_and_everything_is_inert() -> None:
    assert words.coded("`a <b>` & c") == "<code>a &lt;b&gt;</code> &amp; c"


@pytest.mark.parametrize("name", ["a/b", "../x", "a?b#c", "מדידה"])
def test_a_name_is_one_part_of_a_path(name: str) -> None:
    assert not set(words.segment(name)) & set("/?#") and words.segment(name).isascii()


@pytest.mark.parametrize(
    ("rtt_us", "said"),
    [(None, "-"), (0.0, "0.00"), (123.4, "0.12"), (9_876.0, "9.88"), (12_345.0, "12.3"), (4e5, "400")],
)
def test_many_times_side_by_side_have_three_digits(rtt_us: float | None, said: str) -> None:
    assert words.brief(rtt_us) == said


@pytest.mark.parametrize(
    ("part", "said"), [(None, "-"), (0.0, "0 %"), (0.0004, "<0.1 %"), (0.05, "5 %"), (0.125, "12.5 %"), (1.0, "100 %")]
)
def test_a_little_loss_is_told_from_none(part: float | None, said: str) -> None:
    assert words.percent(part) == said


@pytest.mark.parametrize("at_us", [-(2**62), 2**62, 253_402_300_800_000_000])
def test_a_time_that_no_calendar_has_is_none(at_us: int) -> None:
    assert words.moment(at_us) == "no time"
