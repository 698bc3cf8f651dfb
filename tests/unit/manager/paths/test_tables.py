"""A graph in words."""

from __future__ import annotations

from hoploom.manager.paths import tables
from hoploom.manager.paths.distance import way
from hoploom.manager.paths.graph import merged
from unit.manager.paths.made_graphs import address, graph, node, topology

GRAPH = graph("w1 a", "a b", "a c 1", "a t 2", targets="t")


def test_the_hops_with_most_links_come_first_and_workers_are_no_hops() -> None:
    found = tables.largest(GRAPH, 2)
    assert [(row.name, row.links) for row in found] == [(address("a"), 4), (address("b"), 1)]


def test_a_hop_says_its_kind_and_its_ttls() -> None:
    target, worker = tables.hops(GRAPH, [node(GRAPH, "t"), node(GRAPH, "w1")])
    assert (target.kind, target.ttl, target.rtt_us, target.answers) == ("target", "5 to 6", 2000, 1)
    assert (worker.kind, worker.ttl, worker.rtt_us, worker.last_us) == ("worker", "", None, 0)


def test_the_links_of_a_hop_are_those_of_most_paths_first() -> None:
    found = merged([topology("w1 a", "a b"), topology("a c", count=3)])
    before, behind = tables.beside(found, node(found, "a"))
    assert [row.near.name for row in before] == ["w1"]
    assert [(row.far.name, row.count) for row in behind] == [(address("c"), 3), (address("b"), 1)]


def test_silent_hops_before_a_target_are_at_most_so_many() -> None:
    steps = [way(GRAPH, node(GRAPH, "w1"), node(GRAPH, end)) or [] for end in "ct"]
    rows = [tables.way(GRAPH, each)[-1] for each in steps]
    assert [(row.gap, row.is_most, row.added_us) for row in rows] == [(1, False, 2000), (2, True, 2000)]
