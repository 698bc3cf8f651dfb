"""Echo requests are built right, and nothing that arrives can break the reader."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoploom.prober.packets import DIALECTS, Layout, build, checksums, cookies, parse_ipv4, parse_message
from hoploom.wire.addresses import column, parse

TARGET, ROUTER = parse("192.0.2.9"), parse("198.51.100.1")
TARGET6, ROUTER6 = parse("2001:db8::9"), parse("2001:db8::1")
COOKIE = bytes(range(1, 9))
SMALL = Layout(b"", 16)
ARRAY = np.frombuffer(COOKIE, np.uint8).reshape(1, 8)


def request(family: int, layout: Layout = SMALL) -> bytes:
    return build(family, np.array([0xABCD], np.uint16), np.array([0x1234], np.uint16), ARRAY, layout).tobytes()


def ipv4(source: bytes, destination: bytes, message: bytes, options: bytes = b"") -> bytes:
    words = 5 + len(options) // 4
    head = struct.pack("!BBHHHBBH", 0x40 | words, 0, 4 * words + len(message), 0, 0, 57, 1, 0)
    return head + source[12:] + destination[12:] + options + message


def ipv6(source: bytes, destination: bytes, message: bytes) -> bytes:
    return struct.pack("!IHBB", 6 << 28, len(message), 58, 57) + source + destination + message


def reply(family: int) -> bytes:
    return bytes([DIALECTS[family].reply]) + request(family)[1:]


def test_a_request_has_the_checksum_of_rfc_1071() -> None:
    words = struct.unpack("!12H", request(4))
    total = sum(words)
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    assert total == 0xFFFF


@pytest.mark.parametrize("size", [2, 3, 64, 1473, 65_515])
@pytest.mark.parametrize("fill", [0, 1, 255])
def test_checksums_of_any_length(size: int, fill: int) -> None:
    data = np.full((2, size), fill, np.uint8)
    data[:, 1] = 7
    raw = data[0].tobytes() + b"\0" * (size % 2)
    total = sum(struct.unpack(f"!{len(raw) // 2}H", raw))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    assert checksums(data)[1].tobytes() == struct.pack("!H", ~total & 0xFFFF)


def test_the_payload_grows_where_cookie_and_attribution_need_it() -> None:
    assert len(Layout(b"", 0).payload) == 8
    assert Layout(b"http://a", 56).payload == b"http://a" + bytes(48)
    assert len(Layout(b"x" * 255, 16).payload) == 264


def test_a_filling_stands_behind_the_cookie_and_changes_no_length() -> None:
    assert Layout(b"", 12, b"random bytes").payload == bytes(8) + b"rand"
    assert Layout(b"http://a", 20, b"xy").payload == b"http://a" + bytes(9) + b"xy" + b"\0"
    assert Layout(b"", 0, b"random").payload == bytes(8)


def test_cookies_depend_on_serial_target_and_key() -> None:
    rows = column(["192.0.2.1", "192.0.2.1", "192.0.2.2"])
    serials = np.arange(3, dtype=np.uint64)
    made = {bytes(each) for key in ((1, 2), (1, 3), (2, 2)) for each in cookies(serials, rows, key)}
    same_serial = {bytes(each) for each in cookies(np.zeros(3, np.uint64), rows, (1, 2))}
    assert len(made) == 9 and len(same_serial) == 2


@pytest.mark.parametrize("options", [b"", b"\x01" * 40], ids=["20 byte header", "60 byte header"])
def test_an_ipv4_reply_is_read(options: bytes) -> None:
    found = parse_ipv4(ipv4(TARGET, ROUTER, reply(4), options), 0)
    assert found is not None
    assert (found.icmp_type, found.ident, found.sequence, found.cookie) == (0, 0xABCD, 0x1234, COOKIE)
    assert found.about == found.sender == TARGET and found.ttl == 57


@pytest.mark.parametrize("options", [b"", b"\x01" * 8], ids=["plain quote", "quote with IP options"])
@pytest.mark.parametrize("kept", [8, 12, 24])
def test_an_ipv4_error_is_read_however_much_it_quotes(kept: int, options: bytes) -> None:
    quote = ipv4(ROUTER, TARGET, request(4), options)[: 20 + len(options) + kept]
    found = parse_ipv4(ipv4(ROUTER, TARGET, bytes([3, 13]) + bytes(6) + quote), 0)
    assert found is not None
    assert (found.icmp_type, found.icmp_code, found.ident, found.sequence) == (3, 13, 0xABCD, 0x1234)
    assert (found.about, found.sender, found.cookie) == (TARGET, ROUTER, COOKIE[: kept - 8])


def test_ipv6_replies_and_errors_are_read() -> None:
    found = parse_message(6, reply(6), TARGET6, 61, 0)
    assert found is not None and (found.about, found.cookie, found.ttl) == (TARGET6, COOKIE, 61)
    quote = bytes([1, 3]) + bytes(6) + ipv6(ROUTER6, TARGET6, request(6))
    found = parse_message(6, quote, ROUTER6, 60, 0)
    assert found is not None and (found.icmp_type, found.icmp_code, found.about) == (1, 3, TARGET6)


@pytest.mark.parametrize(
    ("what", "packet"),
    [
        ("nothing", b""),
        ("a header that says 8 bytes", b"\x42" + bytes(40)),
        ("a header longer than the packet", b"\x4f" + bytes(25)),
        ("our own request", ipv4(TARGET, ROUTER, request(4))),
        ("a redirect", ipv4(ROUTER, TARGET, bytes([5, 0]) + bytes(6) + ipv4(ROUTER, TARGET, request(4)))),
        ("an error about TCP", ipv4(ROUTER, TARGET, bytes([3, 1]) + bytes(6) + b"E" + bytes(8) + b"\x06" + bytes(18))),
        ("an error about a reply", ipv4(ROUTER, TARGET, bytes([3, 1]) + bytes(6) + ipv4(ROUTER, TARGET, reply(4)))),
        (
            "an error that quotes seven bytes",
            ipv4(ROUTER, TARGET, bytes([3, 1, *bytes(6)]) + ipv4(ROUTER, TARGET, request(4))[:27]),
        ),
    ],
)
def test_what_is_not_about_a_probe_is_none(what: str, packet: bytes) -> None:
    assert parse_ipv4(packet, 0) is None, what


@given(st.binary(max_size=200), st.integers(0, 256))
def test_no_bytes_break_the_reader(data: bytes, cookie_at: int) -> None:
    parse_ipv4(data, cookie_at)
    for family in (4, 6):
        for start in (b"", b"\x03\x01", b"\x00\x00", b"\x01\x00", b"\x81\x00"):
            parse_message(family, start + data, TARGET, -1, cookie_at)


@given(st.data())
def test_no_cut_or_flipped_error_breaks_the_reader(data: st.DataObject) -> None:
    packet = bytearray(ipv4(ROUTER, TARGET, bytes([3, 1]) + bytes(6) + ipv4(ROUTER, TARGET, request(4))))
    for _ in range(3):
        packet[data.draw(st.integers(0, len(packet) - 1))] = data.draw(st.integers(0, 255))
    parse_ipv4(bytes(packet[: data.draw(st.integers(0, len(packet)))]), 0)
