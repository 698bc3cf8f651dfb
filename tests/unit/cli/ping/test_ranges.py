"""Targets of -g."""

import pytest

from hoploom.cli.ping.ranges import generate
from hoploom.cli.words import BadWord

GOOD = [
    ("a network without its edges", ["192.0.2.0/29"], [f"192.0.2.{each}" for each in range(1, 7)]),
    ("a network by any of its addresses", ["192.0.2.5/30"], ["192.0.2.5", "192.0.2.6"]),
    ("two addresses have no edges", ["192.0.2.0/31"], ["192.0.2.0", "192.0.2.1"]),
    ("one address", ["192.0.2.9/32"], ["192.0.2.9"]),
    ("from the first to the last", ["192.0.2.255", "192.0.3.1"], ["192.0.2.255", "192.0.3.0", "192.0.3.1"]),
    ("the wrong way round", ["192.0.2.9", "192.0.2.1"], []),
    ("the end of all addresses", ["255.255.255.254", "255.255.255.255"], ["255.255.255.254", "255.255.255.255"]),
]


@pytest.mark.parametrize(("operands", "expected"), [each[1:] for each in GOOD], ids=[each[0] for each in GOOD])
def test_a_range_is_its_addresses(operands: list[str], expected: list[str]) -> None:
    assert list(generate(operands)) == expected


BAD = [
    (["192.0.2.0/33"], "netmask must be between 1 and 32 (is: 33)"),
    (["192.0.2.0/0"], "netmask must be between 1 and 32 (is: 0)"),
    (["192.0.2.0/"], "netmask must be between 1 and 32 (is: )"),
    (["192.0.2.0/²"], "netmask must be between"),
    (["host/24"], "can't parse address host"),
    (["192.0.2.1", "host"], "can't parse address host: Name or service not known"),
    (["::/126"], "-g works only with IPv4 addresses"),
    (["::/30"], "-g works only with IPv4 addresses"),
    (["::1", "::2"], "-g works only with IPv4 addresses"),
    (["10.0.0.0/8"], "-g stands for 16,777,214 targets here, and takes at most 1,048,576"),
    (["0.0.0.0", "255.255.255.255"], "4,294,967,296 targets"),
]


@pytest.mark.parametrize(("operands", "part"), BAD)
def test_what_is_no_range_is_refused(operands: list[str], part: str) -> None:
    with pytest.raises(BadWord) as caught:
        generate(operands)
    assert part in str(caught.value)
