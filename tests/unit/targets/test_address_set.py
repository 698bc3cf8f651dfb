"""Addresses by index, as bytes and as text."""

import ipaddress
import tracemalloc

import numpy as np
import pytest

from hoploom.targets.address_set import AddressSet
from hoploom.targets.notation import BadBlock, parse_block
from hoploom.targets.sampling import ALL, PerPrefix
from hoploom.targets.target_set import Part, TargetSet

SEED = bytes(range(16))


def address_set(rule: PerPrefix, *texts: str) -> AddressSet:
    blocks = sorted(parse_block(text) for text in texts)
    ranges = tuple((block.first, block.last) for block in blocks)
    return AddressSet(TargetSet(blocks[0].family, SEED, (Part(rule, ranges),)))


def test_every_address_comes_in_order_as_mapped_bytes_and_as_text() -> None:
    targets = address_set(ALL, "10.0.0.0/30", "127.0.0.1")
    assert targets.n == 5
    assert targets.texts(np.arange(5)) == ["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3", "127.0.0.1"]
    rows = targets.take(np.arange(5))
    assert rows.dtype == np.uint8 and rows.shape == (5, 16)
    assert rows[4].tobytes() == ipaddress.IPv6Address("::ffff:127.0.0.1").packed


def test_ipv6_bytes_are_the_address() -> None:
    targets = address_set(ALL, "2a00::/126")
    assert targets.take(np.array([3]))[0].tobytes() == ipaddress.IPv6Address("2a00::3").packed
    assert targets.text(3) == "2a00::3"


GOLDEN = [
    (PerPrefix(24, 1), ("8.8.0.0/16",), [0, 1, 255], ["8.8.0.199", "8.8.1.77", "8.8.255.19"]),
    (PerPrefix(24, 3), ("8.8.0.16/28", "8.8.0.200/29"), [0, 1, 2], ["8.8.0.19", "8.8.0.31", "8.8.0.203"]),
    (PerPrefix(16, 1000), ("8.0.0.0/8",), [0, 999, 255_999], ["8.0.0.24", "8.0.255.217", "8.255.255.255"]),
    (
        PerPrefix(48, 1), ("2a00::/32",), [0, 1, 65_535],
        [
            "2a00::e768:5c81:fc5a:c65f:5844",
            "2a00:0:1:eddf:bbeb:64a2:5653:4d75",
            "2a00:0:ffff:fdf0:6d9e:a28c:478c:6b5f",
        ],
    ),
    (
        PerPrefix(48, 5), ("2a00::/49", "2a00:0:0:c000::/50"), [0, 1, 4],
        [
            "2a00::2691:64c0:54b9:cbb9:d844",
            "2a00::486c:cb90:c994:e0a9:1788",
            "2a00::f7e9:accf:6170:3fab:a78c",
        ],
    ),
]
"""Order version 1: which addresses are sampled. Whoever changes one makes a new order version."""


@pytest.mark.parametrize(("rule", "blocks", "indexes", "texts"), GOLDEN)
def test_the_samples_never_change(
    rule: PerPrefix, blocks: tuple[str, ...], indexes: list[int], texts: list[str]
) -> None:
    assert address_set(rule, *blocks).texts(np.array(indexes)) == texts


@pytest.mark.parametrize(
    ("name", "rule", "blocks"),
    [
        ("all of IPv4", ALL, ("10.0.0.0/20", "127.0.0.0/24")),
        ("sampled IPv4", PerPrefix(24, 2), ("8.8.0.0/18", "9.9.9.9", "9.9.10.128/25")),
        ("sampled IPv6", PerPrefix(48, 2), ("2a00::/38", "2a01::1")),
    ],
)
def test_index_and_address_are_inverse(name: str, rule: PerPrefix, blocks: tuple[str, ...]) -> None:
    targets = address_set(rule, *blocks)
    indexes = np.arange(0, targets.n, 17)
    assert [targets.index_of(text) for text in targets.texts(indexes)] == indexes.tolist(), name
    assert targets.contains(targets.take(np.arange(targets.n))).all(), name


@pytest.mark.parametrize("address", ["9.255.255.255", "10.0.0.4", "255.255.255.255", "::a00:1", "::ffff:10.0.0.1"])
def test_what_is_no_target_has_no_index(address: str) -> None:
    assert address_set(ALL, "10.0.0.0/30").index_of(address) is None


@pytest.mark.parametrize(
    ("rule", "blocks", "inside", "outside"),
    [
        (ALL, ("10.0.0.0/30",), ["10.0.0.0", "10.0.0.3"], ["9.255.255.255", "10.0.0.4", "::a00:1"]),
        (PerPrefix(24, 1), ("8.8.0.0/16",), ["8.8.0.199", "8.8.255.19"], ["8.8.0.198", "8.8.0.200", "8.9.0.0"]),
        (ALL, ("2a00::/126",), ["2a00::", "2a00::3"], ["2a00::4", "10.0.0.1", "::", "ff02::1"]),
        (PerPrefix(48, 1), ("2a00::/32",), ["2a00::e768:5c81:fc5a:c65f:5844"], ["2a00::", "2a00::1"]),
    ],
    ids=["all of IPv4", "sampled IPv4", "all of IPv6", "sampled IPv6"],
)
def test_members_are_the_targets_and_nothing_between_them(
    rule: PerPrefix, blocks: tuple[str, ...], inside: list[str], outside: list[str]
) -> None:
    packed = [ipaddress.ip_address(text) for text in (*inside, *outside)]
    texts = (f"::ffff:{each}" if each.version == 4 else str(each) for each in packed)
    rows = b"".join(ipaddress.IPv6Address(text).packed for text in texts)
    found = address_set(rule, *blocks).contains(np.frombuffer(rows, np.uint8).reshape(-1, 16))
    assert found.tolist() == [True] * len(inside) + [False] * len(outside)


def test_of_no_addresses_none_is_a_member() -> None:
    assert address_set(ALL, "10.0.0.0/30").contains(np.zeros((0, 16), np.uint8)).shape == (0,)


def test_an_index_needs_an_address() -> None:
    with pytest.raises(BadBlock):
        address_set(ALL, "10.0.0.0/30").index_of("10.0.0.0/31")


@pytest.mark.parametrize("indexes", [[-1], [4], [0, 4]])
def test_what_is_outside_is_refused(indexes: list[int]) -> None:
    with pytest.raises(IndexError):
        address_set(ALL, "10.0.0.0/30").take(np.array(indexes))


def test_no_index_gives_no_address() -> None:
    assert address_set(ALL, "10.0.0.0/30").take(np.arange(0)).shape == (0, 16)


def test_more_targets_than_positions_are_refused() -> None:
    with pytest.raises(ValueError, match="2\\*\\*63"):
        address_set(ALL, "2000::/3")


def test_memory_follows_the_blocks_and_not_the_addresses() -> None:
    tracemalloc.start()
    try:
        assert address_set(PerPrefix(48, 1), "2000::/3").n == 2**45
        assert address_set(ALL, "0.0.0.0/0").n == 2**32
        assert tracemalloc.get_traced_memory()[1] < 2**18
    finally:
        tracemalloc.stop()
