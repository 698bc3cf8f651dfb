"""Which datacenter hands out which positions of a campaign, and which part of its budget goes with them. Pure.

A campaign says proportions by datacenter; positions and rates are cut by them in the order of the names, without a gap
and without an overlap, so that every datacenter computes its own part without asking another, and the sum is kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from hoploom.kit.errors import Unprocessable
from hoploom.wire.fields import Fields

DATACENTER = re.compile("[a-z0-9][a-z0-9_-]{0,62}")
"""Consul's own rule: letters, digits, underscores and hyphens, which it turns to lower case."""

_LIKE = "it is like dc1=1,dc2=2"
MAX_DATACENTERS = 64
PARTS = range(1, 10**6)
Proportions = Mapping[str, int]


def parse(text: str) -> dict[str, int]:
    """The parts by datacenter, as a person writes them: `dc1=1,dc2=2`.

    Raises:
        Unprocessable: It is written otherwise, names a datacenter twice, or a part is out of bounds.
    """
    found: dict[str, int] = {}
    for word in filter(None, map(str.strip, text.split(","))):
        name, _, part = word.partition("=")
        if not part.isascii() or not part.isdigit():
            raise Unprocessable(f"{text[:80]}: {word[:40]!r} is no part of a datacenter; {_LIKE}")
        if name in found:
            raise Unprocessable(f"{text[:80]}: {name} stands there twice; {_LIKE}")
        found[name] = int(part)
    return read(found)


def cut(proportions: Proportions, dc: str, total: int) -> tuple[int, int]:
    """The part of `range(total)` that a datacenter has.

    Args:
        proportions: Parts by datacenter, each at least 1.
        dc: The datacenter; one that is not named has nothing.
        total: How much there is.

    Returns:
        The first, and the one after the last; the parts of all datacenters follow each other from 0 to `total`.
    """
    whole = sum(proportions.values())
    before = sum(part for name, part in proportions.items() if name < dc)
    own = proportions.get(dc, 0)
    return before * total // whole, (before + own) * total // whole


def share(proportions: Proportions, dc: str, total: int) -> int:
    """How much of `total` a datacenter has; 0 where it is too little to be split so far."""
    start, stop = cut(proportions, dc, total)
    return stop - start


def read(document: Mapping[str, object]) -> dict[str, int]:
    """Proportions from JSON, in the order of the names.

    Raises:
        BadRequest: A part is no whole number.
        Unprocessable: A name is no datacenter's, or a part is out of bounds.
    """
    if len(document) > MAX_DATACENTERS:
        raise Unprocessable(f"a campaign is cut into slices of at most {MAX_DATACENTERS} datacenters")
    for name in document:
        if not DATACENTER.fullmatch(name):
            raise Unprocessable(f"{name[:40]!r} is no datacenter such as dc1")
    known = Fields(dict(document), "slices", versioned=False)
    return {name: known.integer(name, PARTS) for name in sorted(document)}
