"""The tree by which workers reach nodes."""

from __future__ import annotations

import numpy as np

from hoploom.manager.paths.tree import Tree, levels, restricted, tree
from unit.manager.paths.made_graphs import graph, name, node


def test_every_node_hangs_on_the_one_before_it_and_counts_what_hangs_on_it() -> None:
    found = graph("w1 a", "a b", "a c", "c d 1", "x y")
    made = tree(found)
    parent = {name(found, at): name(found, up) if up >= 0 else "" for at, up in enumerate(made.parent)}
    assert parent == {"w1": "", "a": "w1", "b": "a", "c": "a", "d": "c", "x": "", "y": ""}
    assert made.size[[node(found, each) for each in ("w1", "a", "c", "d")]].tolist() == [5, 4, 2, 1]
    # What no worker is known to reach stands where its TTL says.
    assert made.depth[[node(found, each) for each in ("w1", "a", "d", "x")]].tolist() == [0, 1, 4, 5]


def test_a_part_of_a_tree_has_roots_where_parents_are_left_out() -> None:
    whole = Tree(np.array([-1, 0, 1, 1]), np.array([0, 1, 2, 2]), np.array([4, 3, 1, 1]))
    part = restricted(whole, np.array([0, 2, 3]))
    assert part.parent.tolist() == [-1, -1, -1] and part.size.tolist() == [1, 1, 1] and part.depth.tolist() == [0, 2, 2]


def test_levels_are_in_their_order() -> None:
    assert [each.tolist() for each in levels(np.array([3, 0, 3]))] == [[1], [0, 2]] and levels(np.zeros(0, int)) == []
