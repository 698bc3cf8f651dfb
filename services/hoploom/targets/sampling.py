"""How many addresses of a prefix are probed: `--per-prefix 24:1,48:1`, and what holds when nobody says.

Probing every address of the Internet's clouds would take days and annoy everybody; one address a /24 shows nearly the
same paths. Loopback and private blocks are the mapper's own, so there every address counts.
"""

import re
from typing import NamedTuple

from hoploom.kit import errors
from hoploom.targets.notation import BITS, IPV4, IPV6, excerpt
from hoploom.targets.special_purpose import Space

_PART = re.compile(r"([0-9]{1,3}):([0-9]{1,9}|all)")
_WAY_OUT = "write PREFIX:COUNT or PREFIX:all, IPv4 first, such as 24:1,48:1"


_SHORTEST = {IPV4: 1, IPV6: 3}
"""2000::/3 is all of IPv6's unicast space, and strata of it still fit the 128-bit arithmetic of `segment_table`."""


class PerPrefix(NamedTuple):
    """A rule for one family: at most `samples` addresses of each `/prefix`.

    Attributes:
        prefix: Prefix length of a cell, in bits.
        samples: Addresses of a cell, at least 1; None for every address.
    """

    prefix: int
    samples: int | None

    def __str__(self) -> str:
        """As written on the command line; `all` without a prefix, which would mean nothing."""
        return "all" if self.samples is None else f"{self.prefix}:{self.samples}"


ALL = PerPrefix(0, None)
"""Every address is a target."""

DEFAULT_PUBLIC = {IPV4: PerPrefix(24, 1), IPV6: PerPrefix(48, 1)}
"""/24 and /48 are the longest prefixes that the Internet routes by custom: one sample tells of one route."""


class Sampling(NamedTuple):
    """What a person asked for; None where nothing was said.

    Attributes:
        v4: Rule for IPv4.
        v6: Rule for IPv6.
    """

    v4: PerPrefix | None = None
    v6: PerPrefix | None = None

    def rule(self, family: int, space: Space) -> PerPrefix:
        """The rule for one kind of space: what was said, else all of one's own space and a sample of others'."""
        said = self.v4 if family == IPV4 else self.v6
        if said is not None:
            return said
        return DEFAULT_PUBLIC[family] if space is Space.PUBLIC else ALL


def parse_sampling(text: str) -> Sampling:
    """Read the value of `--per-prefix`.

    Args:
        text: `24:1,48:1` (IPv4, IPv6) or one of them alone, where a prefix over 32 means IPv6.

    Returns:
        The rules that were given.

    Raises:
        ConfigError: The text is none of these.
    """
    parts = text.split(",")
    if len(parts) == len(DEFAULT_PUBLIC):
        return Sampling(parse_rule(parts[0], IPV4), parse_rule(parts[1], IPV6))
    if len(parts) > len(DEFAULT_PUBLIC):
        raise errors.ConfigError(f"--per-prefix {excerpt(text)} has more than two parts: {_WAY_OUT}.")
    match = _PART.fullmatch(text.strip())
    if match is not None and int(match[1]) > BITS[IPV4]:
        return Sampling(v6=parse_rule(text, IPV6))
    return Sampling(v4=parse_rule(text, IPV4))


def parse_rule(text: str, family: int) -> PerPrefix:
    """Read one rule.

    Args:
        text: `PREFIX:COUNT`, `PREFIX:all` or `all`.
        family: 4 or 6, which bounds the prefix.

    Returns:
        The rule.

    Raises:
        ConfigError: It is malformed, or a number is out of bounds.
    """
    text = text.strip()
    if text == "all":
        return ALL
    match = _PART.fullmatch(text)
    if match is None:
        raise errors.ConfigError(f"--per-prefix {excerpt(text)} is not understood: {_WAY_OUT}.")
    prefix = int(match[1])
    if not _SHORTEST[family] <= prefix <= BITS[family]:
        bounds = f"{_SHORTEST[family]} to {BITS[family]}"
        raise errors.ConfigError(f"--per-prefix {excerpt(text)}: an IPv{family} prefix has {bounds} bits.")
    if match[2] == "all":
        return ALL
    if int(match[2]) == 0:
        raise errors.ConfigError(f"--per-prefix {excerpt(text)} would probe nothing: ask for at least 1 address.")
    return PerPrefix(prefix, int(match[2]))
