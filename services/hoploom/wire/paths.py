"""What an output knows of topology, as it tells managers: links and hops by worker, in rows of fixed width. Pure.

A link is two answers on one path, the near one before the far one. Where `gap` hops between them were asked and stayed
silent it says so: nobody knows what is there. From a worker itself to the first hop that answers there is one too,
whose near end is no address. A head of one line of JSON goes before the rows: a hundred thousand of them as JSON would
keep a manager from everything else for a tenth of a second.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hoploom.kit.errors import Unprocessable
from hoploom.wire.addresses import WIDTH
from hoploom.wire.traces import MAX_TTL

ROUTE: Final = "/api/v1/output/rollups/links"
MEDIA_TYPE: Final = "application/vnd.hoploom.links"
_ADDRESS: Final = ("u1", (WIDTH,))
LINK: Final = np.dtype(
    [
        ("worker", "<u4"),
        ("near", *_ADDRESS),
        ("far", *_ADDRESS),
        ("gap", "u1"),
        ("count", "<i8"),
        ("near_rtt_us", "<i4"),
        ("far_rtt_us", "<i4"),
        ("last_us", "<i8"),
    ]
)
"""`worker`: place in the head's list; `near` zeros for the worker itself; `gap`: silent hops between, before a target
at most so many; RTTs: the smallest of each end on the paths that had this link, 0 at the worker; `last_us`: by the
worker's clock, UTC microseconds."""
HOP: Final = np.dtype(
    [
        ("worker", "<u4"),
        ("address", *_ADDRESS),
        ("ttl_min", "u1"),
        ("ttl_max", "u1"),
        ("is_target", "u1"),
        ("count", "<i8"),
        ("rtt_us", "<i4"),
        ("last_us", "<i8"),
    ]
)
"""`ttl_min`, `ttl_max`: of probes that it answered; `is_target`: whether it was traced itself and answered."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Topology:
    """Links and hops of a campaign, or of all.

    Attributes:
        workers: Their names; rows say their places here.
        links: (n,) of type `LINK`.
        hops: (n,) of type `HOP`.
        left_out: Links that were forgotten for want of room.
    """

    workers: tuple[str, ...]
    links: NDArray[Any]
    hops: NDArray[Any]
    left_out: int = 0


def empty(kind: np.dtype[Any], count: int = 0) -> NDArray[Any]:
    """So many rows of zeros."""
    return np.zeros(count, kind)


def pack(found: Topology) -> bytes:
    """A topology as it travels."""
    head = {"v": 1, "workers": found.workers, "links": len(found.links), "hops": len(found.hops)}
    line = json.dumps({**head, "left_out": found.left_out}).encode()
    return b"".join((line, b"\n", found.links.tobytes(), found.hops.tobytes()))


def unpack(body: bytes) -> Topology:
    """The same again.

    Raises:
        Unprocessable: It is none.
    """
    try:
        line, _, rows = body.partition(b"\n")
        head = json.loads(line)
        workers, left_out = tuple(str(each) for each in head["workers"]), int(head["left_out"])
        links_bytes = int(head["links"]) * LINK.itemsize
        links = np.frombuffer(rows[:links_bytes], LINK)
        hops = np.frombuffer(rows[links_bytes:], HOP)
        is_whole = (len(links), len(hops)) == (head["links"], head["hops"])
    except (ValueError, KeyError, TypeError) as error:
        raise Unprocessable("these are no links of paths: an output of another version?") from error
    if not is_whole or not _is_sound(links, hops, len(workers)):
        raise Unprocessable("these links of paths are not whole, or not sound")
    return Topology(workers=workers, links=links, hops=hops, left_out=left_out)


def _is_sound(links: NDArray[Any], hops: NDArray[Any], workers: int) -> bool:
    """Whether every row names a worker that there is, and TTLs and counts can be."""
    sound = [(rows["worker"] < workers).all() and (rows["count"] > 0).all() for rows in (links, hops)]
    return all(sound) and bool((links["gap"] < MAX_TTL).all() and (hops["ttl_max"] <= MAX_TTL).all())


def distinct(addresses: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Different addresses.

    Args:
        addresses: (n, 16).

    Returns:
        (m, 16) ascending, and (n,) the place there of each.
    """
    halves = np.ascontiguousarray(addresses).view(">u8").astype(np.uint64)
    order = np.lexsort((halves[:, 1], halves[:, 0]))
    is_new = np.ones(len(order), np.bool_)
    is_new[1:] = (halves[order[1:]] != halves[order[:-1]]).any(axis=1)
    place = np.empty(len(order), np.int64)
    place[order] = np.cumsum(is_new) - 1
    return addresses[order[is_new]], place
