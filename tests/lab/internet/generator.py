"""A large internet out of a seed: many /24s behind a tree whose core they share, with diamonds on the way. Pure.

Sizes are chosen so that it costs a mapper what a sample of the real one does: a few sites hold many /24s, ways are 8 to
22 hops long, most targets say nothing, and some routers are silent or limit their errors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from ipaddress import IPv4Address

import numpy as np

from lab.internet.declared import Balancer, Declaration, Interface, Prefix, Unreachable

_SHORTEST, _LONGEST = 8, 22
"""Hops to a target, the target counted."""
_MIDDLE, _SPREAD = 14.5, 2.6
"""Of the normal distribution that ways are drawn from."""
_TRUNK = 3
"""Routers that all ways share: the access network of the vantage point."""
_GROWTH = 2.2
"""Each level of the tree has so many times the routers of the level above, up to a part of the sites."""
_WIDEST_PART = 0.15
_MIN_DELAY_MS, _MEAN_DELAY_MS = 0.1, 1.5
_ROUTER_BLOCK = int(IPv4Address("172.16.0.0"))
"""Interfaces get their addresses here, from the first on."""


@dataclass(frozen=True, kw_only=True)
class Generated:
    """What is drawn.

    Attributes:
        seed: The same one gives the same internet, for ever.
        prefixes: Number of /24s.
        first: Address of the first /24; the others follow.
        prefixes_per_site: /24s behind one last router, on average.
        hosts: Part of all addresses where a host answers.
        refused: Part of the sites whose last router says host unreachable about the other addresses.
        silent: Part of the routers that never answer.
        limited: Part of the routers that limit their errors.
        errors_per_s: Their limit.
        diamonds: Part of the routers that are balancers by flow.
    """

    seed: int
    prefixes: int = 10_000
    first: str = "10.0.0.0"
    prefixes_per_site: float = 3.0
    hosts: float = 0.4
    refused: float = 0.2
    silent: float = 0.03
    limited: float = 0.02
    errors_per_s: float = 200.0
    diamonds: float = 0.08


@dataclass
class _Drawing:
    """What has been drawn so far; names are addresses, and a balancer is named after its first interface."""

    wanted: Generated
    random: np.random.Generator
    interfaces: dict[str, Interface] = field(default_factory=dict)
    balancers: dict[str, Balancer] = field(default_factory=dict)

    def interface(self, router: str = "", *, may_be_silent: bool = True) -> str:
        """Draw an interface, of a new router unless one is named."""
        address = str(IPv4Address(_ROUTER_BLOCK + len(self.interfaces)))
        silent, limited, delay = self.random.random(3)
        self.interfaces[address] = Interface(
            address=address,
            router=router or address,
            delay_ms=round(_MIN_DELAY_MS - _MEAN_DELAY_MS * math.log1p(-delay) / 2, 3),
            silent=bool(may_be_silent and silent < self.wanted.silent),
            errors_per_s=self.wanted.errors_per_s if limited < self.wanted.limited else math.inf,
            burst=50,
        )
        return address

    def node(self) -> tuple[str, int]:
        """Draw a router or a diamond: its name in a way, and how many hops it takes."""
        if self.random.random() >= self.wanted.diamonds:
            return self.interface(), 1
        width = int(self.random.integers(2, 5))
        branches: tuple[tuple[str, ...], ...] = tuple((self.interface(),) for _ in range(width))
        is_closed = self.random.random() < 0.5
        if is_closed:
            # The router where the branches meet again answers from the interface of the branch.
            meeting = f"behind {branches[0][0]}"
            branches = tuple((*branch, self.interface(meeting)) for branch in branches)
        name = f"from {branches[0][0]}"
        self.balancers[name] = Balancer(branches=branches)
        return name, 2 if is_closed else 1


def generate(wanted: Generated, loss: float = 0.0) -> Declaration:
    """Draw an internet.

    Args:
        wanted: What to draw.
        loss: Part of all probes that get no answer.
    """
    drawing = _Drawing(wanted, np.random.default_rng(wanted.seed))
    sites = max(1, round(wanted.prefixes / wanted.prefixes_per_site))
    levels = _tree(drawing, sites)
    ways = [_way(drawing, levels) for _ in range(sites)]
    refuses = drawing.random.random(sites) < wanted.refused
    first = int(IPv4Address(wanted.first))
    # Squared, so that a few sites hold many prefixes and most hold few.
    homes = np.sort((drawing.random.random(wanted.prefixes) ** 2 * sites).astype(int))
    prefixes = tuple(
        Prefix(
            prefix=f"{IPv4Address(first + 256 * number)}/24",
            path=ways[home],
            hosts=wanted.hosts,
            unreachable=Unreachable(code=1) if refuses[home] else None,
        )
        for number, home in enumerate(homes.tolist())
    )
    return Declaration(interfaces=drawing.interfaces, balancers=drawing.balancers, prefixes=prefixes, loss=loss)


def _tree(drawing: _Drawing, sites: int) -> list[list[tuple[str, ...]]]:
    """Ways from the vantage point to routers of the core, by their number of hops."""
    levels: list[list[tuple[str, ...]]] = [[] for _ in range(_LONGEST + 2)]
    trunk = tuple(drawing.interface(may_be_silent=False) for _ in range(_TRUNK))
    levels[_TRUNK].append(trunk)
    for hops in range(_TRUNK, _LONGEST - 2):
        parents = levels[hops]
        for _ in range(round(min(_GROWTH ** (hops - _TRUNK), 1 + _WIDEST_PART * sites)) if parents else 0):
            name, length = drawing.node()
            levels[hops + length].append((*_popular(drawing, parents), name))
    return levels


def _popular(drawing: _Drawing, ways: list[tuple[str, ...]]) -> tuple[str, ...]:
    """One of the ways; the first are more likely, so that a few routers carry much."""
    return ways[int(drawing.random.random() ** 2 * len(ways))]


def _way(drawing: _Drawing, levels: list[list[tuple[str, ...]]]) -> tuple[str, ...]:
    """The way to a new site, its last router included."""
    distance = int(np.clip(np.rint(drawing.random.normal(_MIDDLE, _SPREAD)), _SHORTEST, _LONGEST))
    return (*_popular(drawing, levels[distance - 2]), drawing.interface())
