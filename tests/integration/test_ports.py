"""Every port against the kernel and scripted hosts: what is sent leaves as told, what comes is read as it came."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.prober.linux_port import LinuxPort
from hoploom.prober.mmsg import Outbox
from hoploom.prober.packets import Layout, build
from hoploom.prober.port import OWN, Emitted, Messages, Port
from hoploom.prober.portable_port import PortablePort
from hoploom.wire.addresses import column, texts
from lab.namespace import in_namespace, needs_root
from lab.scripted_host import Request, echo_reply, error

pytestmark = needs_root

ALLOW_DATAGRAM = 'sysctl -qw net.ipv4.ping_group_range="0 2147483647"'
SILENT = "sysctl -qw net.ipv4.icmp_echo_ignore_all=1"
OTHER = "127.9.9.9"
Open = Callable[..., Port]


def opener(kind: type[LinuxPort] | type[PortablePort], *, is_raw: bool) -> Open:
    def opened(family: int = 4, source: str | None = None, interface: str | None = None) -> Port:
        return kind(family, source, interface, is_raw=is_raw)

    return opened


PORTS = {
    f"{name} {'raw' if is_raw else 'datagram'}": opener(kind, is_raw=is_raw)
    for name, kind in (("linux", LinuxPort), ("portable", PortablePort))
    for is_raw in (True, False)
}


@pytest.fixture(params=PORTS)
def open_port(request: pytest.FixtureRequest) -> Open:
    return PORTS[request.param]


def run(body: Callable[[], Any], *commands: str) -> Any:
    async def awaited() -> Any:
        return body()

    coroutine: Callable[[], Awaitable[Any]] = awaited
    return in_namespace(coroutine, ALLOW_DATAGRAM, *commands)


def requests(port: Port, count: int, size_bytes: int = 56) -> NDArray[np.uint8]:
    """Echo requests with sequence numbers from 0 and those numbers as their cookies."""
    numbers = np.arange(count, dtype=np.uint16)
    cookie = np.zeros((count, 8), np.uint8)
    cookie[:, 0] = numbers % 256
    return build(port.family, np.full(count, port.idents[0], np.uint16), numbers, cookie, Layout(b"", size_bytes))


def block(count: int) -> NDArray[np.uint8]:
    return column(f"127.5.{row // 250}.{row % 250 + 1}" for row in range(count))


def read_all(port: Port) -> list[tuple[bytes, Any]]:
    """Everything that has come: ICMP message and a row of the other columns, copied."""
    found = []
    while len(messages := port.receive(64)):
        for row in range(len(messages)):
            message = messages.data[row, : messages.length[row]].tobytes()
            skip = 20 if port.has_header and messages.icmp_type[row] == OWN else 0
            found.append((message[skip:], copied(messages, row)))
    return found


def copied(messages: Messages, row: int) -> Any:
    class Row:
        length, ttl, stamp_ns = int(messages.length[row]), int(messages.ttl[row]), int(messages.stamp_ns[row])
        kind, code = int(messages.icmp_type[row]), int(messages.icmp_code[row])
        sender, about = texts(messages.sender[row : row + 1])[0], texts(messages.about[row : row + 1])[0]
        header = messages.data[row, :20].tobytes()

    return Row


@pytest.mark.parametrize("family", [4, 6])
def test_replies_come_with_sender_ttl_and_stamp(open_port: Open, family: int) -> None:
    def body() -> None:
        port = open_port(family)
        targets = block(300) if family == 4 else column(["::1"] * 300)
        port.receive(1)  # the very first stamp comes late: the kernel only begins to stamp then
        before_ns = time.monotonic_ns()
        emitted = port.send(requests(port, 300), targets)
        found = read_all(port)
        after_ns = time.monotonic_ns()
        assert emitted.errors.tolist() == [0] * 300 and len(found) == 300
        assert before_ns <= emitted.sent_ns[0] and emitted.sent_ns[-1] <= after_ns
        assert (np.diff(emitted.sent_ns) >= 0).all()
        assert [row.sender for _, row in found] == texts(targets)
        assert all(before_ns <= row.stamp_ns <= after_ns for _, row in found)
        ttls = {row.header[8] if port.has_header else row.ttl for _, row in found}
        assert ttls == {64} and {row.kind for _, row in found} == {OWN}
        assert [int.from_bytes(message[6:8], "big") for message, _ in found] == list(range(300))
        assert {message[0] for message, _ in found} == {0 if family == 4 else 129}
        port.close()

    run(body)


def test_each_packet_has_the_ttl_and_all_the_tos_that_were_asked_for(open_port: Open) -> None:
    def body() -> list[tuple[int, int]]:
        port, targets = open_port(), block(3)
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as wire:
            port.send(requests(port, 3), targets, np.array([1, 7, 255], np.uint8), 0x28)
            port.send(requests(port, 1), targets[:1])
            packets = [wire.recv(2048) for _ in range(4)]
        port.close()
        return [(packet[8], packet[1]) for packet in packets]

    assert run(body, SILENT) == [(1, 0x28), (7, 0x28), (255, 0x28), (64, 0)]


def test_hop_limits_are_kept_too(open_port: Open) -> None:
    def body() -> list[tuple[int, bytes]]:
        port = open_port(6)
        with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as wire:
            wire.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
            port.send(requests(port, 2), column(["::1"] * 2), np.array([3, 9], np.uint8))
            got = [wire.recvmsg(2048, 256) for _ in range(4)]
        port.close()
        return [(data[0], control[0][2][:1]) for data, control, _, _ in got if data[0] == 128]

    assert run(body) == [(128, b"\x03"), (128, b"\x09")]


def answered(port: Port, target: str, answer: Callable[[Request], bytes]) -> list[tuple[bytes, Any]]:
    """Send one request, answer it by what a function makes of it, read what comes."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as host:
        host.setsockopt(255, 1, (0xFFFFFFFF & ~(1 << 8)).to_bytes(4, "little"))
        port.send(requests(port, 1), column([target]))
        packet = host.recv(2048)
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as router:
            router.bind((OTHER, 0))
            router.sendto(answer(Request("127.0.0.1", target, packet, packet[20:])), ("127.0.0.1", 0))
    return read_all(port)


