"""Bytes in, bytes out: what is a probe, and what its answers look like, read back by code of the standard library."""

import struct
from ipaddress import ip_address
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hoploom.wire.addresses import texts
from lab.internet.exchange import Exchange
from lab.internet.files import topology
from lab.internet.probe_packets import parse
from lab.internet.topology import ICMP, SILENT, UDP

FOLDER = Path(__file__).resolve().parents[2] / "data" / "topologies"
SOURCE = {4: "192.0.2.1", 6: "2001:db8:ffff::1"}


def checksum(message: bytes) -> int:
    total: int = sum(struct.unpack(f"!{(len(message) + 1) // 2}H", message + b"\0" * (len(message) % 2)))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def probe(target: str, ttl: int, *, payload: int = 24, udp: bool = False, flow: int = 0xBEEF) -> bytes:
    """An echo request or a datagram with its IP header."""
    to = ip_address(target)
    own = ip_address(SOURCE[to.version]).packed
    kind = 8 if to.version == 4 else 128
    head = struct.pack("!HHHH", flow, 33434, 8 + payload, 0) if udp else struct.pack("!BBHHH", kind, 0, flow, 7, 9)
    body = head + bytes(index % 251 for index in range(payload))
    if to.version == 4:
        length, protocol = 20 + len(body), 17 if udp else 1
        return struct.pack("!BBHHHBBH4s4s", 0x45, 0, length, 1, 0, ttl, protocol, 0, own, to.packed) + body
    return struct.pack("!IHBB16s16s", 6 << 28 | 0x12345, len(body), 17 if udp else 58, ttl, own, to.packed) + body


