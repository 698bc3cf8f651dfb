"""Probes of a traceroute stay on one path, and are known again by what a router has to leave alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hoploom.prober.arrivals import parse
from hoploom.prober.flows import datagram_ttls, datagrams, destination_checksums, echo_layout, hold
from hoploom.prober.packets import COOKIE_BYTES, Layout, build
from hoploom.prober.traces import MAX_TTL
from hoploom.wire.addresses import column
from unit.prober.model_router import (
    ICMP,
    ME,
    TARGET,
    TIME_EXCEEDED,
    UDP,
    Router,
    checksum,
    ip_packet,
    messages,
    received,
)

ATTRIBUTIONS = st.sampled_from([b"", b"http://a", b"https://example.net/probes", b"x" * 255])
NUMBERS = st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=20)


def held(
    family: int, idents: list[int], sequences: list[int], wanted: list[int], layout: Layout, fill: int = 0x5A
) -> NDArray[np.uint8]:
    cookie = np.full((len(idents), COOKIE_BYTES), fill, np.uint8)
    packets = build(family, np.array(idents, np.uint16), np.array(sequences, np.uint16), cookie, layout)
    hold(packets, np.array(wanted, np.uint16), layout)
    return packets


def test_an_echo_of_a_flow_has_the_bytes_computed_by_hand() -> None:
    # 0800 + 3210 = 3a10, + abcd = e5dd, + 0001 = e5de, + 4 * 0102 = e9e6; what is missing to ffff is 1619.
    cookie = np.frombuffer(bytes([1, 2] * 4), np.uint8).reshape(1, 8)
    layout = echo_layout(b"", 0)
    packets = build(4, np.array([0xABCD], np.uint16), np.array([1], np.uint16), cookie, layout)
    hold(packets, np.array([0x3210], np.uint16), layout)
    assert packets.tobytes() == bytes.fromhex("0800 3210 abcd 0001 0102010201020102 1619")


def test_a_payload_of_odd_attribution_has_the_bytes_computed_by_hand() -> None:
    packets = held(4, [0], [0], [1], echo_layout(b"ab", 16), fill=0)
    # 6162 is all that there is beside type and checksum: 0800 + 0001 + 6162 = 6963, the rest is 969c.
    assert packets.tobytes() == bytes.fromhex("0800 0001 0000 0000 616200 0000000000000000 00 969c 0000")


@given(st.sampled_from([4, 6]), NUMBERS, st.integers(1, 0xFFFE), ATTRIBUTIONS, st.integers(0, 100), st.data())
def test_all_probes_to_a_destination_have_one_true_checksum(
    family: int, sequences: list[int], wanted: int, attribution: bytes, size: int, data: st.DataObject
) -> None:
    count, fill = len(sequences), data.draw(st.integers(0, 255))
    idents = data.draw(st.lists(st.integers(0, 0xFFFF), min_size=count, max_size=count))
    packets = held(family, idents, sequences, [wanted] * count, echo_layout(attribution, size), fill)
    assert (packets[:, 2:4] == packets[0, 2:4]).all() and packets[0, 2:4].tobytes() == wanted.to_bytes(2, "big")
    for packet in packets:
        without = packet.tobytes()[:2] + b"\0\0" + packet.tobytes()[4:]
        assert checksum(without) == wanted, "what a datagram socket's kernel computes is what was wanted"


@given(ATTRIBUTIONS, st.integers(0, 100))
def test_a_held_echo_keeps_its_attribution_cookie_and_size(attribution: bytes, size: int) -> None:
    layout = echo_layout(attribution, size)
    packet = held(4, [7], [9], [0x1234], layout)[0].tobytes()
    assert packet[8:].startswith(attribution) and packet[8 + layout.cookie_at :].startswith(b"\x5a" * 8)
    assert size <= len(packet) - 8 <= max(size, layout.cookie_at + COOKIE_BYTES + 3)


def test_destinations_have_checksums_of_their_own_that_no_sender_writes_in_two_ways() -> None:
    targets = np.random.default_rng(1).integers(0, 256, (1_000_000, 16), np.uint8)
    found = destination_checksums(targets)
    assert (found.min(), found.max(), len(np.unique(found))) == (1, 0xFFFE, 0xFFFE)
    assert (destination_checksums(targets[::-1])[::-1] == found).all()
    one_bit = column(["192.0.2.1", "192.0.2.0", "192.0.2.1"])
    assert len(set(destination_checksums(one_bit).tolist())) == 2


def test_a_datagram_says_its_ttl_by_its_length() -> None:
    cookie = np.frombuffer(bytes(range(16)), np.uint8).reshape(2, 8)
    found = datagrams(3, cookie, Layout(b"ab", 13))
    assert [row.tobytes() for row in found] == [
        b"ab\0" + bytes(range(8)) + bytes(5),
        b"ab\0" + bytes(range(8, 16)) + bytes(5),
    ]
    assert datagram_ttls(np.array([8 + 16], np.uint16), Layout(b"ab", 13)).tolist() == [3]


@pytest.mark.parametrize("layout", [Layout(b"", 0), Layout(b"x" * 255, 32), Layout(b"", 65_507)], ids=str)
def test_every_ttl_has_a_length_of_its_own(layout: Layout) -> None:
    cookie = np.full((1, COOKIE_BYTES), 9, np.uint8)
    lengths = [8 + datagrams(ttl, cookie, layout).shape[1] for ttl in range(1, MAX_TTL + 1)]
    assert max(lengths) <= 65_515
    assert datagram_ttls(np.array(lengths, np.uint16), layout).tolist() == list(range(1, MAX_TTL + 1))
    others = np.array(sorted(set(range(65_536)) - set(lengths)), np.uint16)
    assert not datagram_ttls(others, layout).any()


@given(st.sampled_from([4, 6]), ATTRIBUTIONS, st.integers(1, MAX_TTL), st.booleans(), st.integers(0, 1_300))
def test_what_a_router_quotes_of_a_probe_is_known_again(
    family: int, attribution: bytes, ttl: int, is_udp: bool, kept: int
) -> None:
    targets = np.frombuffer(TARGET[family], np.uint8).reshape(1, 16)
    cookie = np.array([[7, 0, 200, 1, 2, 3, 4, 5]], np.uint8)
    head = 20 if family == 4 else 40
    if is_udp:
        layout = Layout(attribution, 32)
        payload = datagrams(ttl, cookie, layout)[0].tobytes()
        message = (40_000).to_bytes(2, "big") + (33_434).to_bytes(2, "big") + (8 + len(payload)).to_bytes(2, "big")
        packet = ip_packet(ME[family], TARGET[family], message + b"\x12\x34" + payload, UDP, ttl)
    else:
        layout = echo_layout(attribution, 32)
        echo = build(family, np.array([40_000], np.uint16), np.array([ttl], np.uint16), cookie, layout)
        hold(echo, destination_checksums(targets), layout)
        packet = ip_packet(ME[family], TARGET[family], echo.tobytes(), ICMP[family], ttl)
    error = Router(kept=head + 8 + kept).error(packet, TIME_EXCEEDED[family])
    found = parse(messages([received(family, error)]), family, has_header=family == 4, cookie_at=layout.cookie_at)
    assert (found.ident.tolist(), found.about.tobytes(), found.quoted_ttl.tolist()) == ([40_000], TARGET[family], [ttl])
    ttls = datagram_ttls(found.sequence, layout) if is_udp else found.sequence
    assert ttls.tolist() == [ttl]
    back = min(max(kept - layout.cookie_at, 0), COOKIE_BYTES)
    assert found.cookie[0, :back].tobytes() == cookie[0, :back].tobytes()
    assert found.cookie_bytes[0] == len(cookie[0, :back].tobytes().rstrip(b"\0"))
