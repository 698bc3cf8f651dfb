"""Splits sets of addresses by kind of space: the table of `special_purpose` flattened to disjoint ranges.

Whoever makes a plan, hands out a lease or sends a packet asks here, so that all three give the same answer.
"""

from collections.abc import Iterable, Sequence

from hoploom.targets.notation import IPV4, IPV6, Block, parse_block
from hoploom.targets.ranges import Range, intersect, merge, subtract
from hoploom.targets.special_purpose import ROWS, Space, entry

_STRICTEST_FIRST = (Space.NEVER, Space.LOOPBACK, Space.PRIVATE, Space.PUBLIC)


def _flatten(family: int) -> dict[Space, list[Range]]:
    """For each space its ranges, the most specific row deciding."""
    spaces: dict[Space, list[Range]] = {space: [] for space in _STRICTEST_FIRST}
    for row in ROWS:
        if row.block.family != family:
            continue
        inside = [(row.block.first, row.block.last)]
        spaces = {space: subtract(ranges, inside) for space, ranges in spaces.items()}
        spaces[row.space] = merge([*spaces[row.space], *inside])
    return spaces


_SPACES = {family: _flatten(family) for family in (IPV4, IPV6)}


def split(family: int, ranges: Sequence[Range]) -> dict[Space, list[Range]]:
    """Sort addresses by kind of space.

    Args:
        family: 4 or 6.
        ranges: A merged list of addresses.

    Returns:
        A merged list for each space that occurs; together they are `ranges`.
    """
    parts = {space: intersect(ranges, _SPACES[family][space]) for space in _STRICTEST_FIRST}
    return {space: part for space, part in parts.items() if part}


def space(target: str | Block) -> Space:
    """The kind of space of an address or block; of a block that lies in several, the strictest.

    Args:
        target: An address or CIDR block, as text or parsed.

    Returns:
        `NEVER` before `LOOPBACK` before `PRIVATE` before `PUBLIC`.

    Raises:
        BadBlock: The text is no address or block.
    """
    block = parse_block(target) if isinstance(target, str) else target
    return next(iter(split(block.family, [(block.first, block.last)])))


def reason(block: Block) -> str:
    """Why the start of a block is special, for a person: `multicast, RFC 5771`."""
    row = entry(block.family, block.first)
    return f"{row.name}, {row.source}"


def by_family(blocks: Iterable[Block]) -> dict[int, list[Range]]:
    """Merge blocks of both families.

    Args:
        blocks: Any blocks.

    Returns:
        A merged list for each family that occurs.
    """
    found: dict[int, list[Range]] = {}
    for block in blocks:
        found.setdefault(block.family, []).append((block.first, block.last))
    return {family: merge(found[family]) for family in sorted(found)}


