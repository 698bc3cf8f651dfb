"""Where nodes are drawn: workers in the middle, and everything as far outside as it is hops away. Pure.

Every depth has a ring of its own, as wide as its nodes need, so that a drawing is equally dense everywhere. The nodes
below one lie in one wedge, in the order of their addresses. The same graph gives the same drawing.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hoploom.manager.paths.tree import Tree, levels

ROOM: Final = 1.0
"""Area that a node gets; the unit of all places is so the distance of two neighbours."""
BETWEEN: Final = 1.5
"""From ring to ring."""
_GOLDEN: Final = 0.6180339887498949
"""Multiples of it, modulo 1, are spread evenly however many there are (Knuth, The Art of Computer Programming, volume
3, section 6.4)."""


def places(tree: Tree) -> NDArray[np.float64]:
    """(n, 2) x and y of every node of a tree."""
    start, total = _starts(tree), max(len(tree.parent), 1)
    angle = 2 * np.pi * (start + tree.size / 2) / total
    radius = _radii(tree, angle)
    return np.stack((radius * np.cos(angle), radius * np.sin(angle)), axis=1)


def _starts(tree: Tree) -> NDArray[np.int64]:
    """(n,) where the wedge of each begins: as many units from the first as nodes are before it."""
    start = np.zeros(len(tree.parent), np.int64)
    filled = np.zeros(len(tree.parent) + 1, np.int64)
    roots = np.flatnonzero(tree.parent < 0)
    start[roots] = np.cumsum(tree.size[roots]) - tree.size[roots]
    for level in levels(tree.depth):
        below = level[tree.parent[level] >= 0]
        order = below[np.argsort(tree.parent[below], kind="stable")]
        before = np.cumsum(tree.size[order]) - tree.size[order]
        parent = tree.parent[order]
        is_first = np.ones(len(order), np.bool_)
        is_first[1:] = parent[1:] != parent[:-1]
        filled[parent[is_first]] = before[is_first]
        start[order] = start[parent] + before - filled[parent]
    return start


def _radii(tree: Tree, angle: NDArray[np.float64]) -> NDArray[np.float64]:
    found = np.zeros(len(angle))
    inner = -BETWEEN
    for level in levels(tree.depth):
        inner += BETWEEN
        # One alone in the middle is the middle.
        room = 0.0 if inner == 0 and len(level) == 1 else len(level) * ROOM / np.pi
        outer = float(np.sqrt(inner**2 + room))
        order = level[np.argsort(angle[level], kind="stable")]
        share = (np.arange(len(order)) * _GOLDEN) % 1.0
        # Rings of equal area have equally many.
        found[order] = np.sqrt(inner**2 + (outer**2 - inner**2) * share)
        inner = outer
    return found
