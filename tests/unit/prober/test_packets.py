"""Echo requests are built right."""

import struct

import numpy as np
import pytest

from hoploom.prober.packets import COOKIE_BYTES, Layout, build, checksums, cookie_offset
from unit.prober.model_router import checksum

COOKIE = bytes(range(1, 9))


def request(family: int, layout: Layout) -> bytes:
    cookie = np.frombuffer(COOKIE, np.uint8).reshape(1, COOKIE_BYTES)
    return build(family, np.array([0xABCD], np.uint16), np.array([0x1234], np.uint16), cookie, layout).tobytes()


@pytest.mark.parametrize(
    ("family", "layout", "written"),
    [
        # 0800 + abcd + 1234 + 0102 + 0304 + 0506 + 0708 = d615, its complement is 29ea.
        (4, Layout(b"", 10), "0800 29ea abcd 1234 0102030405060708 0000"),
        # 8000 + abcd + 1234 + 1014 carries once: 4e16, its complement is b1e9; the kernel writes its own over it.
        (6, Layout(b"", 8), "8000 b1e9 abcd 1234 0102030405060708"),
        # 0800 + abcd + 1234 + 6162 + 0001 + 0203 + 0405 + 0607 + 0800 = 3b74 after one carry; complement c48b.
        (4, Layout(b"ab", 0), "0800 c48b abcd 1234 616200 0102030405060708"),
    ],
)
def test_a_request_has_the_bytes_computed_by_hand(family: int, layout: Layout, written: str) -> None:
    assert request(family, layout).hex() == written.replace(" ", "")


def test_requests_differ_in_nothing_but_their_numbers_cookies_and_checksums() -> None:
    numbers = np.arange(300, dtype=np.uint16)
    cookie = np.random.default_rng(1).integers(0, 256, (300, COOKIE_BYTES), np.uint8)
    packets = build(4, numbers * 3, numbers + 65_300, cookie, Layout(b"x", 30))
    assert packets.shape == (300, 38) and {checksum(packet.tobytes()) for packet in packets} == {0}
    assert (packets[:, 10:18] == cookie).all() and not packets[:, 18:].any()
    assert packets[:, 4:8].tobytes() == b"".join(struct.pack("!HH", n * 3, (n + 65_300) % 65_536) for n in range(300))


@pytest.mark.parametrize("size", [2, 3, 64, 1473, 65_515])
@pytest.mark.parametrize("fill", [0, 1, 255])
def test_checksums_of_any_length(size: int, fill: int) -> None:
    data = np.full((2, size), fill, np.uint8)
    data[:, 1] = 7
    assert checksums(data)[1].tobytes() == struct.pack("!H", checksum(data[0].tobytes()))


def test_the_payload_grows_where_cookie_and_attribution_need_it() -> None:
    assert len(Layout(b"", 0).payload) == 8
    assert Layout(b"http://a", 56).payload == b"http://a" + bytes(48)
    assert len(Layout(b"x" * 255, 16).payload) == 264
    assert (cookie_offset(b""), cookie_offset(b"http://a")) == (0, 9)


def test_a_filling_stands_behind_the_cookie_and_changes_no_length() -> None:
    assert Layout(b"", 12, b"random bytes").payload == bytes(8) + b"rand"
    assert Layout(b"http://a", 20, b"xy").payload == b"http://a" + bytes(9) + b"xy" + b"\0"
    assert Layout(b"", 0, b"random").payload == bytes(8)
