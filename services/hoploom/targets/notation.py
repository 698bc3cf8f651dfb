"""How addresses and CIDR blocks are written: strict reading, canonical writing.

Strict because `010.0.0.1` or `10.0.0.1/8` means something else to whoever wrote it than to whoever reads it: host bits,
leading zeros, zone ids and netmasks are refused with the reason, never repaired.
"""

import ipaddress
import re
from typing import NamedTuple

from hoploom.kit import errors

IPV4, IPV6 = 4, 6
BITS = {IPV4: 32, IPV6: 128}
"""Width of an address of each family, in bits."""

_MAX_OCTET = 255
_IPV4_OCTETS = 4
_EXCERPT_CHARACTERS = 48
_OCTET = r"(0|[1-9][0-9]{0,2})"
_IPV4_BLOCK = re.compile(rf"{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}(?:/(0|[1-9][0-9]?))?")
_PREFIX = re.compile(r"0|[1-9][0-9]{0,2}")


class BadBlock(errors.Unprocessable):
    """The text is no address or CIDR block; the message is the reason, without its place."""


class Block(NamedTuple):
    """A CIDR block or single address.

    Attributes:
        family: 4 or 6.
        first: Lowest address, as an integer.
        last: Highest address, as an integer, inclusive.
    """

    family: int
    first: int
    last: int

    def __str__(self) -> str:
        """The block in CIDR notation; a single address without its prefix."""
        prefix = BITS[self.family] - (self.last - self.first).bit_length()
        return block_text(self.family, self.first, prefix)


def excerpt(text: str) -> str:
    """Quote foreign text for a message: one short line, nothing that could steer a terminal."""
    short = text if len(text) <= _EXCERPT_CHARACTERS else text[:_EXCERPT_CHARACTERS] + "..."
    return ascii(short)


def address_text(family: int, address: int) -> str:
    """An address in canonical text (RFC 5952 for IPv6)."""
    return str(ipaddress.IPv4Address(address) if family == IPV4 else ipaddress.IPv6Address(address))


def block_text(family: int, first: int, prefix: int) -> str:
    """A CIDR block in canonical text; a single address is written without its prefix."""
    text = address_text(family, first)
    return text if prefix == BITS[family] else f"{text}/{prefix}"


def parse_address(text: str) -> tuple[int, int]:
    """Read one address.

    Args:
        text: An IPv4 or IPv6 address.

    Returns:
        (family, address as an integer).

    Raises:
        BadBlock: The text is anything else, a block of several addresses included.
    """
    block = parse_block(text)
    if block.first != block.last:
        raise BadBlock(f"{excerpt(text)} is a block, not one address")
    return block.family, block.first


def parse_block(text: str) -> Block:
    """Read one CIDR block or single address.

    Args:
        text: `192.0.2.0/24`, `192.0.2.1`, `2001:db8::/32` ... without surrounding space.

    Returns:
        The block.

    Raises:
        BadBlock: The text is anything else, with the reason.
    """
    match = _IPV4_BLOCK.fullmatch(text)
    if match is None:
        return _block(text, IPV6, *_ipv6_parts(text)) if ":" in text else _refuse_ipv4(text)
    a, b, c, d = map(int, match.group(1, 2, 3, 4))
    if max(a, b, c, d) > _MAX_OCTET:
        return _refuse_ipv4(text)
    prefix = match[5]
    return _block(text, IPV4, a << 24 | b << 16 | c << 8 | d, BITS[IPV4] if prefix is None else int(prefix))


def _block(text: str, family: int, first: int, prefix: int) -> Block:
    """The block of `prefix` at `first`, when that is one."""
    host_bits = BITS[family] - prefix
    if host_bits < 0:
        raise BadBlock(f"{excerpt(text)}: the prefix length is over {BITS[family]}")
    size = 1 << host_bits
    if first % size:
        meant = block_text(family, first - first % size, prefix)
        raise BadBlock(f"{excerpt(text)}: host bits are set; write {meant} for the block")
    return Block(family, first, first + size - 1)


def _ipv6_parts(text: str) -> tuple[int, int]:
    """Address and prefix length of an IPv6 block."""
    address, slash, prefix = text.partition("/")
    if "%" in address:
        raise BadBlock(f"{excerpt(text)}: a zone id names an interface of one machine, leave it out")
    try:
        first = int(ipaddress.IPv6Address(address))
    except ValueError as error:
        raise BadBlock(f"{excerpt(text)} is not an IPv6 address or CIDR block") from error
    return first, _prefix_length(text, prefix) if slash else BITS[IPV6]


def _prefix_length(text: str, prefix: str) -> int:
    """The number after the slash."""
    if not _PREFIX.fullmatch(prefix):
        raise BadBlock(f"{excerpt(text)}: after the slash comes a prefix length, a number without leading zeros")
    return int(prefix)


def _refuse_ipv4(text: str) -> Block:
    """Find out what is wrong with text that looked no further than a dotted address."""
    address, slash, prefix = text.partition("/")
    octets = address.split(".")
    if len(octets) != _IPV4_OCTETS or not all(octet.isascii() and octet.isdigit() for octet in octets):
        raise BadBlock(f"{excerpt(text)} is not an IP address or CIDR block")
    if any(octet != "0" and octet.startswith("0") for octet in octets):
        raise BadBlock(f"{excerpt(text)}: leading zeros, which some read as octal")
    if any(len(octet) > len(str(_MAX_OCTET)) or int(octet) > _MAX_OCTET for octet in octets):
        raise BadBlock(f"{excerpt(text)}: a part of the address is over {_MAX_OCTET}")
    if slash and _prefix_length(text, prefix) > BITS[IPV4]:
        raise BadBlock(f"{excerpt(text)}: the prefix length is over {BITS[IPV4]}")
    raise BadBlock(f"{excerpt(text)} is not an IP address or CIDR block")
