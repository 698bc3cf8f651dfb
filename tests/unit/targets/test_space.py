"""Which kind of space an address is in: everything that must not be probed, by name."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoploom.targets.notation import address_text, parse_block
from hoploom.targets.ranges import count
from hoploom.targets.space import by_family, reason, space, split
from hoploom.targets.special_purpose import Space, entry

CASES = {
    Space.LOOPBACK: ["127.0.0.1", "127.0.0.0/8", "::1"],
    Space.PRIVATE: [
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7", "fd12:3456::1",
        "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15", "2001:db8::/32", "3fff::/20",
    ],
    Space.PUBLIC: [
        "1.1.1.1", "8.8.8.0/24", "11.0.0.0/8", "172.15.255.255", "172.32.0.0", "100.128.0.0", "223.255.255.255",
        "192.175.48.1", "2a00::/12", "2606:4700::1", "2620:4f:8000::1", "64:ff9b::808:808", "2002:808:808::1",
    ],
    Space.NEVER: [
        "0.0.0.0", "0.0.0.0/8", "169.254.169.254", "169.254.0.0/16", "192.0.0.8", "192.0.0.9", "192.88.99.1",
        "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::2", "::127.0.0.1",
        "::ffff:0:0/96", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b::c000:201", "64:ff9b:1::1",
        "100::1", "100:0:0:1::1", "200::1", "2001::1", "2001:2::1", "2001:10::1", "2001:20::1",
        "2002:7f00:1::", "2002:a00:1::1", "2002:a9fe:a9fe::", "4000::1", "5f00::1", "fe80::1", "fec0::1", "ff02::1",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in CASES.items() for text in texts])
def test_the_kind_of_an_address_or_block(kind: Space, text: str) -> None:
    assert space(text) is kind is space(parse_block(text))


@pytest.mark.parametrize(
    ("text", "kind"),
    [("0.0.0.0/0", Space.NEVER), ("::/0", Space.NEVER), ("126.0.0.0/7", Space.LOOPBACK), ("8.0.0.0/5", Space.PRIVATE)],
)
def test_of_a_block_in_several_kinds_the_strictest_counts(text: str, kind: Space) -> None:
    assert space(text) is kind


@pytest.mark.parametrize("text", ["0.0.0.0/0", "::/0"])
def test_all_kinds_together_are_the_whole_address_space(text: str) -> None:
    block = parse_block(text)
    parts = split(block.family, [(block.first, block.last)])
    assert set(parts) == set(Space)
    assert sum(map(count, parts.values())) == block.last + 1


@given(st.one_of(st.tuples(st.just(4), st.integers(0, 2**32 - 1)), st.tuples(st.just(6), st.integers(0, 2**128 - 1))))
def test_the_flattened_table_agrees_with_the_rows(target: tuple[int, int]) -> None:
    assert space(address_text(*target)) is entry(*target).space


@given(st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address))
def test_nothing_that_the_standard_library_calls_special_is_public(address: ipaddress.IPv4Address) -> None:
    if address.is_multicast or address.is_reserved or address.is_loopback or address.is_link_local:
        assert space(str(address)) is not Space.PUBLIC


def test_the_reason_names_the_purpose_and_its_document() -> None:
    assert reason(parse_block("224.0.0.0/4")) == "multicast, RFC 5771"


def test_blocks_are_merged_by_family() -> None:
    blocks = [parse_block(text) for text in ("::2/127", "10.0.0.0/9", "10.128.0.0/9", "10.1.0.0/16")]
    assert by_family(blocks) == {4: [(10 << 24, (11 << 24) - 1)], 6: [(2, 3)]}
