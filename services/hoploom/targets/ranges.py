"""Arithmetic on sets of whole numbers kept as sorted, disjoint, inclusive ranges.

Addresses are plain integers here. Cost and memory follow the number of ranges, never the number of addresses, so that
`::/0` is as cheap as one address. A *merged* list is sorted, disjoint and not adjacent: what `merge` returns.
"""

from collections.abc import Iterable, Iterator, Sequence

Range = tuple[int, int]
"""First and last number, both inclusive."""


def merge(ranges: Iterable[Range]) -> list[Range]:
    """Join overlapping and adjacent ranges.

    Args:
        ranges: Any ranges in any order, `first <= last`.

    Returns:
        The same numbers as a merged list.
    """
    merged: list[Range] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            if last > merged[-1][1]:
                merged[-1] = (merged[-1][0], last)
        else:
            merged.append((first, last))
    return merged


def subtract(ranges: Sequence[Range], holes: Sequence[Range]) -> list[Range]:
    """Take numbers out.

    Args:
        ranges: A merged list.
        holes: A merged list of what is taken out.

    Returns:
        A merged list of the numbers in `ranges` and not in `holes`.
    """
    left: list[Range] = []
    nearest = 0
    for start, last in ranges:
        first = start
        while nearest < len(holes) and holes[nearest][1] < first:
            nearest += 1
        at = nearest
        while first <= last and at < len(holes) and holes[at][0] <= last:
            if first < holes[at][0]:
                left.append((first, holes[at][0] - 1))
            first = holes[at][1] + 1
            at += 1
        if first <= last:
            left.append((first, last))
    return left


def intersect(ranges: Sequence[Range], others: Sequence[Range]) -> list[Range]:
    """The numbers that are in both merged lists, as a merged list."""
    common: list[Range] = []
    at = other_at = 0
    while at < len(ranges) and other_at < len(others):
        first = max(ranges[at][0], others[other_at][0])
        last = min(ranges[at][1], others[other_at][1])
        if first <= last:
            common.append((first, last))
        if ranges[at][1] < others[other_at][1]:
            at += 1
        else:
            other_at += 1
    return common


def count(ranges: Iterable[Range]) -> int:
    """How many numbers disjoint ranges hold."""
    return sum(last - first + 1 for first, last in ranges)


def to_blocks(ranges: Iterable[Range], bits: int) -> Iterator[tuple[int, int]]:
    """Cut ranges into the fewest CIDR blocks.

    Args:
        ranges: Disjoint ranges of addresses.
        bits: Width of an address: 32 or 128.

    Yields:
        (first address, prefix length) of each block, in order.
    """
    for start, last in ranges:
        first = start
        while first <= last:
            aligned_bits = (first & -first).bit_length() - 1 if first else bits
            fitting_bits = (last - first + 1).bit_length() - 1
            host_bits = min(aligned_bits, fitting_bits)
            yield first, bits - host_bits
            first += 1 << host_bits
