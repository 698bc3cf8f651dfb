"""Which addresses are not ordinary public ones: IANA's special-purpose registries as an explicit table.

Python's `ipaddress.is_global` calls multicast, 192.88.99.0/24, 2002::/16, 64:ff9b:1::/48, 3fff::/20 and others global,
and changes between releases; a prober needs one answer that is read, reviewed and tested. The most specific row
decides.
IPv6 outside 2000::/3 is not allocated to anybody and thus never probed, unless a row says otherwise.

Sources: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890), IPv4 and IPv6 Multicast Address Space
(RFC 5771, RFC 4291), IPv6 Address Space (RFC 4291).
"""

import enum
from typing import NamedTuple

from hoploom.targets.notation import BITS, IPV6, Block, parse_block


class Space(enum.Enum):
    """What kind of network an address belongs to, and so who may let it be probed."""

    PUBLIC = "public"
    """Somebody's address on the Internet: slow by default, and with a contact."""
    PRIVATE = "private"
    """A site's own, a carrier's, or a laboratory's (documentation and benchmark ranges): needs `allow_private`."""
    LOOPBACK = "loopback"
    """This machine: needs `allow_private`, and costs nobody anything."""
    NEVER = "never"
    """No host, or not one host: no key opens it."""


class Row(NamedTuple):
    """One row of the table.

    Attributes:
        block: The addresses.
        name: The registry's name for them.
        source: The document that set them aside.
        space: What may be done with them.
    """

    block: Block
    name: str
    source: str
    space: Space


_IPV4_TABLE = """
0.0.0.0/8           never     this network                        RFC 791
10.0.0.0/8          private   private use                         RFC 1918
100.64.0.0/10       private   shared address space of carriers    RFC 6598
127.0.0.0/8         loopback  loopback                            RFC 1122
169.254.0.0/16      never     link-local, cloud metadata          RFC 3927
172.16.0.0/12       private   private use                         RFC 1918
192.0.0.0/24        never     IETF protocol assignments           RFC 6890
192.0.2.0/24        private   documentation TEST-NET-1            RFC 5737
192.31.196.0/24     public    AS112-v4                            RFC 7535
192.52.193.0/24     public    AMT                                 RFC 7450
192.88.99.0/24      never     6to4 relay anycast, deprecated      RFC 7526
192.168.0.0/16      private   private use                         RFC 1918
192.175.48.0/24     public    direct delegation AS112 service     RFC 7534
198.18.0.0/15       private   benchmarking                        RFC 2544
198.51.100.0/24     private   documentation TEST-NET-2            RFC 5737
203.0.113.0/24      private   documentation TEST-NET-3            RFC 5737
224.0.0.0/4         never     multicast                           RFC 5771
240.0.0.0/4         never     reserved for future use             RFC 1112
255.255.255.255/32  never     limited broadcast                   RFC 8190
"""

_IPV6_TABLE = """
::/0                never     not allocated to anybody            RFC 4291
::/128              never     unspecified address                 RFC 4291
::1/128             loopback  loopback                            RFC 4291
::/96               never     IPv4-compatible, deprecated         RFC 4291
::ffff:0:0/96       never     IPv4-mapped                         RFC 4291
64:ff9b::/96        public    NAT64 of an IPv4 address            RFC 6052
64:ff9b:1::/48      never     local-use NAT64                     RFC 8215
100::/64            never     discard-only                        RFC 6666
100:0:0:1::/64      never     dummy prefix                        RFC 9780
2000::/3            public    global unicast                      RFC 4291
2001::/23           never     IETF protocol assignments           RFC 2928
2001::/32           never     Teredo tunnels                      RFC 4380
2001:2::/48         never     benchmarking                        RFC 5180
2001:10::/28        never     ORCHID, deprecated                  RFC 4843
2001:20::/28        never     ORCHIDv2 identifiers, not routed    RFC 7343
2001:30::/28        never     drone remote id, not routed         RFC 9374
2001:db8::/32       private   documentation                       RFC 3849
2002::/16           public    6to4 of an IPv4 address             RFC 3056
2620:4f:8000::/48   public    direct delegation AS112 service     RFC 7534
3fff::/20           private   documentation                       RFC 9637
5f00::/16           never     segment routing identifiers         RFC 9602
fc00::/7            private   unique local                        RFC 4193
fe80::/10           never     link-local                          RFC 4291
fec0::/10           never     site-local, deprecated              RFC 3879
ff00::/8            never     multicast                           RFC 4291
"""

_BLOCK_WIDTH, _SPACE_WIDTH, _NAME_WIDTH = 20, 10, 36
"""Columns of the tables above, in characters."""


def _rows(table: str) -> list[Row]:
    """Read a table."""
    space_at, name_at, source_at = _BLOCK_WIDTH, _BLOCK_WIDTH + _SPACE_WIDTH, _BLOCK_WIDTH + _SPACE_WIDTH + _NAME_WIDTH
    return [
        Row(
            parse_block(line[:space_at].strip()),
            line[name_at:source_at].strip(),
            line[source_at:].strip(),
            Space(line[space_at:name_at].strip()),
        )
        for line in table.strip().splitlines()
    ]


def _wrapped(prefix: str, shift: int, row: Row) -> Row:
    """The row of an IPv4 block as it reappears inside an IPv6 translation prefix; no key opens those.

    A packet to 64:ff9b::127.0.0.1 or 2002:7f00:1:: would reach the translator's own loopback or private neighbours.
    """
    base = parse_block(prefix).first
    first, last = base + (row.block.first << shift), base + ((row.block.last + 1) << shift) - 1
    return Row(Block(IPV6, first, last), f"{row.name} inside {prefix}", row.source, Space.NEVER)


_IPV4_ROWS = _rows(_IPV4_TABLE)
_IPV6_ROWS = _rows(_IPV6_TABLE) + [
    _wrapped(prefix, shift, row)
    for prefix, shift in (("64:ff9b::/96", 0), ("2002::/16", 80))
    for row in _IPV4_ROWS
    if row.space is not Space.PUBLIC
]
ROWS: tuple[Row, ...] = tuple(
    sorted(
        [Row(parse_block("0.0.0.0/0"), "public IPv4", "RFC 791", Space.PUBLIC), *_IPV4_ROWS, *_IPV6_ROWS],
        key=lambda row: (row.block.family, row.block.first, -row.block.last),
    )
)
"""Every row of both families, by first address, a block before the blocks inside it; the whole space is covered."""


def entry(family: int, address: int) -> Row:
    """The most specific row about an address.

    Args:
        family: 4 or 6.
        address: The address as an integer of that family.

    Returns:
        The row that decides what it is.

    Raises:
        ValueError: The number is no address of the family.
    """
    if not 0 <= address < 1 << BITS[family]:
        raise ValueError(f"{address} is no IPv{family} address")
    # sorted outer before inner, so the last row that holds the address is the most specific one
    return next(
        row for row in reversed(ROWS) if row.block.family == family and row.block.first <= address <= row.block.last
    )
