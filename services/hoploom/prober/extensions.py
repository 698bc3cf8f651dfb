"""What routers append to the packet that they quote: MPLS label stacks. Pure.

RFC 4884 says by a length field where the appended structure begins. Routers older than it put the structure behind 128
bytes of quote and say nothing: there it is believed only with version and checksum right, because it might as well be
more of the quoted packet. The length field of a message that has none (IPv6's Packet Too Big) is not read.

Sources: RFC 4884 sections 4, 5.5 and 7 (length field, older routers, structure), RFC 4950 (MPLS label stacks).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hoploom.prober.packets import checksums
from hoploom.prober.windows import Bytes, Places, window, words

OLDER_AT = 128
"""Where the structure begins in messages that do not say so: bytes behind the ICMP header."""
_VERSION = 2
_HEADER = 4
"""Bytes of the structure's header, of an object's header and of a label stack entry alike."""
_MPLS_CLASS, _INCOMING_STACK = 1, 1
_MOST_OBJECTS = 8
"""RFC 4950 knows one a message; others (interfaces, names) may stand before it."""


class Stacks(NamedTuple):
    """Structures found, and the label stack entries in them.

    Attributes:
        is_valid: (n,) whether the row has a structure.
        row: (m,) int32: row of each entry, ascending; a stack's entries from its top.
        entry: (m,) uint32: label 20 bits, class 3, bottom 1, TTL 8.
    """

    is_valid: NDArray[np.bool_]
    row: NDArray[np.int32]
    entry: NDArray[np.uint32]


def read(data: Bytes, at: Places, end: Places, is_announced: NDArray[np.bool_]) -> Stacks:
    """Look for structures.

    Args:
        data: (n, w) messages.
        at: (n,) where the structure of each would begin; at or behind `end` where there is none.
        end: (n,) where each message ends.
        is_announced: (n,) whether the message says that there is one; only then may it go without a checksum.

    Returns:
        Those with the right version and checksum, and their MPLS entries; an object that leads out of its structure
        ends it.
    """
    is_valid = np.zeros(len(data), np.bool_)
    rows = np.flatnonzero(at + _HEADER <= end)
    if not len(rows):
        return Stacks(is_valid, np.empty(0, np.int32), np.empty(0, np.uint32))
    size = end[rows] - at[rows]
    found = window(data[rows], at[rows], int(size.max()), end[rows])
    is_sound = (checksums(found) == 0).all(axis=1)
    is_sound |= is_announced[rows] & (found[:, 2:4] == 0).all(axis=1)
    is_sound &= found[:, 0] >> 4 == _VERSION
    is_valid[rows] = is_sound
    rows, found, size = rows[is_sound], found[is_sound], size[is_sound]
    which, entry = _labels(found, size)
    return Stacks(is_valid, rows[which].astype(np.int32), entry)


def _labels(found: Bytes, size: Places) -> tuple[Places, NDArray[np.uint32]]:
    """Row and value of all label stack entries in sound structures."""
    at = np.full(len(found), _HEADER)
    row, place = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for _ in range(_MOST_OBJECTS):
        header = window(found, at, _HEADER, size)
        length = words(header)[:, 0].astype(np.int64)
        is_whole = (length >= _HEADER) & (at + length <= size)
        is_stack = is_whole & (header[:, 2] == _MPLS_CLASS) & (header[:, 3] == _INCOMING_STACK)
        count = np.where(is_stack, length // 4 - 1, 0)
        row.append(np.repeat(np.arange(len(found)), count))
        place.append(np.repeat(at, count) + _HEADER * (1 + _within(count)))
        at = np.where(is_whole, at + length, size)
        if not (at < size).any():
            break
    rows, places = np.concatenate(row), np.concatenate(place)
    order = np.argsort(rows, kind="stable")
    entries = window(found[rows[order]], places[order], 4, size[rows[order]])
    return rows[order], entries.view(">u4")[:, 0].astype(np.uint32)


def _within(count: Places) -> Places:
    """0, 1, ... for every group of so many."""
    return np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