def rows(packets: list[bytes]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    width = 2048
    data = np.frombuffer(b"".join(packet.ljust(width, b"\xaa") for packet in packets), np.uint8)
    return data.reshape(-1, width), np.array([len(packet) for packet in packets])


def answers(name: str, *packets: bytes) -> list[bytes]:
    exchange = Exchange(topology((FOLDER / f"{name}.toml").read_text(encoding="utf-8")), 1)
    due_ns, found = exchange.take(*rows(list(packets)), np.full(len(packets), 1_000, np.int64))
    assert (due_ns > 1_000).all()
    for packet in found:
        check(packet)
    return found


def check(packet: bytes) -> None:
    """Lengths and checksums of an answer are true, and it goes to where the probe came from."""
    if packet[0] >> 4 == 4:
        assert packet[0] == 0x45 and len(packet) == struct.unpack_from("!H", packet, 2)[0]
        assert checksum(packet[:20]) == 0 and checksum(packet[20:]) == 0
        assert packet[9] == 1 and packet[16:20] == ip_address(SOURCE[4]).packed
        return
    length = struct.unpack_from("!H", packet, 4)[0]
    assert packet[0] == 0x60 and packet[6] == 58 and len(packet) == 40 + length
    assert checksum(packet[8:40] + struct.pack("!II", length, 58) + packet[40:]) == 0
    assert packet[24:40] == ip_address(SOURCE[6]).packed


def icmp(packet: bytes) -> bytes:
    return packet[20 if packet[0] >> 4 == 4 else 40 :]


@pytest.mark.parametrize("target", ["198.18.1.9", "2001:db8:1::9"])
@pytest.mark.parametrize("payload", [0, 1, 24, 1400])
def test_an_echo_reply_is_the_request_come_back(target: str, payload: int) -> None:
    asked = probe(target, 64, payload=payload)
    (found,) = answers("chain", asked)
    assert icmp(found)[0] == (0 if "." in target else 129) and icmp(found)[4:] == icmp(asked)[4:]
    packed = ip_address(target).packed
    assert found[12:16] == packed if len(packed) == 4 else found[8:24] == packed


@pytest.mark.parametrize(
    ("target", "ttl", "quoted", "said"),
    [
        ("198.18.100.1", 1, 52, 0),
        ("198.18.100.1", 2, 28, 0),
        ("198.18.100.1", 3, 12, 0),
        ("198.18.100.1", 4, 52, 0),
        ("198.18.100.1", 5, 52, 0),
        ("198.18.100.1", 6, 52, 255),
        ("198.18.100.1", 7, 128 + 12, 32),
        ("198.18.100.1", 8, 128 + 16, 32),
        ("2001:db8:100::1", 1, 72, 0),
        ("2001:db8:100::1", 2, 48, 0),
        ("2001:db8:100::1", 3, 20, 0),
        ("2001:db8:100::1", 5, 72, 255),
        ("2001:db8:100::1", 6, 128 + 16, 16),
    ],
)
def test_routers_quote_in_their_own_ways(target: str, ttl: int, quoted: int, said: int) -> None:
    asked = probe(target, ttl)
    (found,) = answers("quotes", asked)
    message = icmp(found)
    assert message[0] == (11 if "." in target else 3) and len(message) == 8 + quoted
    assert message[5 if "." in target else 4] == said
    if quoted > 12 and ttl not in (4, 5):
        # Behind the TTL and the header's checksum nothing has changed; padding is zeros.
        whole = asked.ljust(128, b"\0") if said in (16, 32) else asked[: len(message) - 8]
        changed = {8, 10, 11} if "." in target else {7}
        assert [byte for at, byte in enumerate(message[8 : 8 + len(whole)]) if at not in changed] == [
            byte for at, byte in enumerate(whole) if at not in changed
        ]
        assert message[8 + (8 if "." in target else 7)] == 1
        if "." in target:
            assert checksum(message[8:28]) == 0


@pytest.mark.parametrize(("target", "at"), [("198.18.100.1", 136), ("2001:db8:100::1", 136)])
def test_labels_stand_in_a_true_extension(target: str, at: int) -> None:
    (found,) = answers("quotes", probe(target, 8 if "." in target else 6))
    extension = icmp(found)[at:]
    assert extension[0] == 0x20 and checksum(extension) == 0
    assert extension[4:8] == struct.pack("!HBB", 12, 1, 1)
    assert struct.unpack("!II", extension[8:]) == (0x12345001, 0xFFFFF1FF)


def test_a_nat_rewrites_the_quoted_destination_and_a_liar_the_header_length() -> None:
    nat, liar, nat6 = answers("quotes", *(probe("198.18.100.1", ttl) for ttl in (4, 5)), probe("2001:db8:100::1", 4))
    assert icmp(nat)[8 + 16 : 8 + 20] == bytes([192, 168, 7, 7]) and checksum(icmp(nat)[8:28]) == 0
    assert icmp(liar)[8] == 0x4F
    assert icmp(nat6)[8 + 24 : 8 + 40] == ip_address("fd00::7").packed


@pytest.mark.parametrize("target", ["198.18.1.9", "2001:db8:1::9"])
def test_a_large_probe_is_quoted_up_to_128_bytes(target: str) -> None:
    (found,) = answers("chain", probe(target, 2, payload=1000))
    assert len(icmp(found)) == 8 + 128


@pytest.mark.parametrize("target", ["198.18.1.9", "2001:db8:1::9"])
def test_a_datagram_to_a_host_finds_its_port_unreachable(target: str) -> None:
    (found,) = answers("chain", probe(target, 64, udp=True))
    assert tuple(icmp(found)[:2]) == ((3, 3) if "." in target else (1, 4))
    assert icmp(found)[8 + (8 if "." in target else 7)] == 60


def test_a_mixed_batch_is_answered_in_order() -> None:
    targets = ["198.18.1.9", "2001:db8:1::9", "198.18.3.200", "198.18.1.8", "2001:db8:1::8"]
    packets = [probe(each, 64 if number % 2 else 1, udp=number > 2) for number, each in enumerate(targets)]
    kinds = [(packet[0] >> 4, icmp(packet)[0], icmp(packet)[1]) for packet in answers("chain", *packets)]
    assert kinds == [(4, 11, 0), (6, 129, 0), (4, 11, 0), (4, 3, 3), (6, 3, 0)]


def test_probes_are_told_from_everything_else() -> None:
    good = [
        probe("198.18.1.1", 5),
        probe("198.18.1.2", 6, udp=True),
        probe("2001:db8:1::1", 7),
        probe("2001:db8:1::2", 8, udp=True),
    ]
    bad = [
        b"",
        b"\x45",
        good[0][:27],
        good[2][:47],
        b"\x46" + good[0][1:],
        good[0][:7] + b"\x01" + good[0][8:],
        good[0][:9] + b"\x06" + good[0][10:],
        good[0][:20] + b"\0" + good[0][21:],
        good[2][:6] + b"\0" + good[2][7:],
        good[2][:40] + b"\x85" + good[2][41:],
        b"\x15" + good[0][1:],
    ]
    order = [*bad[:5], *good, *bad[5:]]
    found = parse(*rows(order))
    assert found.row.tolist() == [5, 6, 7, 8]
    assert texts(found.target) == ["198.18.1.1", "198.18.1.2", "2001:db8:1::1", "2001:db8:1::2"]
    assert found.ttl.tolist() == [5, 6, 7, 8] and found.protocol.tolist() == [ICMP, UDP, ICMP, UDP]
    four = [0x0800BEEF, 0xBEEF829A, 0x12345 << 32 | 0x8000BEEF, 0x12345 << 32 | 0xBEEF829A]
    assert found.flow.tolist() == four


def test_what_was_seen_is_told_in_order_with_what_it_got() -> None:
    exchange = Exchange(topology((FOLDER / "chain.toml").read_text(encoding="utf-8")), 1)
    for at_ns, target, ttl in ((5, "198.18.1.1", 9), (6, "198.18.3.1", 9), (7, "203.0.113.1", 2)):
        exchange.take(*rows([probe(target, ttl), b"stranger"]), np.full(2, at_ns, np.int64))
    seen = exchange.seen()
    assert texts(seen["target"]) == ["198.18.1.1", "198.18.3.1", "203.0.113.1"]
    assert seen["at_ns"].tolist() == [5, 6, 7] and seen["ttl"].tolist() == [9, 9, 2]
    assert (seen["kind"] == SILENT).tolist() == [False, True, True] and (seen["size_bytes"] == 52).all()
    assert exchange.strangers == 3


def test_a_router_at_its_limit_says_nothing_more() -> None:
    assert len(answers("trouble", *[probe("198.18.103.1", 2)] * 9)) == 5
    assert len(answers("trouble", *[probe("198.18.103.1", 3)] * 9)) == 9
