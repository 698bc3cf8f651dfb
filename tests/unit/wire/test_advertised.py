"""Which advertised addresses are asked."""

import pytest

from hoploom.wire.advertised import why_not, why_not_url


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "0.0.0.0", "::",
     "169.254.169.254", "fe80::1", "fe80::1%eth0", "100.100.100.200", "fd00:ec2::254", "224.0.0.1", "ff02::1",
     "255.255.255.255", "240.0.0.1", "64:ff9b::a9fe:a9fe", "nonsense", ""],
)
def test_addresses_of_ones_own_and_of_nobody_are_not_asked(address: str) -> None:
    assert why_not(address)


@pytest.mark.parametrize("address", ["192.0.2.1", "10.1.2.3", "192.168.1.1", "2001:db8::1", "fd12::1", "100.64.0.1"])
def test_hosts_elsewhere_are_asked(address: str) -> None:
    assert why_not(address) == ""


def test_from_loopback_loopback_is_asked_and_nothing_else_of_ones_own() -> None:
    assert why_not("127.0.0.1", from_loopback=True) == ""
    assert why_not_url("http://[::1]:8080", from_loopback=True) == ""
    assert why_not("169.254.169.254", from_loopback=True)


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://map.example.org", True),
        ("http://10.0.0.7:8080", True),
        ("http://[2001:db8::1]:8080", True),
        ("http://127.0.0.1:8500", False),
        ("http://[::ffff:127.0.0.1]", False),
        ("http://2130706433", False),
        ("http://0x7f000001", False),
        ("http://127.1", False),
        ("http://169.254.169.254/latest", False),
        ("http://user@map.example.org", False),
        ("ftp://map.example.org", False),
        ("http://", False),
        ("http://[::1", False),
        ("http://host:99999", False),
    ],
)
def test_an_url_is_judged_by_its_text(url: str, good: bool) -> None:
    assert (why_not_url(url) == "") is good
