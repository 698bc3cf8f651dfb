"""Which addresses the hosts of a lab have."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

CONTROLLER, ROUTER, FIRST_HOST = 1, 254, 11
EDGE = "edge"


@dataclass(frozen=True)
class Host:
    """A host that a lab shall have.

    Attributes:
        name: Its name: letters and digits, at most 10, as an interface is named after it.
        dc: Its datacenter, `dc1`, `dc2` ..., or `edge` for the network behind masquerade, which has IPv4 only.
        groups: Groups of the inventory that it is in, besides its datacenter's.
        addresses: Which address families it has: `46`, `4` or `6`.
        variables: What the inventory says of this host alone.
    """

    name: str
    dc: str = "dc1"
    groups: tuple[str, ...] = ()
    addresses: str = "46"
    variables: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Network:
    """The network of a datacenter, or of the edge.

    Attributes:
        name: As hosts name it, and the name of its bridge.
        prefix4: First three numbers of its IPv4 addresses.
        prefix6: First 64 bits of its IPv6 addresses, without the closing `::`; None where it has none.
    """

    name: str
    prefix4: str
    prefix6: str | None

    def v4(self, number: int) -> str:
        """The IPv4 address of this number."""
        return f"{self.prefix4}.{number}"

    def v6(self, number: int) -> str | None:
        """The IPv6 address of this number; hosts read more easily where it looks as the IPv4 one does."""
        return None if self.prefix6 is None else f"{self.prefix6}::{number}"


@dataclass(frozen=True)
class Seat:
    """A host in its place.

    Attributes:
        host: The host.
        network: Its network.
        v4: Its IPv4 address; None where it has none.
        v6: Its IPv6 address; None where it has none.
    """

    host: Host
    network: Network
    v4: str | None
    v6: str | None

    @property
    def address(self) -> str:
        """The address that it is called by: IPv4 where it has both."""
        found = self.v4 or self.v6
        assert found is not None
        return found


def network(name: str) -> Network:
    """The network of a datacenter `dcN`, or of the edge.

    Raises:
        ValueError: no such name.
    """
    if name == EDGE:
        return Network(EDGE, "192.168.71", None)
    number = name.removeprefix("dc")
    if not name.startswith("dc") or number not in {str(each) for each in range(1, 10)}:
        raise ValueError(f"a host's place is dc1 to dc9 or {EDGE}, not {name!r}")
    return Network(name, f"10.71.{number}", f"fd71:{number}")


def seats(hosts: Sequence[Host]) -> dict[str, Seat]:
    """Every host in its place, numbered in each network from 11 on in the order given.

    Raises:
        ValueError: a name that is not good or there twice, or a host without an address.
    """
    taken: Counter[str] = Counter()
    found: dict[str, Seat] = {}
    for host in hosts:
        if not (host.name.isalnum() and len(host.name) <= 10) or host.name in found:
            raise ValueError(f"a host needs a name of its own of 1 to 10 letters and digits, not {host.name!r}")
        place, number = network(host.dc), FIRST_HOST + taken[host.dc]
        taken[host.dc] += 1
        v4 = place.v4(number) if "4" in host.addresses else None
        v6 = place.v6(number) if "6" in host.addresses else None
        if v4 is None and v6 is None:
            raise ValueError(f"the host {host.name} in {host.dc} would have no address: {host.addresses!r}")
        found[host.name] = Seat(host, place, v4, v6)
    return found
