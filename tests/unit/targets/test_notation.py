"""What is a block, and why everything else is not."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoploom.targets.notation import BadBlock, Block, address_text, excerpt, parse_address, parse_block


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7/32", "192.0.2.7"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("::/0", "::/0"),
        ("2001:DB8:0::/32", "2001:db8::/32"),
        ("::1", "::1"),
    ],
)
def test_a_block_is_read_and_written_in_canonical_form(text: str, canonical: str) -> None:
    assert str(parse_block(text)) == canonical


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1.2.3.4/33", "prefix length is over 32"),
        ("1.2.3.4/333", "prefix length is over 32"),
        ("::/129", "prefix length is over 128"),
        ("10.0.0.1/8", "host bits are set; write 10.0.0.0/8"),
        ("2001:db8::1/32", "host bits are set; write 2001:db8::/32"),
        ("010.0.0.1", "leading zeros"),
        ("10.0.0.00", "leading zeros"),
        ("10.0.0.0/08", "without leading zeros"),
        ("::/064", "without leading zeros"),
        ("fe80::1%eth0", "zone id"),
        ("fe80::%eth0/64", "zone id"),
        ("256.0.0.1", "over 255"),
        ("1.2.3.4444444444444444444444444444444", "over 255"),
        ("1.2.3", "not an IP address"),
        ("1.2.3.4.5", "not an IP address"),
        ("10.0.0.0/255.0.0.0", "prefix length"),
        ("10.0.0.0/-1", "prefix length"),
        ("10.0.0.0/", "prefix length"),
        ("::/", "prefix length"),
        ("10.0.0.0-10.0.0.9", "not an IP address"),
        ("1:2:3", "not an IPv6 address"),
        (":", "not an IPv6 address"),
        ("example.org", "not an IP address"),
        ("\u0661.2.3.4", "not an IP address"),
        ("", "not an IP address"),
        (" 1.2.3.4", "not an IP address"),
    ],
)
def test_a_bad_block_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(BadBlock, match=reason.replace("(", r"\(")):
        parse_block(text)


@given(st.text(alphabet="0123456789abcdf:./% \x1b", max_size=40))
def test_no_text_breaks_the_reader_and_what_it_takes_the_standard_library_takes(text: str) -> None:
    try:
        block = parse_block(text)
    except BadBlock as error:
        assert str(error).isprintable()
        return
    network = ipaddress.ip_network(text)
    assert (block.first, block.last) == (int(network.network_address), int(network.broadcast_address))


@given(st.integers(0, 2**32 - 1), st.integers(0, 32))
def test_every_block_comes_back_from_its_text(address: int, prefix: int) -> None:
    size = 1 << (32 - prefix)
    block = Block(4, address - address % size, address - address % size + size - 1)
    assert parse_block(str(block)) == block


@given(st.integers(0, 2**128 - 1))
def test_every_ipv6_address_comes_back_from_its_text(address: int) -> None:
    assert parse_address(address_text(6, address)) == (6, address)


def test_one_address_is_not_a_block() -> None:
    with pytest.raises(BadBlock, match="not one address"):
        parse_address("10.0.0.0/8")


def test_foreign_text_is_quoted_short_and_harmless() -> None:
    assert excerpt("\x1b[2J" + "x" * 500).isprintable() and len(excerpt("x" * 500)) < 60
