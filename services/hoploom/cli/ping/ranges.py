"""Targets of `-g`: a network's hosts, or all addresses from a first to a last one. Pure.

Source: fping(8), -g: of a network, its own and its broadcast address are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address

from hoploom.cli.words import BadWord

MAX_TARGETS = 2**20
"""About three hours at fping's default interval; more is a job for `hoploom map`."""
_BITS = 32
_LEAST_WITH_BROADCAST = 31


def network(text: str) -> Iterator[str]:
    """The hosts of a network such as `192.0.2.0/24`.

    Raises:
        BadWord: It is none, of the other family, or too large.
    """
    start, _, mask = text.partition("/")
    address = _address(start)
    bits = int(mask) if mask.isascii() and mask.isdigit() else 0
    if not 1 <= bits <= _BITS:
        raise BadWord(f"netmask must be between 1 and {_BITS} (is: {mask})")
    hosts = 1 << (_BITS - bits)
    first = address & ~(hosts - 1)
    edge = 1 if bits < _LEAST_WITH_BROADCAST else 0
    return _all(first + edge, first + hosts - 1 - edge)


def between(first: str, last: str) -> Iterator[str]:
    """All addresses from the first to the last; none where they stand the other way round.

    Raises:
        BadWord: One is no address, of the other family, or they are too many.
    """
    return _all(_address(first), _address(last))


def generate(operands: Sequence[str]) -> Iterator[str]:
    """The targets of `-g`: a network, or two addresses."""
    return network(operands[0]) if len(operands) == 1 else between(operands[0], operands[1])


def _address(text: str) -> int:
    try:
        return int(IPv4Address(text))
    except ValueError:
        pass
    if ":" in text:
        raise BadWord("-g works only with IPv4 addresses")
    raise BadWord(f"can't parse address {text}: Name or service not known")


def _all(first: int, last: int) -> Iterator[str]:
    if last - first >= MAX_TARGETS:
        raise BadWord(f"-g stands for {last - first + 1:,} targets here, and takes at most {MAX_TARGETS:,}")
    return (str(IPv4Address(each)) for each in range(first, last + 1))
