"""The networks of a campaign: each address in one of them, at most 256, by the names that fit best."""

import json
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoploom.kit.errors import Unprocessable
from hoploom.targets.networks import MOST, Networks, from_document, named, to_document
from hoploom.targets.notation import Block, parse_block

_BLOCK = st.builds(
    lambda number, prefix: f"{ip_network((number >> (32 - prefix) << (32 - prefix), prefix))}",
    st.integers(0, 2**32 - 1), st.integers(6, 32),
) | st.builds(
    lambda number, prefix: f"{ip_network((number >> (128 - prefix) << (128 - prefix), prefix))}",
    st.integers(0, 2**128 - 1), st.integers(12, 128),
)  # fmt: skip


def parsed(*texts: str) -> list[Block]:
    return [parse_block(text) for text in texts]


def names(networks: Networks) -> list[str]:
    return list(networks)


def of(networks: Networks, address: str) -> list[str]:
    """All networks that an address is in."""
    number, family = int(ip_address(address)), ip_address(address).version
    return [
        name for name, ranges in networks.items()
        if any(first <= number <= last for first, last in ranges.get(family, []))
    ]  # fmt: skip


def test_lists_give_their_names() -> None:
    found = named(parsed("10.0.0.0/24", "10.0.1.0/24", "192.0.2.0/24", "2001:db8::/32"), [("mine", 3), ("six", 1)])
    assert names(found) == ["mine", "six"]
    assert of(found, "10.0.1.9") == of(found, "192.0.2.1") == ["mine"] and of(found, "2001:db8::9") == ["six"]


def test_of_two_lists_with_the_same_address_the_first_has_it() -> None:
    found = named(parsed("10.0.0.0/24", "10.0.0.0/16", "10.0.0.0/28"), [("a", 1), ("b", 1), ("c", 1)])
    assert names(found) == ["a", "b"]
    assert of(found, "10.0.0.1") == ["a"] and of(found, "10.0.1.1") == ["b"]


def test_a_name_that_comes_twice_is_one_network() -> None:
    found = named(parsed("10.0.0.0/24", "10.1.0.0/24", "10.2.0.0/24"), [("a", 1), ("b", 1), ("a", 1)])
    assert names(found) == ["a", "b"]


def test_blocks_without_lists_are_called_what_they_are_when_merged() -> None:
    assert names(named(parsed("10.0.0.0/24", "10.0.1.0/24", "192.0.2.7", "::1"))) == ["10.0.0.0/23", "192.0.2.7", "::1"]


@pytest.mark.parametrize(
    "blocks, expected",
    [
        ([f"10.{high}.{low}.0/25" for high in range(3) for low in range(100)], ["10.0.0.0/16", "10.1.0.0/16"]),
        ([f"10.{high}.0.0/25" for high in range(256)] + ["11.0.0.0/24"], ["10.0.0.0/12", "10.16.0.0/12"]),
        ([f"{high}.{low * 16}.0.0/25" for high in range(1, 101) for low in range(16)], ["1.0.0.0/8", "2.0.0.0/8"]),
        ([f"2001:db8:{number:x}::/64" for number in range(300)], ["2001:db8::/32"]),
        ([f"2001:{number:x}::/48" for number in range(300)], ["2001::/28", "2001:10::/28"]),
    ],
    ids=["/16", "/12", "/8", "IPv6 /32", "IPv6 /28"],
)
def test_many_blocks_are_called_by_the_longest_prefixes_that_are_few_enough(
    blocks: list[str], expected: list[str]
) -> None:
    found = named(parsed(*blocks))
    assert names(found)[: len(expected)] == expected and len(found) <= MOST


def test_more_lists_than_networks_may_be_are_named_by_their_blocks() -> None:
    blocks = [f"10.{number // 256}.{number % 256}.0/25" for number in range(300)]
    found = named(parsed(*blocks), [(f"list {number}", 1) for number in range(300)])
    assert names(found) == ["10.0.0.0/16", "10.1.0.0/16"]


def test_sources_of_another_number_of_blocks_are_refused() -> None:
    with pytest.raises(Unprocessable, match="2 blocks, and there are 1"):
        named(parsed("10.0.0.0/24"), [("a", 2)])


@settings(max_examples=60, deadline=None)
@given(st.lists(_BLOCK, min_size=1, max_size=8), st.booleans(), st.integers(0, 3))
def test_every_address_is_in_one_network_and_a_document_says_the_same(
    texts: list[str], by_list: bool, cut: int
) -> None:
    cut = min(cut, len(texts))
    sources = [(name, count) for name, count in (("a", cut), ("b", len(texts) - cut)) if count] if by_list else []
    found = named(parsed(*texts), sources)
    assert len(found) <= MOST
    for text in texts:
        for address in (ip_network(text)[0], ip_network(text)[-1]):
            assert len(of(found, str(address))) == 1
    assert from_document(json.loads(json.dumps(to_document(found)))) == found


@pytest.mark.parametrize(
    "document",
    [None, [], {}, {"v": 2, "networks": {}}, {"v": 1, "networks": []}, {"v": 1, "networks": {"a": ["x"]}},
     {"v": 1, "networks": {"a": 7}}, {"v": 1, "networks": {f"{number}": [] for number in range(MOST + 1)}}],
)  # fmt: skip
def test_what_is_no_document_is_refused(document: object) -> None:
    with pytest.raises(Unprocessable):
        from_document(document)


def test_all_of_ipv4_and_ipv6_are_few_networks() -> None:
    halves = ["0.0.0.0/2", "64.0.0.0/3", "128.0.0.0/1"] + [f"{number:x}::/16" for number in range(0, 2**16, 128)]
    assert 1 < len(named(parsed(*halves))) <= MOST
