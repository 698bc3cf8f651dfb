"""Requests that are written into one room are the ones that would have been built one by one."""

import numpy as np
import pytest

from hoploom.prober.packets import Layout, build
from hoploom.prober.templates import Template


@pytest.mark.parametrize("attribution", [b"", b"a", b"ab", b"https://example.net/probes"])
@pytest.mark.parametrize("size_bytes", [0, 9, 56, 1001])
@pytest.mark.parametrize("sequence", [0, 65_500])
def test_a_request_is_whole_whatever_stood_there_before(attribution: bytes, size_bytes: int, sequence: int) -> None:
    layout, count = Layout(attribution, size_bytes), 36
    template = Template(4, layout, 513, 64)
    template.fill(77, np.arange(64, dtype=np.uint64) << np.uint64(50))
    cookies = np.random.default_rng(5).integers(0, 2**64, count, np.uint64)
    numbers = np.arange(sequence, sequence + count).astype(np.uint16)
    wanted = build(4, np.full(count, 513, np.uint16), numbers, cookies.view(np.uint8).reshape(-1, 8), layout)
    assert np.array_equal(template.fill(sequence, cookies), wanted)


@pytest.mark.parametrize("attribution", [b"", b"ab"])
def test_every_checksum_adds_up(attribution: bytes) -> None:
    template = Template(4, Layout(attribution, 8), 513, 65_536)
    packets = template.fill(0, np.arange(65_536, dtype=np.uint64))
    if packets.shape[1] % 2:
        packets = np.pad(packets, ((0, 0), (0, 1)))
    sums = np.ascontiguousarray(packets).view(np.uint16).sum(axis=1, dtype=np.uint64)
    assert (sums % np.uint64(0xFFFF) == 0).all()


def test_icmpv6_leaves_the_checksum_to_the_kernel() -> None:
    packets = Template(6, Layout(b"", 8), 513, 4).fill(3, np.array([1, 2], np.uint64))
    assert packets[:, 0].tolist() == [128, 128] and packets[:, 7].tolist() == [3, 4]
    assert packets[:, 8:].view(np.uint64)[:, 0].tolist() == [1, 2]
