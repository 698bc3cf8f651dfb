"""Coverage by sweeping equals coverage by counting points."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lab.intervals import Layer, Span, doubled, holes, layers

WHOLE = Span(0, 20)
spans = st.lists(st.builds(Span, st.integers(-5, 25), st.integers(-5, 25)), max_size=12)


@given(spans)
def test_every_point_has_the_depth_that_counting_gives(found: list[Span]) -> None:
    swept = {p: each.depth for each in layers(found, WHOLE) for p in range(int(each.start), int(each.end))}
    assert swept == {p: sum(span.start <= p < span.end for span in found) for p in range(20)}


@given(spans)
def test_stretches_touch_and_differ(found: list[Span]) -> None:
    swept = list(layers(found, WHOLE))
    assert swept[0].start == 0
    assert swept[-1].end == 20
    for one, other in pairwise(swept):
        assert one.end == other.start
        assert one.depth != other.depth


@given(spans)
def test_holes_and_doubled_stretches_are_whole(found: list[Span]) -> None:
    count = {p: sum(span.start <= p < span.end for span in found) for p in range(20)}
    for shown, wanted in ((holes(found, WHOLE), {p for p in count if not count[p]}),
                          (doubled(found, WHOLE), {p for p in count if count[p] > 1})):
        assert {p for span in shown for p in range(int(span.start), int(span.end))} == wanted
        assert all(one.end < other.start for one, other in pairwise(shown))


def test_nothing_covers_an_empty_line() -> None:
    assert list(layers([Span(0, 5)], Span(3, 3))) == []
    assert list(layers([], Span(0, 3))) == [Layer(0, 3, 0)]
