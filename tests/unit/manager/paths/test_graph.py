"""One graph out of what several outputs and workers say."""

from __future__ import annotations

import numpy as np

from hoploom.manager.paths.graph import linked, merged, part_of
from unit.manager.paths.made_graphs import graph, links, name, names, node, topology


def test_workers_come_first_and_interfaces_in_the_order_of_their_addresses() -> None:
    found = merged([topology("w2 c", "c a", worker="w2"), topology("w1 b", "b a", worker="w1", targets="a")])
    assert names(found, range(found.nodes)) == "w1 w2 a b c"
    assert links(found) == {"w1 b", "w2 c", "b a", "c a"}
    assert found.is_target.tolist() == [False, False, True, False, False]
    assert found.ttl.tolist() == [0, 0, 5, 5, 5] and found.rtt_us.tolist() == [0, 0, 2000, 2000, 2000]


def test_counts_of_several_outputs_are_added_up() -> None:
    found = merged([topology("w1 a", "a b", count=2), topology("w1 a", "a b", count=3)])
    assert found.count.tolist() == [5, 5] and found.added_us.tolist() == [2000, 2000]
    assert found.answers.tolist() == [0, 5, 5]


def test_neighbours_that_others_saw_with_a_silent_hop_between_are_neighbours() -> None:
    found = merged([topology("w1 a", "a b 2", "a b"), topology("a b 1", worker="w2")])
    assert links(found) == {"w1 a", "a b"}


def test_of_too_many_links_those_of_most_paths_stay_and_what_is_left_out_is_said() -> None:
    found = merged([topology("w1 a", "a b", count=5), topology("w1 a", "a c", "c d")], most=2)
    assert links(found) == {"w1 a", "a b"} and found.left_out == 2
    assert names(found, range(found.nodes)) == "w1 a b"


def test_a_part_has_the_links_between_its_nodes() -> None:
    whole = graph("w1 a", "a b", "b c", "a c 1", targets="c")
    part = part_of(whole, np.array([node(whole, letter) for letter in "abc"]))
    assert links(part) == {"a b", "b c", "a c 1"} and part.workers == ()
    assert [name(part, at) for at in np.flatnonzero(part.is_target)] == ["c"]
    assert names(whole, linked(whole)) == "w1 a b c"


def test_nothing_is_a_graph_too() -> None:
    assert merged([]).nodes == 0 and len(merged([topology()]).near) == 0
