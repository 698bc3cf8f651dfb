"""Hosts of a lab get the addresses that the documents name."""

import pytest

from lab.hosts.addresses import EDGE, Host, network, seats

SEATED = {
    "the first of a datacenter has number 11 in both families": ("a1", "10.71.1.11", "fd71:1::11"),
    "the next one has the next number": ("a2", "10.71.1.12", "fd71:1::12"),
    "each datacenter counts for itself": ("b1", "10.71.2.11", "fd71:2::11"),
    "a host of IPv6 only has its number all the same": ("b2", None, "fd71:2::12"),
    "the edge has IPv4 only": ("c1", "192.168.71.11", None),
}
HOSTS = [Host("a1"), Host("b1", "dc2"), Host("a2"), Host("b2", "dc2", addresses="6"), Host("c1", EDGE)]
REFUSED = {
    "two hosts of one name": [Host("a1"), Host("a1", "dc2")],
    "a name too long for an interface": [Host("abcdefghijk")],
    "a name that a shell would read": [Host("a;b")],
    "an unknown place": [Host("a1", "dc0")],
    "an edge host without IPv4": [Host("c1", EDGE, addresses="6")],
}


@pytest.mark.parametrize(("name", "v4", "v6"), SEATED.values(), ids=SEATED)
def test_a_host_has_its_place(name: str, v4: str | None, v6: str | None) -> None:
    seat = seats(HOSTS)[name]
    assert (seat.v4, seat.v6) == (v4, v6)
    assert seat.address == (v4 or v6)


@pytest.mark.parametrize("hosts", REFUSED.values(), ids=REFUSED)
def test_hosts_that_cannot_be_are_refused(hosts: list[Host]) -> None:
    with pytest.raises(ValueError, match="host"):
        seats(hosts)


def test_a_network_knows_its_controller_and_router() -> None:
    assert (network("dc2").v4(1), network("dc2").v6(254), network(EDGE).v6(1)) == ("10.71.2.1", "fd71:2::254", None)