def test_an_error_is_told_whole(open_port: Open) -> None:
    def body() -> tuple[Port, list[tuple[bytes, Any]]]:
        port = open_port()
        found = answered(port, "127.6.0.1", lambda r: error(r, 11, 0))
        port.close()
        return port, found

    port, found = run(body, SILENT)
    ((message, row),) = found
    assert row.sender == OTHER and row.stamp_ns > 0
    if port.is_raw:
        assert (row.kind, row.about) == (OWN, "") and message[:2] == bytes([11, 0]) and message[28:29] == b"\x08"
    else:
        assert (row.kind, row.code, row.about, row.ttl) == (11, 0, "127.6.0.1", 64) and message[0] == 8


def test_the_error_of_an_earlier_packet_is_not_the_next_ones(open_port: Open) -> None:
    def body() -> tuple[list[int], list[int]]:
        port = open_port()
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as router:
            first = port.send(requests(port, 1), column(["127.6.0.1"]))
            packet = router.recv(2048)
            router.sendto(error(Request("", "", packet, packet[20:]), 3, 1), ("127.0.0.1", 0))
        second = port.send(requests(port, 2), column(["127.6.0.2", "127.6.0.3"]))
        port.close()
        return first.errors.tolist(), second.errors.tolist()

    assert run(body, SILENT) == ([0], [0, 0])


