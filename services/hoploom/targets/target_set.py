"""The targets of one family as an immutable, content-addressed document.

Whoever holds the document computes the same addresses for ever: it names the merged blocks, the sampling and the seed.
Nothing here knows positions, workers or time. `address_set` turns it into arrays; this module needs no numpy.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hoploom.kit import errors
from hoploom.targets.notation import BITS, block_text, parse_block
from hoploom.targets.ranges import Range, count, intersect, merge, to_blocks
from hoploom.targets.sampling import PerPrefix, parse_rule
from hoploom.targets.segments import Segment, cut
from hoploom.targets.space import split
from hoploom.targets.special_purpose import Space

VERSION = 1
ORDER_VERSION = 1
"""Of the arithmetic in `segments`, `segment_table` and `permutation`: other arithmetic is another number."""

SEED_BYTES = 16
MAX_TARGETS = 2**63 - 1
"""Positions and indexes are signed 64-bit numbers everywhere."""


@dataclass(frozen=True)
class Part:
    """Addresses that are sampled by one rule.

    Attributes:
        rule: How many addresses of each prefix.
        ranges: A merged list of addresses.
    """

    rule: PerPrefix
    ranges: tuple[Range, ...]


@dataclass(frozen=True)
class TargetSet:
    """What is mapped, in one family.

    Attributes:
        family: 4 or 6.
        seed: 16 bytes that choose the samples.
        parts: Disjoint parts.
    """

    family: int
    seed: bytes
    parts: tuple[Part, ...]

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """All segments in the order of their addresses, which is the order of the indexes."""
        bits = BITS[self.family]
        return tuple(sorted(s for part in self.parts for s in cut(part.ranges, bits, part.rule, self.seed)))

    @cached_property
    def n(self) -> int:
        """Number of targets: indexes are 0 <= index < n."""
        return sum(segment.total for segment in self.segments)

    @cached_property
    def spaces(self) -> dict[Space, int]:
        """How many addresses of each kind of space the blocks hold, before sampling.

        Input and workers check this again, because a document may come from anybody.
        """
        ranges = merge(each for part in self.parts for each in part.ranges)
        return {space: count(found) for space, found in split(self.family, ranges).items()}

    def to_document(self) -> dict[str, Any]:
        """The set as JSON-ready values."""
        return {
            "v": VERSION,
            "order_version": ORDER_VERSION,
            "family": self.family,
            "seed": self.seed.hex(),
            "n": self.n,
            "parts": [{"per_prefix": str(part.rule), "blocks": self._blocks(part)} for part in self.parts],
        }

    def digest(self) -> str:
        """The set's name: SHA-256 of its canonical bytes, in hex."""
        return digest(self.to_document())

    def _blocks(self, part: Part) -> list[str]:
        """A part's ranges as the fewest blocks, in text."""
        return [block_text(self.family, first, prefix) for first, prefix in to_blocks(part.ranges, BITS[self.family])]


def canonical_bytes(document: dict[str, Any]) -> bytes:
    """The one way to write a document: ASCII JSON, sorted keys, no spaces."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.encode("ascii")


def digest(document: dict[str, Any]) -> str:
    """SHA-256 of a document's canonical bytes, in hex."""
    return hashlib.sha256(canonical_bytes(document)).hexdigest()


def from_document(document: object) -> TargetSet:
    """Read and check a document.

    Args:
        document: Parsed JSON from anybody.

    Returns:
        The set that wrote it.

    Raises:
        Unprocessable: It is malformed, of another version, or not what `to_document` would write.
    """
    try:
        found = _read(document)
        same = 0 < found.n <= MAX_TARGETS and found.to_document() == document
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, errors.ConfigError) as error:
        raise errors.Unprocessable(f"This is no set of targets of version {VERSION}: {error!r}.") from error
    if not same:
        raise errors.Unprocessable("This set of targets is not in its canonical form, or counts its targets wrongly.")
    return found


def _read(document: Any) -> TargetSet:
    """A set from a document that may be anything; raises whatever is wrong with it."""
    family = document["family"]
    if document["v"] != VERSION or document["order_version"] != ORDER_VERSION or family not in BITS:
        raise ValueError("unknown version or family")
    seed = bytes.fromhex(document["seed"])
    if len(seed) != SEED_BYTES:
        raise ValueError(f"the seed has {len(seed)} bytes instead of {SEED_BYTES}")
    parts = tuple(_read_part(family, part) for part in document["parts"])
    _require_disjoint(parts)
    return TargetSet(family, seed, parts)


def _read_part(family: int, part: Any) -> Part:
    """One part of a document."""
    blocks = [parse_block(text) for text in part["blocks"]]
    if any(block.family != family for block in blocks):
        raise ValueError("a block of the other family")
    ranges = merge((block.first, block.last) for block in blocks)
    return Part(parse_rule(part["per_prefix"], family), tuple(ranges))


def _require_disjoint(parts: tuple[Part, ...]) -> None:
    """An address in two parts would have two indexes."""
    seen: list[Range] = []
    for part in parts:
        if intersect(seen, part.ranges):
            raise ValueError("two parts share addresses")
        seen = merge([*seen, *part.ranges])
