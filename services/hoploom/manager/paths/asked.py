"""What a person may ask a graph: an address, a prefix or a worker, and the way between two of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hoploom.kit.errors import BadRequest
from hoploom.manager.paths.graph import Graph
from hoploom.wire.addresses import MAPPED_PREFIX

_IPV4: Final = 4
_MOST_TEXT: Final = 300
"""Names of workers have 200 characters at most."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is wanted of a graph.

    Attributes:
        search: An address, a prefix, a worker's name or a part of it; empty for all.
        start: Where a way begins: an address or a worker's name; empty for none.
        end: Where it ends.
    """

    search: str = ""
    start: str = ""
    end: str = ""

    def __post_init__(self) -> None:
        """Refuse what is no question.

        Raises:
            BadRequest: Says why.
        """
        if any(len(text) > _MOST_TEXT for text in (self.search, self.start, self.end)):
            raise BadRequest(f"an address, a prefix or a worker's name has no more than {_MOST_TEXT} characters")
        if bool(self.start) != bool(self.end):
            raise BadRequest("a way has two ends: give both an address or the name of a worker")


def found(graph: Graph, search: str) -> NDArray[np.int64]:
    """Nodes that a search means, ascending: those of the prefix, or workers with the text in their names."""
    if (span := _span(graph, search)) is not None:
        return np.arange(*span)
    text = search.casefold()
    return np.array([at for at, name in enumerate(graph.workers) if text in name.casefold()], np.int64)


def node(graph: Graph, text: str) -> int:
    """The one node that an address or a worker's whole name means.

    Raises:
        BadRequest: There is none; says what to do.
    """
    if text in graph.workers:
        return graph.workers.index(text)
    span = _span(graph, text)
    if span is None:
        raise BadRequest(f"{text[:60]!r} is neither an address nor the name of a worker that has traced")
    if span[1] - span[0] != 1:
        raise BadRequest(f"no path has {text[:60]!r}, or several hops are meant: give the address of one hop")
    return span[0]


def _span(graph: Graph, text: str) -> tuple[int, int] | None:
    """First node of a prefix and the one after the last; None where it is no prefix."""
    try:
        network = ip_network(text.strip(), strict=False)
    except ValueError:
        return None
    head = MAPPED_PREFIX if network.version == _IPV4 else b""
    first, last = head + network.network_address.packed, head + network.broadcast_address.packed
    offset = len(graph.workers)
    return offset + _before(graph, first), offset + _before(graph, last, inclusive=True)


def _before(graph: Graph, address: bytes, *, inclusive: bool = False) -> int:
    """How many interfaces are smaller than an address, or not larger."""
    low, high = 0, len(graph.addresses)
    while low < high:
        middle = (low + high) // 2
        other = graph.addresses[middle].tobytes()
        if other < address or (inclusive and other == address):
            low = middle + 1
        else:
            high = middle
    return low
