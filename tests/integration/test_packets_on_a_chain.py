"""What is built leaves as built, and what real routers make of it is read: every port, both families, echo and UDP."""

from __future__ import annotations

import select
import socket

import numpy as np
import pytest
from numpy.typing import NDArray

from hoploom.prober.arrivals import UDP, Arrivals, parse
from hoploom.prober.flows import datagram_ttls, datagrams, destination_checksums, echo_layout, hold
from hoploom.prober.linux_port import LinuxPort
from hoploom.prober.packets import COOKIE_BYTES, DIALECTS, Layout, build
from hoploom.prober.port import Port
from hoploom.prober.portable_port import PortablePort
from hoploom.wire.addresses import column, texts
from lab.internet.chain import Chain
from lab.namespace import in_namespace, needs_root

pytestmark = needs_root

ALLOW_DATAGRAM = 'sysctl -qw net.ipv4.ping_group_range="0 2147483647"'
ROUTERS = 3
TTLS = np.arange(1, ROUTERS + 2, dtype=np.uint8)
COOKIES = np.arange(1, 1 + COOKIE_BYTES * len(TTLS), dtype=np.uint8).reshape(-1, COOKIE_BYTES)
ATTRIBUTION = b"https://probes.example/p"
PORTS = pytest.mark.parametrize("kind", [LinuxPort, PortablePort])
FAMILIES = pytest.mark.parametrize("family", [4, 6])
RAW = pytest.mark.parametrize("is_raw", [True, False], ids=["raw", "datagram"])


def echoes(port: Port, targets: NDArray[np.uint8]) -> NDArray[np.uint8]:
    layout = echo_layout(ATTRIBUTION, 32)
    idents = np.full(len(TTLS), port.idents[0], np.uint16)
    packets = build(port.family, idents, TTLS.astype(np.uint16), COOKIES, layout)
    hold(packets, destination_checksums(targets), layout)
    return packets


def heard(port: Port, count: int, layout: Layout) -> list[Arrivals]:
    """So many messages about probes, or as many as come within five seconds."""
    found: list[Arrivals] = []
    is_there: object = True  # what came while the packets left may have been taken in already
    while sum(map(len, found)) < count and is_there:
        messages = port.receive(64)
        found.append(parse(messages, port.family, has_header=port.has_header, cookie_at=layout.cookie_at))
        is_there = sum(map(len, found)) >= count or select.select([port], [], [], 5)[0]
    return found


def target_of(chain: Chain, family: int) -> NDArray[np.uint8]:
    return np.repeat(column([chain.host if family == 4 else chain.host_v6]), len(TTLS), axis=0)


@PORTS
@FAMILIES
@RAW
def test_echoes_are_answered_by_every_router_and_the_host(kind: type[Port], family: int, is_raw: bool) -> None:
    async def body() -> None:
        with Chain(ROUTERS) as chain:
            port, targets = kind(family, is_raw=is_raw), target_of(chain, family)  # type: ignore[call-arg]
            assert not port.send(echoes(port, targets), targets, TTLS).errors.any()
            rows = {}
            for each in heard(port, len(TTLS), echo_layout(ATTRIBUTION, 32)):
                assert (each.ident == port.idents[0]).all() and (each.about == targets[0]).all()
                assert not len(each.mpls_row) and (each.cookie_bytes == COOKIE_BYTES).all()
                for row, sequence in enumerate(each.sequence):
                    assert (each.cookie[row] == COOKIES[sequence - 1]).all()
                    assert each.quoted_ttl[row] == (1 if is_raw and not each.is_reply[row] else -1)
                    rows[int(sequence)] = (texts(each.sender[row : row + 1])[0], bool(each.is_reply[row]))
            port.close()
            hops = chain.hops(is_v6=family == 6)
            assert [rows.get(ttl) for ttl in TTLS.tolist()] == [(hop, hop == hops[-1]) for hop in hops]

    in_namespace(body, ALLOW_DATAGRAM)


@PORTS
@FAMILIES
def test_datagrams_are_answered_by_every_router_and_the_host(kind: type[Port], family: int) -> None:
    async def body() -> None:
        with Chain(ROUTERS) as chain:
            port, layout = kind(family, is_raw=True), Layout(ATTRIBUTION, 32)  # type: ignore[call-arg]
            number, hop_limit = (
                (socket.AF_INET, (socket.IPPROTO_IP, socket.IP_TTL))
                if family == 4
                else (socket.AF_INET6, (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS))
            )
            with socket.socket(number, socket.SOCK_DGRAM) as sending:
                for ttl in TTLS.tolist():
                    sending.setsockopt(*hop_limit, ttl)
                    payload = datagrams(ttl, COOKIES[ttl - 1 : ttl], layout)[0].tobytes()
                    sending.sendto(payload, (texts(target_of(chain, family))[0], 33434))
                source = sending.getsockname()[1]
                found = heard(port, len(TTLS), layout)
            port.close()
            rows = {}
            for each in found:
                assert (each.protocol == UDP).all() and (each.ident == source).all() and not each.is_reply.any()
                for row, ttl in enumerate(datagram_ttls(each.sequence, layout).tolist()):
                    assert (each.cookie[row] == COOKIES[ttl - 1]).all() and each.quoted_ttl[row] == 1
                    rows[ttl] = texts(each.sender[row : row + 1])[0]
            assert [rows.get(ttl) for ttl in TTLS.tolist()] == chain.hops(is_v6=family == 6)

    in_namespace(body)


@PORTS
@FAMILIES
@RAW
def test_all_echoes_to_a_destination_leave_with_one_checksum(kind: type[Port], family: int, is_raw: bool) -> None:
    async def body() -> set[bytes]:
        targets = np.repeat(column(["127.0.0.9" if family == 4 else "::1"]), len(TTLS), axis=0)
        number, protocol = (socket.AF_INET, 1) if family == 4 else (socket.AF_INET6, 58)
        with socket.socket(number, socket.SOCK_RAW, protocol) as wire:
            wire.settimeout(60)
            port = kind(family, is_raw=is_raw)  # type: ignore[call-arg]
            port.send(echoes(port, targets), targets, TTLS)
            seen: list[bytes] = []
            while len(seen) < len(TTLS):
                message = wire.recv(2_048)[20 if family == 4 else 0 :]
                if message[0] == DIALECTS[family].request:
                    seen.append(message[2:4])
            port.close()
        wanted = destination_checksums(targets)[:1].astype(">u2").tobytes()
        assert family == 6 or seen[0] == wanted
        return set(seen)

    assert len(in_namespace(body, ALLOW_DATAGRAM)) == 1
