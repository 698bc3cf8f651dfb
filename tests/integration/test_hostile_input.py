"""A real worker with real sockets and a hostile input service, in a namespace where all that leaves is seen."""

import asyncio
import socket
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest

from hoploom.ping_service.lease_client import Renewal
from hoploom.targets.address_set import AddressSet
from hoploom.targets.notation import parse_block
from hoploom.targets.sampling import ALL
from hoploom.targets.space import by_family
from hoploom.targets.target_set import Part, TargetSet
from hoploom.wire.campaign_request import MAX_RATE_PPS
from hoploom.wire.lease import Lease
from hoploom.wire.probe import Probe
from lab.namespace import in_namespace, needs_root
from unit.ping_service.stations import FakeMesh, lease, working

# Who stands still sees at once what left in turn.
pytestmark = [needs_root, pytest.mark.timed(0.01)]

# The way to the whole world, which ends at the cable's other end in the same namespace.
SINK = ("ip link add way type veth peer name sink", "ip link set way arp off", "ip addr add 10.250.0.1/24 dev way",
        "ip link set way up", "ip link set sink up", "ip route add default dev way")  # fmt: skip
_ETH_P_IP, _ICMP, _ECHO_REQUEST = 0x0800, 1, 8
_SO_RCVBUFFORCE = 33


class Left(NamedTuple):
    """An echo request that left, and when, on the loop's clock."""

    at_s: float
    destination: str
    payload: bytes


class Sink:
    """Sees every echo request that leaves by one interface."""

    def __init__(self, interface: str) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_IP))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 8 << 20)
        self._socket.bind((interface, _ETH_P_IP))
        self._socket.setblocking(False)
        self.seen: list[Left] = []

    def read(self) -> None:
        while True:
            try:
                packet = self._socket.recv(2048)
            except BlockingIOError:
                return
            if packet[9] == _ICMP and packet[20] == _ECHO_REQUEST:
                at_s = asyncio.get_running_loop().time()
                self.seen.append(Left(at_s, socket.inet_ntoa(packet[16:20]), packet[28:]))

    def close(self) -> None:
        self._socket.close()


def holding(*addresses: str) -> AddressSet:
    ranges = by_family(map(parse_block, addresses))[4]
    return AddressSet(TargetSet(4, bytes(16), (Part(ALL, tuple(ranges)),)))


def left(
    whole: AddressSet, leases: Sequence[Lease], seconds: float, interface: str = "sink", **settings: Any
) -> list[Left]:
    """What has left by an interface while a worker had such leases for so long."""

    async def body() -> list[Left]:
        mesh = FakeMesh(leases=list(leases), renewal=Renewal(30, MAX_RATE_PPS))
        mesh.whole = whole
        sink, loop = Sink(interface), asyncio.get_running_loop()
        loop.add_reader(sink._socket, sink.read)
        try:
            async with working(mesh, **{"allow_private": False, **settings}):
                await asyncio.sleep(seconds)
            return sink.seen
        finally:
            loop.remove_reader(sink._socket)
            sink.close()

    found: list[Left] = in_namespace(body, *SINK)
    return found


def hostile(whole: AddressSet, **changes: Any) -> Lease:
    return lease(0, whole.n, **{"rate_pps": MAX_RATE_PPS, "probe": Probe(timeout_ms=50), **changes})


def test_only_public_targets_leave_from_who_opened_nothing_else() -> None:
    whole = holding("0.0.0.1", "10.250.0.7", "169.254.169.254", "192.168.1.1", "198.18.0.1", "224.0.0.1", "240.0.0.1",
                    "255.255.255.255", "8.8.8.0/30", "9.9.9.9")  # fmt: skip
    asked = hostile(whole, anchors=("10.250.0.9", "224.0.0.251", "9.9.9.10"))
    found = left(whole, [asked], 3.0, exclude="8.8.8.1")
    # Nobody answers: the anchor is asked before the first target, and nothing more leaves.
    assert {each.destination for each in found} == {"9.9.9.10"}
    found = left(whole, [hostile(whole)], 1.5, exclude="8.8.8.1")
    assert sorted(each.destination for each in found) == ["8.8.8.0", "8.8.8.2", "8.8.8.3", "9.9.9.9"]


def test_loopback_does_not_leave_from_who_has_not_opened_it() -> None:
    whole = holding("127.0.0.0/28")
    assert left(whole, [hostile(whole)], 1.0, "lo") == []
    assert {each.destination for each in left(whole, [hostile(whole)], 1.0, "lo", allow_private=True)} == {
        f"127.0.0.{host}" for host in range(16)
    }


def most_within(found: Sequence[Left], window_s: float) -> int:
    times = [each.at_s for each in found]
    return max(sum(1 for each in times[at:] if each < start_s + window_s) for at, start_s in enumerate(times))


def test_the_owners_rate_holds_over_leases_that_ask_for_a_million() -> None:
    whole = holding("8.0.0.0/22")
    quick = Probe(timeout_ms=10)
    leases = [lease(start, start + 64, rate_pps=MAX_RATE_PPS, probe=quick) for start in range(0, 1024, 64)]
    found = left(whole, leases, 3.5, max_rate_pps=100)
    assert len(found) >= 150
    # A second's worth, and the 20 ms that a sender which was held up may make good.
    assert most_within(found, 1.0) <= 103


@pytest.mark.parametrize("same", [True, False], ids=["one lease again and again", "lease after lease"])
def test_the_owners_cap_of_a_network_holds_over_successive_leases(*, same: bool) -> None:
    whole = holding("8.8.8.0/24")
    ranges = [(0, 1)] * 64 if same else [(start, start + 1) for start in range(64)]
    leases = [
        lease(*each, id=f"demo.1.0.4.{each[0]}.1.{number:016x}", rate_pps=MAX_RATE_PPS, probe=Probe(timeout_ms=10))
        for number, each in enumerate(ranges)
    ]
    found = left(whole, leases, 3.5, max_network_pps=10)
    times = [each.at_s for each in found]
    assert len(times) >= 10 and most_within(found, 1.0) <= 11


def test_every_probe_says_whose_it_is() -> None:
    whole, url = holding("8.8.8.0/28"), "https://example.net/.well-known/probing.txt"
    found = left(whole, [hostile(whole)], 1.5, attribution=url)
    assert len(found) == 16 and all(each.payload.startswith(url.encode() + b"\0") for each in found)
