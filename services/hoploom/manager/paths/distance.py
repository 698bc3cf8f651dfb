"""How far every node is from where one begins, over which link it is reached best, and the way to it. Pure.

Source: R. B. Dial 1969, "Algorithm 360: shortest-path forest with topological ordering" (buckets instead of a heap),
a bucket at a time with numpy: as many steps as the longest way has hops, whatever the number of links.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hoploom.manager.paths.graph import Graph

FAR: Final = 2**40
"""Not reached."""


class Arcs(NamedTuple):
    """Links in the directions in which they may be gone, ordered by the node where they begin.

    Attributes:
        link: (a,) number of the link.
        near: (a,) node.
        far: (a,) node.
        cost: (a,) hops, 1 or more.
        paths: (a,) how many had it.
        first: (n + 1,) where the arcs of each node begin.
    """

    link: NDArray[np.int64]
    near: NDArray[np.int64]
    far: NDArray[np.int64]
    cost: NDArray[np.int64]
    paths: NDArray[np.int64]
    first: NDArray[np.int64]


def arcs(graph: Graph, *, both_ways: bool) -> Arcs:
    """The arcs of a graph; both ways where it does not matter which end was nearer to a worker."""
    link = np.arange(len(graph.near))
    near, far = graph.near, graph.far
    if both_ways:
        link, near, far = np.tile(link, 2), np.concatenate((near, far)), np.concatenate((far, near))
        order = np.argsort(near, kind="stable")
        link, near, far = link[order], near[order], far[order]
    first = np.searchsorted(near, np.arange(graph.nodes + 1))
    return Arcs(link, near, far, graph.cost[link], graph.count[link], first)


def distances(along: Arcs, starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) hops from the nearest start to every node, `FAR` where there is no way.

    Args:
        along: The arcs.
        starts: (s,) nodes.
    """
    found = np.full(len(along.first) - 1, FAR)
    found[starts] = 0
    reached = 0
    while reached < FAR:
        frontier = np.flatnonzero(found == reached)
        out = _of(along, frontier)
        np.minimum.at(found, along.far[out], reached + along.cost[out])
        later = found[found > reached]
        reached = int(later.min()) if len(later) else FAR
    return found


def parents(along: Arcs, distance: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) the arc by which each node is reached first, of several the one that most paths had; -1 for none."""
    is_best = (distance[along.near] < FAR) & (distance[along.near] + along.cost == distance[along.far])
    best = np.flatnonzero(is_best)
    order = best[np.lexsort((along.near[best], -along.paths[best], along.far[best]))]
    found = np.full(len(distance), -1)
    # Written backwards, so that the first of each node stays.
    found[along.far[order[::-1]]] = order[::-1]
    return found


class Step(NamedTuple):
    """A link of a way.

    Attributes:
        near: Node where it is entered.
        far: Node where it leads.
        link: Its number.
        is_measured: Whether packets were seen to go this way, and not only the other.
    """

    near: int
    far: int
    link: int
    is_measured: bool


def way(graph: Graph, start: int, end: int) -> list[Step] | None:
    """The shortest way between two nodes; in the direction of the packets where there is one, else in either.

    Returns:
        Its links, none where both are the same; None where no link leads there.
    """
    for both_ways in (False, True):
        along = arcs(graph, both_ways=both_ways)
        distance = distances(along, np.array([start]))
        if distance[end] < FAR:
            return _back(graph, along, distance, end)
    return None


def _back(graph: Graph, along: Arcs, distance: NDArray[np.int64], end: int) -> list[Step]:
    """The way to a node, by the arcs that `parents` would choose."""
    steps: list[Step] = []
    while distance[end]:
        into = np.flatnonzero(along.far == end)
        best = into[distance[along.near[into]] + along.cost[into] == distance[end]]
        arc = best[np.lexsort((along.near[best], -along.paths[best]))[0]]
        near, link = int(along.near[arc]), int(along.link[arc])
        steps.append(Step(near, end, link, bool(graph.near[link] == near)))
        end = near
    return steps[::-1]


def _of(along: Arcs, nodes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The arcs that begin at some nodes."""
    first, counts = along.first[nodes], along.first[nodes + 1] - along.first[nodes]
    ends = np.cumsum(counts)
    found: NDArray[np.int64] = np.arange(ends[-1] if len(ends) else 0) + np.repeat(first - (ends - counts), counts)
    return found
