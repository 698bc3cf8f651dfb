"""What a browser gets of a graph: at most as many nodes as it can move smoothly, with their places. Pure.

Of a large graph those nodes are drawn that most hangs on, so that what is drawn stays joined to the workers; of a
search what it means, the ways there from the workers, and the neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hoploom.manager.paths import asked
from hoploom.manager.paths.asked import Asked
from hoploom.manager.paths.distance import Step, way
from hoploom.manager.paths.graph import Graph, part_of
from hoploom.manager.paths.layout import places
from hoploom.manager.paths.tree import Tree, restricted, tree
from hoploom.wire.addresses import texts

MAX_NODES: Final = 20_000
WORKER, ROUTER, TARGET = "worker", "router", "target"
_KINDS: Final = (WORKER, ROUTER, TARGET)
_SCALE: Final = 100
"""Places are told as whole hundredths."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Laid:
    """A graph with its tree, which every question to it needs.

    Attributes:
        graph: The whole.
        tree: Its tree.
    """

    graph: Graph
    tree: Tree


@dataclass(frozen=True, eq=False, kw_only=True)
class Drawing:
    """A part of a graph as it is drawn.

    Attributes:
        part: The nodes and links shown.
        depth: (n,) of its nodes.
        place: (n, 2) of its nodes.
        found: Nodes of the part that the search means.
        steps: The way asked for, in nodes of the part; None where there is none, or where none was asked for.
        nodes: Nodes of the whole.
        links: Links of the whole.
    """

    part: Graph
    depth: NDArray[np.int64]
    place: NDArray[np.float64]
    found: NDArray[np.int64]
    steps: list[Step] | None
    nodes: int
    links: int


def laid(graph: Graph) -> Laid:
    """Make ready for questions."""
    return Laid(graph=graph, tree=tree(graph))


def drawing(whole: Laid, wanted: Asked, most: int = MAX_NODES) -> Drawing:
    """The part of a graph that answers a question.

    Args:
        whole: The graph.
        wanted: The question.
        most: Nodes at most.

    Raises:
        BadRequest: An end of the way is no node.
    """
    graph = whole.graph
    meant = asked.found(graph, wanted.search) if wanted.search else np.zeros(0, np.int64)
    steps = way(graph, *(asked.node(graph, text) for text in (wanted.start, wanted.end))) if wanted.start else None
    on_way = np.array([node for step in steps or () for node in step[:2]], np.int64)
    nodes = _around(whole, np.union1d(meant, on_way), most) if wanted.search or len(on_way) else _largest(whole, most)
    part, own = part_of(graph, nodes), restricted(whole.tree, nodes)
    return Drawing(
        part=part,
        depth=own.depth,
        place=places(own),
        found=np.searchsorted(nodes, np.intersect1d(meant, nodes)),
        steps=None if steps is None else _moved(graph, part, nodes, steps),
        nodes=graph.nodes,
        links=len(graph.near),
    )


def _largest(whole: Laid, most: int) -> NDArray[np.int64]:
    """The nodes that most hangs on, ascending; of the same size the less deep ones."""
    size, depth = whole.tree.size, whole.tree.depth
    return np.sort(np.lexsort((depth, -size))[:most])


def _around(whole: Laid, meant: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Nodes with the ways to them from their roots, and then as many neighbours as there is room for; ascending."""
    kept = meant[:most]
    nodes, above = kept, whole.tree.parent[kept]
    while len(above := np.setdiff1d(above[above >= 0], nodes)) and len(nodes) < most:
        nodes = np.union1d(nodes, above[: most - len(nodes)])
        above = whole.tree.parent[above]
    near, far = whole.graph.near, whole.graph.far
    is_meant = np.zeros(whole.graph.nodes, np.bool_)
    is_meant[kept] = True
    beside = np.setdiff1d(np.concatenate((far[is_meant[near]], near[is_meant[far]])), nodes)
    return np.union1d(nodes, beside[: most - len(nodes)])


def _moved(graph: Graph, part: Graph, nodes: NDArray[np.int64], steps: list[Step]) -> list[Step]:
    """A way in the numbers of a part."""
    place = {int(node): at for at, node in enumerate(nodes.tolist())}
    link = {ends: at for at, ends in enumerate(zip(part.near.tolist(), part.far.tolist(), strict=True))}
    moved = []
    for step in steps:
        ends = place[int(graph.near[step.link])], place[int(graph.far[step.link])]
        moved.append(Step(place[step.near], place[step.far], link[ends], step.is_measured))
    return moved


def document(drawn: Drawing) -> dict[str, Any]:
    """A drawing as `GET /api/v1/paths` tells it: columns, because a row a node would be four times as long."""
    part = drawn.part
    kind = np.where(part.is_target, 2, 1)
    kind[: len(part.workers)] = 0
    place = np.rint(drawn.place * _SCALE).astype(np.int64)
    nodes = {
        "name": [*part.workers, *texts(part.addresses)],
        "kind": kind.tolist(),
        "x": place[:, 0].tolist(),
        "y": place[:, 1].tolist(),
        "depth": drawn.depth.tolist(),
        "answers": part.answers.tolist(),
        "rtt_us": part.rtt_us.tolist(),
    }
    links = {name: getattr(part, name).tolist() for name in ("near", "far", "gap", "count", "added_us")}
    return {
        "v": 1,
        "kinds": _KINDS,
        "nodes": nodes,
        "links": links,
        "found": drawn.found.tolist(),
        "way": None if drawn.steps is None else [step.link for step in drawn.steps],
        "of": {"nodes": drawn.nodes, "links": drawn.links, "left_out": part.left_out},
    }
