"""What a worker refuses and how fast it goes, whoever asks."""

from ipaddress import IPv4Address, IPv6Address

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoploom.prober.politeness import allowed, blocks, effective_rate_pps, inside
from hoploom.targets.ranges import Range, merge
from hoploom.wire.addresses import column

PUBLIC = ["8.8.8.8", "1.0.0.1", "223.255.255.255", "2606:4700::1", "64:ff9b::808:808"]
TWO_KEYS = ["127.0.0.1", "127.255.255.255", "10.0.0.1", "172.31.255.255", "192.168.0.0", "100.64.1.1", "::1", "fd00::1"]
NEVER = ["0.0.0.0", "169.254.169.254", "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.88.99.1", "::", "ff02::1"]
NEVER_INSIDE_IPV6 = ["fe80::1", "64:ff9b::7f00:1", "2002:7f00:1::", "4000::1", "::7f00:1", "2001::1"]


@pytest.mark.parametrize("allow_private", [False, True])
def test_public_addresses_need_no_key(allow_private: bool) -> None:
    assert allowed(column(PUBLIC), allow_private=allow_private).all()


def test_loopback_and_private_addresses_need_both_keys() -> None:
    assert not allowed(column(TWO_KEYS), allow_private=False).any()
    assert allowed(column(TWO_KEYS), allow_private=True).all()


@pytest.mark.parametrize("address", NEVER + NEVER_INSIDE_IPV6)
def test_no_key_opens_the_rest(address: str) -> None:
    assert not allowed(column([address]), allow_private=True).any()


def test_rows_keep_their_order() -> None:
    mixed = column(["8.8.8.8", "127.0.0.1", "2606:4700::1", "::1", "224.0.0.1"])
    assert allowed(mixed, allow_private=False).tolist() == [True, False, True, False, False]


@pytest.mark.parametrize(
    ("what", "addresses", "asked", "owner", "effective"),
    [
        ("loopback is unlimited", ["127.0.0.1", "::1"], 0, 0, 0),
        ("loopback keeps the owner's cap", ["127.0.0.1"], 0, 50, 50),
        ("private space has a default", ["127.0.0.1", "10.0.0.1"], 0, 0, 1_000),
        ("public space is slowest", ["10.0.0.1", "8.8.8.8"], 0, 0, 100),
        ("a default is no way around the owner", ["8.8.8.8"], 0, 20, 20),
        ("an owner's cap above the default does not raise it", ["8.8.8.8"], 0, 5_000, 100),
        ("a campaign may raise it", ["8.8.8.8"], 2_000, 0, 2_000),
        ("as far as the owner allows", ["8.8.8.8"], 2_000, 500, 500),
        ("a slower campaign stays slow", ["127.0.0.1"], 10, 500, 10),
    ],
)
def test_rates(what: str, addresses: list[str], asked: int, owner: int, effective: int) -> None:
    assert effective_rate_pps(column(addresses), asked, owner) == effective, what


def test_the_cap_of_the_whole_mesh_counts_too() -> None:
    assert effective_rate_pps(column(["8.8.8.8"]), 2_000, 500, 40) == 40


def ranges(bits: int) -> st.SearchStrategy[list[Range]]:
    ends = st.integers(0, 2**bits - 1) | st.integers(0, 600) | st.integers(2**bits - 600, 2**bits - 1)
    pairs = st.lists(st.tuples(ends, ends), max_size=6)
    return pairs.map(lambda drawn: merge((min(each), max(each)) for each in drawn))


@given(four=ranges(32), six=ranges(128), data=st.data())
def test_an_address_is_inside_when_a_range_of_its_family_holds_it(
    four: list[Range], six: list[Range], data: st.DataObject
) -> None:
    near = [end + step for first, last in four for end in (first, last) for step in (-1, 0, 1)]
    near_six = [end + step for first, last in six for end in (first, last) for step in (-1, 0, 1)]
    numbers = [each for each in (*near, 0, 2**32 - 1) if 0 <= each < 2**32]
    wide = [each for each in (*near_six, 2**128 - 1) if 0 <= each < 2**128 and each >> 32 != 0xFFFF]
    wide += [data.draw(st.integers(2**64, 2**128 - 1))]
    targets = column([*(str(IPv4Address(each)) for each in numbers), *(str(IPv6Address(each)) for each in wide)])
    expected = [any(first <= each <= last for first, last in four) for each in numbers]
    expected += [any(first <= each <= last for first, last in six) for each in wide]
    assert inside(targets, blocks({4: four, 6: six})).tolist() == expected


def test_every_ipv6_address_opted_out_says_nothing_of_ipv4() -> None:
    found = blocks({4: [(0x0A000000, 0x0A0000FF)], 6: [(0, 2**128 - 1)]})
    assert inside(column(["10.0.0.1", "10.0.1.1", "::1"]), found).tolist() == [True, False, True]


def test_nothing_to_probe_has_no_rate() -> None:
    assert effective_rate_pps(np.empty((0, 16), np.uint8), 0, 0) == 0
