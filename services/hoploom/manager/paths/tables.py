"""A graph in tables, for whoever does not see or move the picture: hops, links of one, the links of a way. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hoploom.manager.paths.distance import Step
from hoploom.manager.paths.drawing import ROUTER, TARGET, WORKER
from hoploom.manager.paths.graph import Graph
from hoploom.wire.addresses import text

MOST_ROWS: Final = 50


@dataclass(frozen=True, kw_only=True)
class HopRow:
    """A node in words.

    Attributes:
        name: Address, or name of a worker.
        kind: Worker, router or target.
        links: How many it has.
        answers: How often it answered.
        rtt_us: The smallest RTT; None for workers.
        ttl: TTLs that it answered, such as "3" or "3 to 5"; empty for workers.
        last_us: When it answered last, UTC microseconds; 0 for workers.
    """

    name: str
    kind: str
    links: int
    answers: int
    rtt_us: int | None
    ttl: str
    last_us: int


@dataclass(frozen=True, kw_only=True)
class LinkRow:
    """A link in words.

    Attributes:
        near: Where it begins.
        far: Where it ends.
        gap: Silent hops between.
        is_most: Whether that is an upper bound: before a target that lost probes there may be fewer.
        count: Paths that had it.
        added_us: What the far end's smallest RTT is above the near one's.
        is_measured: Whether packets were seen to go this way, and not only the other.
    """

    near: HopRow
    far: HopRow
    gap: int
    is_most: bool
    count: int
    added_us: int
    is_measured: bool = True


def hop(graph: Graph, node: int) -> HopRow:
    """A node in words; `links` counted for it alone."""
    return hops(graph, [node])[0]


def hops(graph: Graph, nodes: Sequence[int]) -> list[HopRow]:
    """Nodes in words, in their order."""
    degree = graph.degree()
    return [_row(graph, int(node), int(degree[node])) for node in nodes]


def largest(graph: Graph, most: int = MOST_ROWS) -> list[HopRow]:
    """The interfaces with most links, the largest first; of as many by address."""
    degree = graph.degree()
    nodes = np.arange(len(graph.workers), graph.nodes)
    first = nodes[np.argsort(-degree[nodes], kind="stable")[:most]]
    return [_row(graph, int(node), int(degree[node])) for node in first]


def beside(graph: Graph, node: int, most: int = MOST_ROWS) -> tuple[list[LinkRow], list[LinkRow]]:
    """The links that lead to a node and those that lead on, those of most paths first."""
    return _ordered(graph, graph.far == node, most), _ordered(graph, graph.near == node, most)


def way(graph: Graph, steps: Sequence[Step]) -> list[LinkRow]:
    """The links of a way, in its order."""
    degree = graph.degree()
    return [_link(graph, step, degree) for step in steps]


def _ordered(graph: Graph, wanted: NDArray[np.bool_], most: int) -> list[LinkRow]:
    links, degree = np.flatnonzero(wanted), graph.degree()
    links = links[np.argsort(-graph.count[links], kind="stable")[:most]]
    steps = (Step(int(graph.near[each]), int(graph.far[each]), int(each), is_measured=True) for each in links)
    return [_link(graph, step, degree) for step in steps]


def _link(graph: Graph, step: Step, degree: NDArray[np.int64]) -> LinkRow:
    return LinkRow(
        near=_row(graph, step.near, int(degree[step.near])),
        far=_row(graph, step.far, int(degree[step.far])),
        gap=int(graph.gap[step.link]),
        is_most=bool(graph.gap[step.link] and graph.is_target[graph.far[step.link]]),
        count=int(graph.count[step.link]),
        added_us=int(graph.added_us[step.link]),
        is_measured=step.is_measured,
    )


def _row(graph: Graph, node: int, links: int) -> HopRow:
    if node < len(graph.workers):
        return HopRow(name=graph.workers[node], kind=WORKER, links=links, answers=0, rtt_us=None, ttl="", last_us=0)
    low, high = int(graph.ttl[node]), int(graph.ttl_max[node])
    return HopRow(
        name=text(graph.addresses[node - len(graph.workers)].tobytes()),
        kind=TARGET if graph.is_target[node] else ROUTER,
        links=links,
        answers=int(graph.answers[node]),
        rtt_us=int(graph.rtt_us[node]),
        ttl=str(low) if low == high else f"{low} to {high}",
        last_us=int(graph.last_us[node]),
    )
