"""Graphs written down as links between letters; "w1 a" begins at a worker, "a b 2" leads over two silent hops."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from hoploom.manager.paths.graph import Graph, merged
from hoploom.wire.addresses import parse, text
from hoploom.wire.paths import HOP, LINK, Topology


def address(name: str) -> str:
    """A letter's own address."""
    return f"198.18.0.{ord(name)}"


def topology(*links: str, worker: str = "w1", count: int = 1, targets: Sequence[str] = ()) -> Topology:
    """What an output says: links, and the hops at their ends."""
    rows, names = np.zeros(len(links), LINK), dict.fromkeys(
        name for link in links for name in link.split()[:2] if name != worker
    )  # fmt: skip
    for row, link in zip(rows, links, strict=True):
        near, far, *gap = link.split()
        if near != worker:
            row["near"] = np.frombuffer(parse(address(near)), np.uint8)
        row["far"] = np.frombuffer(parse(address(far)), np.uint8)
        row["gap"], row["count"] = int(gap[0]) if gap else 0, count
        row["near_rtt_us"], row["far_rtt_us"] = 1000, 3000
    hops = np.zeros(len(names), HOP)
    for hop, name in zip(hops, names, strict=True):
        hop["address"] = np.frombuffer(parse(address(name)), np.uint8)
        hop["ttl_min"], hop["ttl_max"], hop["count"], hop["rtt_us"] = 5, 6, count, 2000
        hop["is_target"] = name in targets
    return Topology(workers=(worker,), links=rows, hops=hops)


def graph(*links: str, worker: str = "w1", targets: Sequence[str] = ()) -> Graph:
    """The graph of these links alone."""
    return merged([topology(*links, worker=worker, targets=targets)])


def name(found: Graph, node: int | np.integer[Any]) -> str:
    """A node's letter, or its worker."""
    if node < len(found.workers):
        return found.workers[int(node)]
    return chr(int(text(found.addresses[int(node) - len(found.workers)].tobytes()).rpartition(".")[2]))


def names(found: Graph, nodes: Iterable[int | np.integer[Any]]) -> str:
    """Nodes, a space between each and the next."""
    return " ".join(name(found, int(node)) for node in nodes)


def node(found: Graph, letter: str) -> int:
    """The node of a letter or a worker."""
    return next(at for at in range(found.nodes) if name(found, at) == letter)


def links(found: Graph) -> set[str]:
    """Links as they are written down, a gap of none left out."""
    ends = zip(found.near, found.far, found.gap, strict=True)
    return {f"{name(found, near)} {name(found, far)}{f' {gap}' if gap else ''}" for near, far, gap in ends}
