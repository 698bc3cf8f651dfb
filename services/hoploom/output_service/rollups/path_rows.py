"""From a batch of traceroutes to the links and hops that it shows; a row of each once. Pure.

A link stands between two answers whose rows follow each other TTL by TTL. Where silent hops are between, both ends have
to have said that a TTL ran out there, or the far one to be the target: an error of another kind may come from nearer
than its TTL. A target that lost probes may be nearer too: silent hops before a target are at most so many. What joined
a known path has no hops before that, and so no link to its worker.

Source: RFC 792 (types 0 and 11), RFC 4443 sections 3.3 and 4.2 (types 3 and 129).
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hoploom.output_service.rollups.batches import Traces
from hoploom.wire.paths import HOP, LINK, distinct
from hoploom.wire.traces import MAX_TTL

_EXPIRED: Final = {4: 11, 6: 3}
_GAPS: Final = MAX_TTL + 1
NO_RTT: Final = 2**31 - 1
"""More than any RTT."""


def topology(rows: Traces, family: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Links and hops of a batch.

    Args:
        rows: Its traceroutes with their hops.
        family: 4 or 6.

    Returns:
        Rows of types `LINK` and `HOP` with worker 0.
    """
    heard = np.flatnonzero(rows.hop_address.any(axis=1))
    if not len(heard):
        return np.zeros(0, LINK), np.zeros(0, HOP)
    target = rows.hop_target[heard]
    own = (rows.hop_address[heard] == rows.address[target]).all(axis=1)
    # A target answers at every TTL behind it, so only the TTL that is known to reach it is a place.
    is_expired = rows.hop_icmp_type[heard] == _EXPIRED[family]
    is_placed = np.where(own, rows.hop_ttl[heard] == rows.distance[target], is_expired)
    whole, place = distinct(rows.hop_address[heard])
    found = _Heard(heard, place, is_placed)
    pairs = np.concatenate((_between(rows, found), _from_worker(rows, found)), axis=1)
    return _links(whole, pairs, rows), _hops(whole, place, own, rows, heard)


class _Heard(NamedTuple):
    """Hops that answered: their rows, the places of their addresses, and whether their TTL is their distance."""

    row: NDArray[np.intp]
    place: NDArray[np.int64]
    is_placed: NDArray[np.bool_]


def _between(rows: Traces, heard: _Heard) -> NDArray[np.int64]:
    """(5, n): near, far (places; near -1 the worker), gap, row of the near and of the far hop."""
    apart = np.diff(rows.hop_ttl[heard.row])
    is_run = (np.diff(rows.hop_target[heard.row]) == 0) & (np.diff(heard.row) == apart)
    is_sure = (apart == 1) | (heard.is_placed[:-1] & heard.is_placed[1:])
    # The last router may tell of a target at two TTLs.
    near = np.flatnonzero(is_run & is_sure & (heard.place[:-1] != heard.place[1:]))
    ends = heard.place[near], heard.place[near + 1]
    return np.stack((*ends, apart[near] - 1, heard.row[near], heard.row[near + 1]))


def _from_worker(rows: Traces, heard: _Heard) -> NDArray[np.int64]:
    """As `_between`: the first answers of whole paths, which stand as far behind the worker as their TTL says."""
    target = rows.hop_target[heard.row]
    is_first = np.diff(target, prepend=-1) != 0
    first = np.flatnonzero(is_first & heard.is_placed & (rows.joined_ttl[target] <= 0))
    none = np.full(len(first), -1)
    row = heard.row[first]
    return np.stack((none, heard.place[first], rows.hop_ttl[row] - 1, none, row))


def _links(whole: NDArray[np.uint8], pairs: NDArray[np.int64], rows: Traces) -> NDArray[Any]:
    near, far, gap, near_row, far_row = pairs
    count = len(whole) + 1
    keys, index = np.unique(((near + 1) * count + far) * _GAPS + gap, return_inverse=True)
    found = np.zeros(len(keys), LINK)
    ends, found["gap"] = np.divmod(keys, _GAPS)
    nears, fars = np.divmod(ends, count)
    found["near"] = np.concatenate((np.zeros((1, whole.shape[1]), np.uint8), whole))[nears]
    found["far"] = whole[fars]
    found["count"] = np.bincount(index, minlength=len(keys))
    found["near_rtt_us"] = _smallest(np.where(near_row < 0, 0, rows.hop_rtt_us[near_row]), index, len(keys))
    found["far_rtt_us"] = _smallest(rows.hop_rtt_us[far_row], index, len(keys))
    np.maximum.at(found["last_us"], index, rows.hop_at_us[far_row])
    return found


def _hops(
    whole: NDArray[np.uint8], place: NDArray[np.int64], own: NDArray[np.bool_], rows: Traces, heard: NDArray[np.intp]
) -> NDArray[Any]:
    found = np.zeros(len(whole), HOP)
    found["address"], found["count"] = whole, np.bincount(place, minlength=len(whole))
    ttl = rows.hop_ttl[heard].astype(np.uint8)
    found["ttl_min"] = MAX_TTL
    np.minimum.at(found["ttl_min"], place, ttl)
    np.maximum.at(found["ttl_max"], place, ttl)
    np.maximum.at(found["is_target"], place, own.astype(np.uint8))
    np.maximum.at(found["last_us"], place, rows.hop_at_us[heard])
    found["rtt_us"] = _smallest(rows.hop_rtt_us[heard], place, len(whole))
    return found


def _smallest(values: NDArray[Any], index: NDArray[Any], count: int) -> NDArray[np.int32]:
    found = np.full(count, NO_RTT, np.int32)
    np.minimum.at(found, index, values.astype(np.int32))
    return found
