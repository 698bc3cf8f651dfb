"""The topology that traceroutes saw, as GraphML: a node an interface, an edge two consecutive answers of a path. Pure.

A silent hop, or a TTL that was not probed, breaks an edge: nobody knows what is between. Edges of two campaigns stay
apart. All nodes and edges are in memory until the end, some 0.5 KB each; pings have no place in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import BinaryIO, Final

from hoploom.results.rows import Group, HopRow, TraceRow
from hoploom.wire import graphml
from hoploom.wire.graphml import Edge, Key, Node
from hoploom.wire.traces import REACHED

_KEYS: Final = (
    Key("answers", "node", "answers", int),
    Key("target", "node", "is_target", bool),
    Key("rtt", "node", "min_rtt_us", int),
    Key("count", "edge", "count", int),
    Key("campaign", "edge", "campaign", str),
    Key("edge_rtt", "edge", "min_rtt_us", int),
)


class _Seen:
    """How often something was seen, and the smallest RTT with it."""

    __slots__ = ("count", "is_target", "rtt_us")

    def __init__(self) -> None:
        self.count, self.rtt_us, self.is_target = 0, -1, False

    def add(self, hop: HopRow) -> None:
        """Count an answer."""
        self.count += 1
        if hop.rtt_us is not None:
            self.rtt_us = hop.rtt_us if self.rtt_us < 0 else min(self.rtt_us, hop.rtt_us)


class Topology:
    """Interfaces and the steps between them."""

    def __init__(self) -> None:
        """Begin without any."""
        self.nodes: dict[str, _Seen] = {}
        self.edges: dict[tuple[str, str, str], _Seen] = {}

    def add(self, campaign: str, path: TraceRow) -> None:
        """Take a path of a campaign."""
        for hop in path.hops:
            if hop.hop is not None:
                node = self.nodes.setdefault(hop.hop, _Seen())
                node.add(hop)
                node.is_target |= path.outcome == REACHED and hop.hop == path.address
        for near, far in pairwise(path.hops):
            if near.hop is not None and far.hop is not None and far.ttl == near.ttl + 1:
                self.edges.setdefault((near.hop, far.hop, campaign), _Seen()).add(far)


def write(groups: Iterable[Group], out: BinaryIO) -> None:
    """Write the topology of all traceroutes.

    Args:
        groups: Batches with their rows; those of pings are passed over.
        out: Gets UTF-8.
    """
    found = Topology()
    for group in groups:
        for row in group.rows:
            if isinstance(row, TraceRow):
                found.add(group.batch.campaign, row)
    for text in graphml.lines(_KEYS, _nodes(found), _edges(found)):
        out.write(text.encode())


def _nodes(found: Topology) -> Iterator[Node]:
    for address, node in found.nodes.items():
        yield Node(address, {"answers": node.count, "target": node.is_target, **_rtt("rtt", node)})


def _edges(found: Topology) -> Iterator[Edge]:
    for (near, far, campaign), edge in found.edges.items():
        yield Edge(near, far, {"count": edge.count, "campaign": campaign, **_rtt("edge_rtt", edge)})


def _rtt(key: str, seen: _Seen) -> dict[str, int]:
    return {key: seen.rtt_us} if seen.rtt_us >= 0 else {}
