"""Names for the parts of a campaign's targets, so that results can be told by network: at most 256 of them.

The names are those of the lists that the blocks came from, where the request says so; else the blocks themselves; else
the prefixes that they lie in, as long ones as are few enough. They are a document of their own beside the campaign's
sets, and change neither targets nor order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from hoploom.kit.errors import Unprocessable
from hoploom.targets.notation import BITS, Block, block_text, parse_block
from hoploom.targets.ranges import Range, merge, subtract, to_blocks
from hoploom.targets.space import by_family

VERSION: Final = 1
MOST: Final = 256
MOST_CHARACTERS: Final = 100
PREFIXES: Final[Mapping[int, tuple[int, ...]]] = {4: (16, 12, 8, 4), 6: (32, 28, 24, 20, 16, 12, 8, 4)}
"""Lengths that are tried one after another, of both families at the same place; the last ones are few in any case."""

Sources = Sequence[tuple[str, int]]
"""Where blocks came from, as run lengths: name, and how many blocks in a row."""

Ranges = dict[int, list[Range]]
Networks = dict[str, Ranges]
"""Disjoint merged ranges by name and family."""


def named(blocks: Sequence[Block], sources: Sources = ()) -> Networks:
    """The networks of a campaign.

    Args:
        blocks: What is mapped.
        sources: Where they came from, for all of them or for none.

    Returns:
        Networks that hold all addresses of the blocks, each address once: of two lists that both have it, the first.

    Raises:
        Unprocessable: The sources are of another number of blocks.
    """
    if sources and sum(count for _, count in sources) != len(blocks):
        told = sum(count for _, count in sources)
        raise Unprocessable(f"the sources are those of {told} blocks, and there are {len(blocks)}")
    if sources and len({name for name, _ in sources}) <= MOST:
        return _by_source(blocks, sources)
    ranges = by_family(blocks)
    return _by_block(ranges) or _by_prefix(ranges)


def to_document(networks: Mapping[str, Ranges]) -> dict[str, Any]:
    """Networks as JSON-ready values: the blocks of each."""
    return {"v": VERSION, "networks": {name: list(_texts(each)) for name, each in networks.items()}}


def from_document(document: Any) -> Networks:
    """Read what `to_document` wrote.

    Raises:
        Unprocessable: It is no such document.
    """
    try:
        if document["v"] != VERSION or len(document["networks"]) > MOST:
            raise ValueError("unknown version, or too many networks")
        return {
            str(name): by_family(parse_block(text) for text in blocks) for name, blocks in document["networks"].items()
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unprocessable(f"this is no document of networks: {error!r}") from error


def _by_source(blocks: Sequence[Block], sources: Sources) -> Networks:
    by_name: dict[str, list[Block]] = {}
    start = 0
    for name, count in sources:
        by_name.setdefault(name[:MOST_CHARACTERS], []).extend(blocks[start : start + count])
        start += count
    taken: Ranges = {family: [] for family in BITS}
    found: Networks = {}
    for name, own in by_name.items():
        ranges = by_family(own)
        left = {family: subtract(each, taken[family]) for family, each in ranges.items()}
        found[name] = {family: each for family, each in left.items() if each}
        taken = {family: merge([*taken[family], *ranges.get(family, [])]) for family in BITS}
    return {name: each for name, each in found.items() if each}


def _by_block(ranges: Mapping[int, Sequence[Range]]) -> Networks:
    """A network a merged block; none where these are too many."""
    found: Networks = {}
    for family, each in ranges.items():
        for first, prefix in to_blocks(each, BITS[family]):
            if len(found) == MOST:
                return {}
            found[block_text(family, first, prefix)] = {family: [_range(family, first, prefix)]}
    return found


def _by_prefix(ranges: Mapping[int, Sequence[Range]]) -> Networks:
    """A network a prefix of the longest length by which there are few enough."""
    for short in range(max(map(len, PREFIXES.values()))):
        found: Networks = {}
        for family, each in ranges.items():
            prefix = PREFIXES[family][min(short, len(PREFIXES[family]) - 1)]
            for first in _prefixes(each, BITS[family] - prefix):
                found[block_text(family, first, prefix)] = {family: [_range(family, first, prefix)]}
                if len(found) > MOST:
                    break
        if len(found) <= MOST:
            return found
    raise AssertionError("there are 16 prefixes of four bits in each family")


def _prefixes(ranges: Iterable[Range], host_bits: int) -> Iterable[int]:
    """The first address of each prefix that ranges lie in, ascending; some of them where they are far too many."""
    last_seen = -1
    for first, last in ranges:
        start = max(first >> host_bits, last_seen + 1)
        for number in range(start, min(last >> host_bits, start + MOST) + 1):
            yield number << host_bits
        last_seen = max(last_seen, last >> host_bits)


def _range(family: int, first: int, prefix: int) -> Range:
    return first, first + (1 << (BITS[family] - prefix)) - 1


def _texts(ranges: Mapping[int, Sequence[Range]]) -> Iterable[str]:
    for family, each in sorted(ranges.items()):
        for first, prefix in to_blocks(each, BITS[family]):
            yield block_text(family, first, prefix)
