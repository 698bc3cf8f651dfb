"""Cuts ranges into segments: runs of equal pieces of which the same number of addresses is sampled.

A segment stands for any number of addresses in a few integers, so a sampled `::/0` is as small as its list of ranges.
A *cell* is one `/prefix`; a whole cell is one piece. A cell that the set holds only in fragments gets its samples
shared out over them, so that it never counts more than once.
"""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

from hoploom.targets.ranges import Range
from hoploom.targets.sampling import PerPrefix

_DRAW_BITS = 64


class Segment(NamedTuple):
    """`pieces` neighbouring pieces, each with the same number of samples.

    Attributes:
        start: First address of the first piece.
        piece_size: Addresses of a piece.
        samples: Targets of a piece, 1 <= samples <= piece_size.
        pieces: How many pieces follow each other without a gap.
    """

    start: int
    piece_size: int
    samples: int
    pieces: int

    @property
    def total(self) -> int:
        """Targets of the segment."""
        return self.samples * self.pieces


def cut(ranges: Sequence[Range], bits: int, rule: PerPrefix, seed: bytes) -> Iterator[Segment]:
    """Cut a set of addresses into segments.

    Args:
        ranges: A merged list of addresses.
        bits: Width of an address: 32 or 128.
        rule: How many addresses of each cell.
        seed: 16 bytes that decide between the fragments of a cell.

    Yields:
        Segments in the order of their addresses.
    """
    cell_size = 1 << (bits - rule.prefix)
    if rule.samples is None or rule.samples >= cell_size:
        yield from (Segment(first, last - first + 1, last - first + 1, 1) for first, last in ranges)
        return
    edges = (piece for first, last in ranges for piece in _cut_at_cells(first, last, cell_size))
    for cell, group in groupby(edges, key=lambda piece: piece[0] // cell_size):
        fragments = list(group)
        first, last = fragments[0]
        if last - first + 1 >= cell_size:
            yield Segment(first, cell_size, rule.samples, (last - first + 1) // cell_size)
        else:
            yield from _share(fragments, rule.samples, _draw(seed, cell * cell_size))


def _cut_at_cells(first: int, last: int, cell_size: int) -> Iterator[Range]:
    """The part before the first whole cell, all whole cells together, the part behind them."""
    whole_first = -(-first // cell_size) * cell_size
    whole_end = (last + 1) // cell_size * cell_size
    if whole_first > whole_end:
        yield first, last
        return
    for start, end in pairwise((first, whole_first, whole_end, last + 1)):
        if start < end:
            yield start, end - 1


def _share(fragments: list[Range], samples: int, draw: int) -> Iterator[Segment]:
    """Give each fragment of a cell its share: systematic sampling, a common random start and equal steps.

    A fragment gets its proportional share rounded down or up, never more than it has, and the shares add up exactly.

    Source: Madow 1949, "On the theory of systematic sampling, II" (sampling proportional to size).
    """
    size = sum(last - first + 1 for first, last in fragments)
    wanted = min(samples, size)
    before = given = 0
    for first, last in fragments:
        length = last - first + 1
        before += length
        upto = ((wanted * before << _DRAW_BITS) + draw * size) // (size << _DRAW_BITS)
        if upto > given:
            yield Segment(first, length, upto - given, 1)
        given = upto


def _draw(seed: bytes, cell_start: int) -> int:
    """A number below 2**64 that depends on nothing but the seed and the cell."""
    name, size_bytes = cell_start.to_bytes(16, "big"), _DRAW_BITS // 8
    digest = hashlib.blake2b(name, key=seed, digest_size=size_bytes, person=b"hoploom-cell")
    return int.from_bytes(digest.digest(), "big")
