"""The topology that traceroutes saw, as GraphML: a node an interface, an edge two consecutive answers of a path. Pure.

A silent hop, or a TTL that was not probed, breaks an edge: nobody knows what is between. Edges of two campaigns stay
apart. All nodes and edges are in memory until the end, some 0.5 KB each; pings have no place in it.

Source: GraphML 1.0 (graphml.graphdrawing.org); characters that XML 1.0 section 2.2 forbids become U+FFFD.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import BinaryIO, Final
from xml.sax.saxutils import escape, quoteattr

from hoploom.results.rows import Group, HopRow, TraceRow
from hoploom.wire.traces import REACHED

_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_HEAD: Final = """<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
<key id="answers" for="node" attr.name="answers" attr.type="long"/>
<key id="target" for="node" attr.name="is_target" attr.type="boolean"/>
<key id="rtt" for="node" attr.name="min_rtt_us" attr.type="long"/>
<key id="count" for="edge" attr.name="count" attr.type="long"/>
<key id="campaign" for="edge" attr.name="campaign" attr.type="string"/>
<key id="edge_rtt" for="edge" attr.name="min_rtt_us" attr.type="long"/>
<graph id="topology" edgedefault="directed">
"""
_TAIL: Final = "</graph>\n</graphml>\n"


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
    for text in (_HEAD, *_elements(found), _TAIL):
        out.write(text.encode())


def _elements(found: Topology) -> Iterator[str]:
    for address, node in found.nodes.items():
        target = "true" if node.is_target else "false"
        data = f'<data key="answers">{node.count}</data><data key="target">{target}</data>{_rtt("rtt", node)}'
        yield f"<node id={_attribute(address)}>{data}</node>\n"
    for number, ((near, far, campaign), edge) in enumerate(found.edges.items()):
        data = f'<data key="count">{edge.count}</data><data key="campaign">{_text(campaign)}</data>'
        ends = f"source={_attribute(near)} target={_attribute(far)}"
        yield f'<edge id="e{number}" {ends}>{data}{_rtt("edge_rtt", edge)}</edge>\n'


def _rtt(key: str, seen: _Seen) -> str:
    return f'<data key="{key}">{seen.rtt_us}</data>' if seen.rtt_us >= 0 else ""


def _text(text: str) -> str:
    return escape(_FORBIDDEN.sub("\ufffd", text))


def _attribute(text: str) -> str:
    return quoteattr(_FORBIDDEN.sub("\ufffd", text))