@pytest.mark.parametrize("name", ["linux datagram", "portable datagram"])
def test_a_packet_leaves_through_a_hail_of_errors_about_earlier_ones(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = iter([errno.EHOSTUNREACH] * 7 + [0] + [errno.ECONNREFUSED] * 3 + [0] * 10)
    hail_of_errors(monkeypatch, lambda: next(told))

    def body() -> list[int]:
        port = PORTS[name]()
        found: list[int] = port.send(requests(port, 2), column(["127.6.0.2", "127.6.0.3"])).errors.tolist()
        port.close()
        return found

    assert run(body, SILENT) == [0, 0]


def hail_of_errors(monkeypatch: pytest.MonkeyPatch, next_error: Callable[[], int]) -> None:
    """Let sending report these, one for each packet that would leave; 0 lets it leave."""
    send_batch, send_one = Outbox.send, PortablePort._send_once

    def batch(box: Outbox, descriptor: int, first: int, count: int) -> tuple[int, int]:
        number = next_error()
        return (0, number) if number else send_batch(box, descriptor, first, 1)

    def one(port: PortablePort, packet: memoryview, address: str) -> int:
        return next_error() or send_one(port, packet, address)

    monkeypatch.setattr(Outbox, "send", batch)
    monkeypatch.setattr(PortablePort, "_send_once", one)


def test_a_pending_error_hides_no_reply(open_port: Open) -> None:
    def body() -> list[bytes]:
        port = open_port()
        found = answered(port, "127.6.0.1", lambda r: error(r, 3, 1))
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as router:
            router.sendto(echo_reply(Request("", "", b"", requests(port, 1)[0].tobytes())), ("127.0.0.1", 0))
        found += read_all(port)
        port.close()
        return [message[:1] for message, _ in found]

    assert sorted(run(body, SILENT))[0] == b"\0"


def test_an_error_that_stays_keeps_nobody_reading_for_ever() -> None:
    class Broken(socket.socket):
        asked = 0

        def recvmsg(self, *_: int) -> Any:
            self.asked += 1
            assert self.asked < 9, "it goes on"
            raise OSError(errno.ENOMEM, "no memory")

    def body() -> None:
        broken = Broken(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        port = PortablePort(4, opened=broken, is_raw=True)
        assert len(port.receive(64)) == 0 and broken.asked
        port.close()

    run(body)


def test_a_datagram_of_65_kilobytes_is_cut_and_the_next_one_read(open_port: Open) -> None:
    def body() -> list[int]:
        port = open_port()
        port.send(requests(port, 1, 65_500), column(["127.6.0.1"]))
        port.send(requests(port, 1), column(["127.6.0.2"]))
        lengths = [row.length for _, row in read_all(port)]
        port.close()
        return lengths

    long, short = run(body)
    assert long >= 1280 and short in (64, 84)


def test_what_cannot_leave_has_its_error_and_the_others_leave(open_port: Open) -> None:
    def body() -> Emitted:
        port = open_port()
        emitted = port.send(requests(port, 4), column(["127.0.0.1", "203.0.113.1", "127.0.0.2", "10.66.0.1"]))
        port.close()
        return emitted

    emitted = run(body, "ip route add prohibit 10.66.0.0/24")
    assert emitted.errors.tolist() == [0, errno.ENETUNREACH, 0, errno.EACCES]
    assert (emitted.sent_ns > 0).all()


def test_a_full_queue_stops_the_slice_and_the_rest_leaves_later(open_port: Open) -> None:
    def body() -> tuple[int, int]:
        port = open_port()
        packets, targets = requests(port, 2000, 500), block(2000)
        first = len(port.send(packets, targets).errors)
        left = first
        until = time.monotonic() + 20
        while left < 2000 and time.monotonic() < until:
            left += len(port.send(np.ascontiguousarray(packets[left:]), targets[left:]).errors)
        port.close()
        return first, left

    first, left = run(body, "tc qdisc add dev lo root tbf rate 30mbit burst 20kb limit 10mb", SILENT)
    assert 0 < first < 2000 == left


def test_a_source_address_is_kept(open_port: Open) -> None:
    def body() -> bytes:
        port = open_port(4, "127.0.0.77")
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as wire:
            port.send(requests(port, 1), column(["127.6.0.1"]))
            packet = wire.recv(2048)
        port.close()
        return packet[12:16]

    assert run(body, SILENT) == bytes([127, 0, 0, 77])


def test_an_interface_is_kept(open_port: Open) -> None:
    def body() -> list[int]:
        port = open_port(4, None, "lo")
        number: list[int] = port.send(requests(port, 1), column(["192.0.2.1"])).errors.tolist()
        port.close()
        return number

    assert run(body, "ip route add 192.0.2.0/24 dev lo") == [0]


@pytest.mark.parametrize(
    ("arguments", "named"), [((4, "192.0.2.9", None), "192.0.2.9"), ((4, None, "nosuch0"), "nosuch0")]
)
def test_no_such_address_or_interface_is_told(open_port: Open, arguments: tuple[Any, ...], named: str) -> None:
    def body() -> None:
        with pytest.raises(ConfigError, match=named):
            open_port(*arguments)

    run(body)


def test_a_closed_port_is_told(open_port: Open) -> None:
    def body() -> None:
        port = open_port()
        port.close()
        port.close()
        with pytest.raises(Unavailable):
            port.send(requests(port, 1), column(["127.0.0.1"]))
        with pytest.raises(Unavailable):
            port.receive(1)

    run(body)


@pytest.mark.parametrize("name", ["linux datagram", "portable datagram"])
def test_without_permission_the_way_out_is_named(name: str) -> None:
    async def body() -> None:
        with pytest.raises(ConfigError, match="ping_group_range"):
            PORTS[name]()

    in_namespace(body)
