"""Questions to a graph."""

from __future__ import annotations

import pytest

from hoploom.kit.errors import BadRequest
from hoploom.manager.paths.asked import Asked, found, node
from unit.manager.paths.made_graphs import graph, name, names

GRAPH = graph("w1 a", "a b", "b c")


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("198.18.0.98", "b"),
        ("198.18.0.96/30", "a b c"),
        ("198.18.0.97/31", "a"),
        ("::ffff:198.18.0.98", "b"),
        ("0.0.0.0/0", "a b c"),
        ("::/0", "a b c"),
        ("2001:db8::/32", ""),
        ("W1", "w1"),
        ("w", "w1"),
        ("nobody", ""),
        ("198.18.0.999", ""),
    ],
)
def test_a_search_means_an_address_a_prefix_or_workers(search: str, expected: str) -> None:
    assert names(GRAPH, found(GRAPH, search)) == expected


@pytest.mark.parametrize(("text", "expected"), [("w1", "w1"), ("198.18.0.99", "c"), (" 198.18.0.99 ", "c")])
def test_an_end_of_a_way_is_one_node(text: str, expected: str) -> None:
    assert name(GRAPH, node(GRAPH, text)) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [("198.18.0.1", "no path has"), ("198.18.0.96/30", "several hops"), ("w", "neither"), ("", "neither")],
)
def test_what_is_no_node_is_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(BadRequest, match=reason):
        node(GRAPH, text)


def test_a_question_has_bounds() -> None:
    with pytest.raises(BadRequest, match="two ends"):
        Asked(start="w1")
    with pytest.raises(BadRequest, match="300"):
        Asked(search="x" * 301)
