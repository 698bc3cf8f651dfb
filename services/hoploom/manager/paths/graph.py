"""One graph out of what every output says of links and hops. Pure.

A node is a worker or an interface. Workers come first, then interfaces in the order of their addresses, so that those
of a prefix lie together. Where two interfaces were seen next to each other, and by others with silent hops between, the
nearest counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hoploom.wire.paths import HOP, LINK, Topology, distinct

MAX_LINKS: Final = 200_000
"""Of a graph: some 20 MB of memory. The links that most paths had are kept."""
_GAPS: Final = 256


@dataclass(frozen=True, eq=False, kw_only=True)
class Graph:
    """Nodes (n, of which the first w are workers) and links between them (m, ordered by near and far end).

    Attributes:
        workers: (w) names.
        addresses: (n - w, 16) ascending.
        ttl: (n,) smallest TTL that it answered, 0 for workers.
        ttl_max: (n,) the largest.
        answers: (n,) how often it answered.
        rtt_us: (n,) the smallest RTT.
        last_us: (n,) when it answered last, UTC microseconds.
        is_target: (n,) whether it was traced itself.
        near: (m,) node.
        far: (m,) node.
        gap: (m,) silent hops between, 0 for neighbours.
        count: (m,) paths that had the link.
        added_us: (m,) smallest RTT of the far end without the smallest of the near one; below 0 where routers
            answer more slowly than they forward.
        left_out: Links that there was no room for, here and at the outputs.
    """

    workers: tuple[str, ...]
    addresses: NDArray[np.uint8]
    ttl: NDArray[np.int64]
    ttl_max: NDArray[np.int64]
    answers: NDArray[np.int64]
    rtt_us: NDArray[np.int64]
    last_us: NDArray[np.int64]
    is_target: NDArray[np.bool_]
    near: NDArray[np.int64]
    far: NDArray[np.int64]
    gap: NDArray[np.int64]
    count: NDArray[np.int64]
    added_us: NDArray[np.int64]
    left_out: int = 0

    @property
    def nodes(self) -> int:
        """How many nodes."""
        return len(self.workers) + len(self.addresses)

    @property
    def cost(self) -> NDArray[np.int64]:
        """(m,) hops from one end of each link to the other."""
        return self.gap + 1

    def degree(self) -> NDArray[np.int64]:
        """(n,) links of each node, in and out."""
        return np.bincount(self.near, minlength=self.nodes) + np.bincount(self.far, minlength=self.nodes)


def merged(parts: Sequence[Topology], most: int = MAX_LINKS) -> Graph:
    """The graph of all parts; counts of what two parts say are added up.

    Args:
        parts: What outputs say.
        most: Links at most; those with the smallest counts are left out, and nodes without any with them.
    """
    workers = tuple(sorted({name for part in parts for name in part.workers}))
    links, hops = _joined(parts, workers, "links", LINK), _joined(parts, workers, "hops", HOP)
    left_out = sum(part.left_out for part in parts)
    addresses, place = distinct(np.concatenate((hops["address"], links["near"], links["far"])))
    # The worker itself stands as no address, which is the smallest of all.
    offset = len(workers) - (1 if len(addresses) and not addresses[0].any() else 0)
    node = place + offset
    addresses = addresses[len(workers) - offset :]
    hop_node, near, far = np.split(node, [len(hops), len(hops) + len(links)])
    near = np.where(links["near"].any(axis=1), near, links["worker"].astype(np.int64))
    columns = _links(near, far, links, len(workers) + len(addresses))
    if len(columns["near"]) > most:
        left_out += len(columns["near"]) - most
        kept = np.sort(np.argsort(-columns["count"], kind="stable")[:most])
        columns = {name: each[kept] for name, each in columns.items()}
    nodes = _nodes(hop_node, hops, len(workers) + len(addresses))
    found = Graph(workers=workers, addresses=addresses, left_out=left_out, **nodes, **columns)
    return part_of(found, linked(found)) if left_out else found


def linked(graph: Graph) -> NDArray[np.int64]:
    """Nodes that are workers or have a link, ascending."""
    is_kept = graph.degree() > 0
    is_kept[: len(graph.workers)] = True
    return np.flatnonzero(is_kept)


def part_of(graph: Graph, nodes: NDArray[np.int64]) -> Graph:
    """Some nodes and the links between them.

    Args:
        graph: The whole.
        nodes: (k,) ascending.
    """
    place = np.full(graph.nodes, -1)
    place[nodes] = np.arange(len(nodes))
    kept = (place[graph.near] >= 0) & (place[graph.far] >= 0)
    inner = nodes[nodes >= len(graph.workers)] - len(graph.workers)
    return Graph(
        workers=tuple(graph.workers[each] for each in nodes[: len(nodes) - len(inner)].tolist()),
        addresses=graph.addresses[inner],
        near=place[graph.near[kept]],
        far=place[graph.far[kept]],
        left_out=graph.left_out,
        **{name: getattr(graph, name)[nodes] for name in _NODE_COLUMNS},
        **{name: getattr(graph, name)[kept] for name in ("gap", "count", "added_us")},
    )


_NODE_COLUMNS: Final = ("ttl", "ttl_max", "answers", "rtt_us", "last_us", "is_target")


def _joined(parts: Sequence[Topology], workers: tuple[str, ...], name: str, kind: np.dtype[Any]) -> NDArray[Any]:
    """Rows of all parts, their workers numbered alike."""
    number = {worker: place for place, worker in enumerate(workers)}
    found = [np.zeros(0, kind)]
    for part in parts:
        rows = getattr(part, name).copy()
        numbers = np.array([number[worker] for worker in part.workers], np.uint32)
        rows["worker"] = numbers[rows["worker"]] if len(rows) else rows["worker"]
        found.append(rows)
    return np.concatenate(found)


def _links(near: NDArray[np.int64], far: NDArray[np.int64], links: NDArray[Any], nodes: int) -> dict[str, Any]:
    """Each link once, with the smallest gap and the counts of that."""
    keys, index = np.unique((near * nodes + far) * _GAPS + links["gap"], return_inverse=True)
    count = np.zeros(len(keys), np.int64)
    np.add.at(count, index, links["count"])
    ends, gap = np.divmod(keys, _GAPS)
    rtts = [_smallest(links[name], index, len(keys)) for name in ("far_rtt_us", "near_rtt_us")]
    nearest = np.ones(len(keys), np.bool_)
    nearest[1:] = ends[1:] != ends[:-1]
    found_near, found_far = np.divmod(ends, nodes)
    columns = {"near": found_near, "far": found_far, "gap": gap, "count": count, "added_us": rtts[0] - rtts[1]}
    return {name: each[nearest] for name, each in columns.items()}


def _nodes(node: NDArray[np.int64], hops: NDArray[Any], count: int) -> dict[str, Any]:
    answers, ttl_max, last_us = (np.zeros(count, np.int64) for _ in range(3))
    np.add.at(answers, node, hops["count"])
    np.maximum.at(ttl_max, node, hops["ttl_max"].astype(np.int64))
    np.maximum.at(last_us, node, hops["last_us"])
    is_target = np.zeros(count, np.bool_)
    np.logical_or.at(is_target, node, hops["is_target"].astype(np.bool_))
    ttl, rtt_us = (_smallest(hops[name], node, count) for name in ("ttl_min", "rtt_us"))
    ttl[answers == 0] = rtt_us[answers == 0] = 0
    return {
        "ttl": ttl, "ttl_max": ttl_max, "answers": answers, "rtt_us": rtt_us, "last_us": last_us, "is_target": is_target
    }


def _smallest(values: NDArray[Any], index: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    found = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(found, index, values.astype(np.int64))
    return found
