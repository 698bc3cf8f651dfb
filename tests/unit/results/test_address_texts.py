"""Addresses as they are written, judged many at a time: held against the addresses of the standard library."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoploom.results.address_texts import are_addresses

GOOD = {4: ("0.0.0.0", "1.2.3.4", "10.0.0.99", "100.200.255.249", "255.255.255.255"),
        6: ("fd00::1", "2001:db8::", "1:2:3:4:5:6:7:8", "::1")}
BAD = ("", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.300", "999.1.1.1", "01.2.3.4", "1.2.3.00", "1..2.3", ".1.2.3",
       "1.2.3.", "1.2.3.4 ", " 1.2.3.4", "1.2.3.-4", "1,2,3,4", "1/2/3/4", "+1.2.3.4", "1.2.3.4\0", "0x1.2.3.4",
       "1234.1.1.1", "::", "FD00::1", "fd00:0::1", "::ffff:1.2.3.4", "fe80::1%eth0", "localhost",
       "\uff11.2.3.4", "1.2.3.4\r")


def lines(*texts: str) -> str:
    return "".join(f"{each}\n" for each in texts)


@pytest.mark.parametrize("family", GOOD)
def test_addresses_of_the_family_are_and_of_the_other_are_not(family: int) -> None:
    text, count = lines(*GOOD[family]), len(GOOD[family])
    assert are_addresses(text, count, (family,))
    assert are_addresses(text, count, (4, 6))
    assert not are_addresses(text, count, (10 - family,))
    assert not are_addresses(text, count + 1, (family,))
    assert not are_addresses(text, count - 1, (family,))
    assert not are_addresses(text.rstrip(), count - 1, (family,))


@pytest.mark.parametrize("bad", BAD)
def test_what_is_no_address_is_found_anywhere(bad: str) -> None:
    for texts in ((bad,), (bad, "1.2.3.4"), ("1.2.3.4", bad), ("1.2.3.4", bad, "fd00::1")):
        assert not are_addresses(lines(*texts), len(texts), (4, 6))


def test_none_are_none() -> None:
    assert are_addresses("", 0, (4,))
    assert not are_addresses("", 1, (4,))


def test_both_families_together_are_fine_where_both_are_allowed() -> None:
    assert are_addresses(lines(*GOOD[4], *GOOD[6]), 9, (4, 6))


NUMBERS = st.sampled_from(["0", "00", "000", "7", "07", "10", "010", "99", "100", "199", "255", "256", "260", "999"])
TEXTS = st.lists(NUMBERS, min_size=3, max_size=5).map(".".join)


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=3))
def test_dotted_quads_are_what_the_standard_library_takes(texts: list[str]) -> None:
    assert are_addresses(lines(*texts), len(texts), (4,)) == all(map(_is_one, texts))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 2**32 - 1).map(lambda number: str(ipaddress.IPv4Address(number)))))
def test_every_address_is_one(texts: list[str]) -> None:
    assert are_addresses(lines(*texts), len(texts), (4,))


def _is_one(text: str) -> bool:
    try:
        return str(ipaddress.IPv4Address(text)) == text
    except ValueError:
        return False
