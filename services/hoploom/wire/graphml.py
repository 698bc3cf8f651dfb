"""Graphs as GraphML, line by line, whoever writes them and whatever they say of nodes and edges. Pure.

Source: GraphML 1.0 (graphml.graphdrawing.org); characters that XML 1.0 section 2.2 forbids become U+FFFD.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple
from xml.sax.saxutils import escape, quoteattr

_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TYPES: Final[Mapping[type, str]] = {bool: "boolean", int: "long", str: "string"}
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>\n<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n'
Value = bool | int | str


class Key(NamedTuple):
    """What may be said of every node, or of every edge.

    Attributes:
        id: Its name in this file.
        domain: "node" or "edge".
        name: Its name for people and programs.
        kind: `bool`, `int` or `str`.
    """

    id: str
    domain: str
    name: str
    kind: type


class Node(NamedTuple):
    """A node, and what is said of it by the ids of keys."""

    id: str
    data: Mapping[str, Value]


class Edge(NamedTuple):
    """An edge from one node to another, and what is said of it by the ids of keys."""

    source: str
    target: str
    data: Mapping[str, Value]


def lines(keys: Sequence[Key], nodes: Iterable[Node], edges: Iterable[Edge]) -> Iterator[str]:
    """A directed graph, in pieces of whole lines."""
    yield _HEAD
    for key in keys:
        kind = _TYPES[key.kind]
        yield f'<key id="{key.id}" for="{key.domain}" attr.name="{key.name}" attr.type="{kind}"/>\n'
    yield '<graph id="topology" edgedefault="directed">\n'
    for node in nodes:
        yield f"<node id={_attribute(node.id)}>{_data(node.data)}</node>\n"
    for number, edge in enumerate(edges):
        ends = f"source={_attribute(edge.source)} target={_attribute(edge.target)}"
        yield f'<edge id="e{number}" {ends}>{_data(edge.data)}</edge>\n'
    yield "</graph>\n</graphml>\n"


def _data(data: Mapping[str, Value]) -> str:
    return "".join(f'<data key="{key}">{_text(value)}</data>' for key, value in data.items())


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else escape(_FORBIDDEN.sub("\ufffd", str(value)))


def _attribute(text: str) -> str:
    return quoteattr(_FORBIDDEN.sub("\ufffd", text))
