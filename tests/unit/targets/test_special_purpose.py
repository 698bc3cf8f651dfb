"""The table says of every registry entry what it is, and covers everything."""

import pytest

from hoploom.targets.notation import BITS, parse_address
from hoploom.targets.special_purpose import ROWS, Space, entry


@pytest.mark.parametrize(
    ("address", "space", "name"),
    [
        ("0.1.2.3", Space.NEVER, "this network"),
        ("127.255.0.1", Space.LOOPBACK, "loopback"),
        ("169.254.169.254", Space.NEVER, "cloud metadata"),
        ("192.0.2.1", Space.PRIVATE, "documentation"),
        ("192.88.99.1", Space.NEVER, "6to4"),
        ("192.31.196.1", Space.PUBLIC, "AS112"),
        ("198.19.255.255", Space.PRIVATE, "benchmarking"),
        ("255.255.255.255", Space.NEVER, "limited broadcast"),
        ("8.8.8.8", Space.PUBLIC, "public"),
        ("fec0::1", Space.NEVER, "site-local"),
        ("ff02::1", Space.NEVER, "multicast"),
        ("2001::1", Space.NEVER, "Teredo"),
        ("4000::1", Space.NEVER, "not allocated"),
        ("64:ff9b::7f00:1", Space.NEVER, "loopback inside 64:ff9b::/96"),
        ("2002:7f00:1::", Space.NEVER, "loopback inside 2002::/16"),
    ],
)
def test_the_most_specific_row_decides(address: str, space: Space, name: str) -> None:
    row = entry(*parse_address(address))
    assert row.space is space and name in row.name and row.source.startswith("RFC ")


@pytest.mark.parametrize("family", [4, 6])
def test_every_address_has_a_row(family: int) -> None:
    assert entry(family, 0).space is Space.NEVER
    assert entry(family, (1 << BITS[family]) - 1).space is Space.NEVER


@pytest.mark.parametrize(("family", "address"), [(4, -1), (4, 2**32), (6, 2**128)])
def test_what_is_no_address_has_no_row(family: int, address: int) -> None:
    with pytest.raises(ValueError, match="no IPv"):
        entry(family, address)


def test_rows_nest_and_never_cross() -> None:
    for one in ROWS:
        for other in ROWS:
            if one.block.family == other.block.family:
                apart = one.block.last < other.block.first or other.block.last < one.block.first
                inside = one.block.first >= other.block.first and one.block.last <= other.block.last
                outside = other.block.first >= one.block.first and other.block.last <= one.block.last
                assert apart or inside or outside
