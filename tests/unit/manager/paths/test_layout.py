"""Where nodes are drawn."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hoploom.manager.paths.layout import places
from hoploom.manager.paths.tree import tree
from unit.manager.paths.made_graphs import graph, node


def star(leaves: int) -> NDArray[np.float64]:
    """The places of a worker, a hop, and so many behind it."""
    return places(tree(graph("w1 A", *(f"A {chr(0x42 + each)}" for each in range(leaves)))))


def test_a_lone_worker_is_in_the_middle_and_whoever_is_further_is_drawn_further_outside() -> None:
    found = graph("w1 a", "a b", "b c", "a d", "d e", "c f 3")
    radius = np.hypot(*places(tree(found)).T)
    distance = tree(found).depth
    assert radius[0] == 0
    assert all(radius[distance == near].max() < radius[distance == far].min() for near, far in ((0, 1), (1, 2), (2, 3)))
    assert radius[node(found, "f")] == radius.max()


def test_the_same_graph_is_drawn_alike_and_whatever_hangs_on_one_node_lies_in_one_wedge() -> None:
    found = graph("w1 a", "a b", "a c", "w1 d", "d e", "d f", "d g")
    first, again = places(tree(found)), places(tree(found))
    assert np.array_equal(first, again)
    angle = np.arctan2(first[:, 1], first[:, 0]) % (2 * np.pi)
    wedges = [sorted(angle[[node(found, each) for each in letters]]) for letters in ("abc", "defg")]
    assert wedges[0][-1] < wedges[1][0]


@pytest.mark.parametrize("leaves", [1, 5, 60])
def test_nodes_do_not_lie_on_each_other(leaves: int) -> None:
    found = star(leaves)
    apart = np.hypot(*(found[:, None] - found[None]).T)
    np.fill_diagonal(apart, np.inf)
    assert len(found) == leaves + 2 and apart.min() > 0.2


def test_an_empty_graph_has_no_places() -> None:
    assert places(tree(graph())).shape == (1, 2)
