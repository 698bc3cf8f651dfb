"""How far nodes are, and the ways between two of them."""

from __future__ import annotations

import numpy as np
import pytest

from hoploom.manager.paths.distance import FAR, arcs, distances, parents, way
from hoploom.manager.paths.graph import merged
from unit.manager.paths.made_graphs import graph, name, node, topology

NET = ("w1 a", "a b", "b c", "a c 2", "c d", "d e 1")


def test_every_silent_hop_counts() -> None:
    found = graph(*NET, "x y")
    far = distances(arcs(found, both_ways=False), np.array([node(found, "w1")]))
    said = {name(found, at): int(each) for at, each in enumerate(far)}
    assert said == {"w1": 0, "a": 1, "b": 2, "c": 3, "d": 4, "e": 6, "x": FAR, "y": FAR}


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("w1", "e", "w1>a a>b b>c c>d d>e"),
        ("b", "b", ""),
        ("e", "c", "e<d d<c"),
        ("b", "w1", "b<a a<w1"),
        ("w1", "y", None),
    ],
)
def test_a_way_goes_as_packets_went_and_else_says_where_it_does_not(start: str, end: str, expected: str | None) -> None:
    found = graph(*NET, "x y")
    steps = way(found, node(found, start), node(found, end))
    said = steps if steps is None else " ".join(
        f"{name(found, step.near)}{'>' if step.is_measured else '<'}{name(found, step.far)}" for step in steps
    )  # fmt: skip
    assert said == expected


def test_of_two_ways_of_one_length_the_one_counts_that_most_paths_had() -> None:
    found = merged([topology("w1 a", "a b", "a c", "b d"), topology("c d", "a c", count=7)])
    arc = parents(along := arcs(found, both_ways=False), distances(along, np.array([0])))
    assert name(found, int(along.near[arc[node(found, "d")]])) == "c"


@pytest.mark.parametrize("seed", range(5))
def test_distances_are_those_of_relaxing_every_link_again_and_again(seed: int) -> None:
    random = np.random.default_rng(seed)
    letters = "abcdefghijklmnopqrs"
    pairs = [random.choice(list(letters), 2, replace=False) for _ in range(40)]
    found = graph("w1 a", *dict.fromkeys(f"{near} {far} {random.integers(3)}" for near, far in pairs))
    slow = np.full(found.nodes, FAR)
    slow[0] = 0
    for _ in range(found.nodes):
        np.minimum.at(slow, found.far, np.where(slow[found.near] < FAR, slow[found.near] + found.cost, FAR))
    assert distances(arcs(found, both_ways=False), np.array([0])).tolist() == slow.tolist()
