"""The table says of each address what the ranges say."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoploom.targets.network_table import NetworkTable
from hoploom.targets.networks import named
from hoploom.targets.notation import parse_block
from hoploom.wire.addresses import column

BLOCKS = ["10.0.0.0/9", "10.200.0.0/16", "192.0.2.128/25", "0.0.0.0", "255.255.255.255", "2001:db8::/32", "::2",
          "ff00::/8"]  # fmt: skip
NETWORKS = named([parse_block(text) for text in BLOCKS])
TABLE = NetworkTable(NETWORKS)
_EDGES = [
    each + change
    for ranges in NETWORKS.values() for one in ranges.get(4, []) for each in one for change in (-1, 0, 1)
    if 0 <= each + change < 2**32
]  # fmt: skip
_WIDE_EDGES = [
    each + change
    for ranges in NETWORKS.values() for one in ranges.get(6, []) for each in one for change in (-1, 0, 1)
    if 0 < each + change < 2**128
]  # fmt: skip


def name(table: NetworkTable, address: str) -> str:
    return table.name(int(table.of(column([address]))[0]))


def expected(address: str) -> str:
    number, family = int(ip_address(address)), ip_address(address).version
    for known, ranges in NETWORKS.items():
        if any(first <= number <= last for first, last in ranges.get(family, [])):
            return known
    bits = 32 if family == 4 else 128
    octet = number >> (bits - 8) << (bits - 8)
    return f"{ip_address(octet) if family == 4 else ip_address(octet.to_bytes(16))}/8"


@pytest.mark.parametrize("number", _EDGES)
def test_an_edge_of_ipv4_is_on_its_side(number: int) -> None:
    address = str(ip_address(number))
    assert name(TABLE, address) == expected(address)


@pytest.mark.parametrize("number", _WIDE_EDGES)
def test_an_edge_of_ipv6_is_on_its_side(number: int) -> None:
    address = str(ip_address(number.to_bytes(16)))
    assert name(TABLE, address) == expected(address)


@given(st.lists(st.ip_addresses().map(str), min_size=1, max_size=20))
def test_any_addresses_are_told_at_once(addresses: list[str]) -> None:
    # A mapped address is one of IPv4 here (RFC 4291 section 2.5.5.2), and :: is none.
    known = [each for each in addresses if int(ip_address(each)) and not each.startswith("::ffff:")]
    if known:
        assert [TABLE.name(each) for each in TABLE.of(column(known)).tolist()] == [expected(each) for each in known]


def test_without_a_document_addresses_go_by_their_first_octet() -> None:
    table = NetworkTable({})
    assert [name(table, each) for each in ("10.9.8.7", "255.1.1.1", "0.1.2.3", "2a00::1", "::9")] == [
        "10.0.0.0/8", "255.0.0.0/8", "0.0.0.0/8", "2a00::/8", "::/8",
    ]  # fmt: skip
