"""A graph as GraphML: workers and interfaces, and links with the silent hops that they lead over. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hoploom.manager.paths.graph import Graph
from hoploom.wire import graphml
from hoploom.wire.addresses import texts
from hoploom.wire.graphml import Edge, Key, Node

_KEYS: Final = (
    Key("kind", "node", "kind", str),
    Key("answers", "node", "answers", int),
    Key("rtt", "node", "min_rtt_us", int),
    Key("count", "edge", "count", int),
    Key("gap", "edge", "silent_hops", int),
    Key("added", "edge", "added_us", int),
)


def lines(graph: Graph) -> Iterator[str]:
    """The graph, in pieces of whole lines; the id of a worker has `worker:` before it: its name may be an address."""
    names = [*(f"worker:{name}" for name in graph.workers), *texts(graph.addresses)]
    return graphml.lines(_KEYS, _nodes(graph, names), _edges(graph, names))


def _nodes(graph: Graph, names: list[str]) -> Iterator[Node]:
    yield from (Node(name, {"kind": "worker"}) for name in names[: len(graph.workers)])
    for node in range(len(graph.workers), graph.nodes):
        kind = "target" if graph.is_target[node] else "router"
        yield Node(names[node], {"kind": kind, "answers": int(graph.answers[node]), "rtt": int(graph.rtt_us[node])})


def _edges(graph: Graph, names: list[str]) -> Iterator[Edge]:
    for near, far, count, gap, added_us in zip(
        *(each.tolist() for each in (graph.near, graph.far, graph.count, graph.gap, graph.added_us)), strict=True
    ):
        yield Edge(names[near], names[far], {"count": count, "gap": gap, "added": added_us})
