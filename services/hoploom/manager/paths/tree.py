"""The tree by which workers reach every node, and how much hangs on each of them. Pure."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hoploom.manager.paths.distance import FAR, arcs, distances, parents
from hoploom.manager.paths.graph import Graph


class Tree(NamedTuple):
    """A forest over the nodes of a graph; workers are roots, and so is what no worker is known to reach.

    Attributes:
        parent: (n,) node, -1 for roots.
        depth: (n,) hops from the nearest worker, at least as its TTL says where none reaches it; more than the
            parent's.
        size: (n,) nodes below each, itself among them.
    """

    parent: NDArray[np.int64]
    depth: NDArray[np.int64]
    size: NDArray[np.int64]


def tree(graph: Graph) -> Tree:
    """The tree of a graph."""
    along = arcs(graph, both_ways=False)
    distance = distances(along, np.arange(len(graph.workers)))
    arc = parents(along, distance)
    parent = np.where(arc >= 0, along.near[arc] if len(along.near) else -1, -1)
    depth = np.where(distance < FAR, distance, np.maximum(graph.ttl, 1))
    return Tree(parent, depth, _sizes(parent, depth))


def restricted(whole: Tree, nodes: NDArray[np.int64]) -> Tree:
    """The tree of some nodes (ascending); whose parent is not among them is a root."""
    place = np.full(len(whole.parent) + 1, -1)
    place[nodes] = np.arange(len(nodes))
    parent, depth = place[whole.parent[nodes]], whole.depth[nodes]
    return Tree(parent, depth, _sizes(parent, depth))


def _sizes(parent: NDArray[np.int64], depth: NDArray[np.int64]) -> NDArray[np.int64]:
    size = np.ones(len(parent), np.int64)
    for level in levels(depth)[::-1]:
        below = level[parent[level] >= 0]
        np.add.at(size, parent[below], size[below])
    return size


def levels(depth: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """The nodes of each depth that there is, the smallest first."""
    order = np.argsort(depth, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(depth[order])) + 1) if len(order) else []
