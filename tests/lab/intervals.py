"""How often each point of a line is covered: half-open intervals, swept once."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Span(NamedTuple):
    """All points p with start <= p < end: positions of an order, or seconds."""

    start: float
    end: float


class Layer(NamedTuple):
    """A stretch that is covered equally often everywhere."""

    start: float
    end: float
    depth: int


def layers(spans: Iterable[Span], whole: Span) -> Iterator[Layer]:
    """Cut a line into stretches of equal coverage; O(n log n).

    Args:
        spans: What covers it; empty ones and what lies outside count for nothing.
        whole: The line.

    Yields:
        Stretches from left to right that make up the whole line, neighbours of different depths.
    """
    steps: dict[float, int] = {}
    for span in spans:
        start, end = max(span.start, whole.start), min(span.end, whole.end)
        if start < end:
            steps[start] = steps.get(start, 0) + 1
            steps[end] = steps.get(end, 0) - 1
    at, depth = whole.start, 0
    for point in sorted(point for point, step in steps.items() if step):
        if at < point:
            yield Layer(at, point, depth)
        at, depth = point, depth + steps[point]
    if at < whole.end:
        yield Layer(at, whole.end, depth)


def holes(spans: Iterable[Span], whole: Span) -> list[Span]:
    """What nothing covers."""
    return [Span(each.start, each.end) for each in layers(spans, whole) if not each.depth]


def doubled(spans: Iterable[Span], whole: Span) -> list[Span]:
    """What more than one span covers."""
    found: list[Span] = []
    for each in layers(spans, whole):
        if each.depth > 1:
            # Neighbours of depth two and three are one stretch here.
            joins = bool(found) and found[-1].end == each.start
            start = found.pop().start if joins else each.start
            found.append(Span(start, each.end))
    return found
