"""Nothing that arrives breaks the reader, and it reads as the slow one does."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hoploom.prober.arrivals import parse
from hoploom.prober.port import Messages
from unit.prober.message_oracle import expected, rows
from unit.prober.model_router import (
    ICMP,
    REPLY,
    TIME_EXCEEDED,
    UDP,
    UNREACHABLE,
    Router,
    datagram,
    echo,
    messages,
    probe,
    received,
    structure,
)

CASES = st.tuples(st.sampled_from([4, 6]), st.booleans(), st.sampled_from([0, 3, 12, 120, 256]))


def compare(given_messages: Messages, family: int, cookie_at: int, *, has_header: bool) -> None:
    found = parse(given_messages, family, has_header=has_header, cookie_at=cookie_at)
    assert rows(found) == expected(given_messages, family, cookie_at, has_header=has_header)


@given(CASES, st.lists(st.binary(max_size=200), max_size=6), st.integers(0, 250), st.data())
def test_arbitrary_bytes_are_read_as_one_by_one(
    case: tuple[int, bool, int], raws: list[bytes], width: int, data: st.DataObject
) -> None:
    family, has_header, cookie_at = case
    kinds = data.draw(st.lists(st.integers(-1, 255), min_size=len(raws), max_size=len(raws)))
    starts = st.sampled_from([b"", b"\x45" + bytes(19), b"\x03\x01", b"\0\0", b"\x45" + bytes(19) + b"\x0b", b"\x81"])
    given_messages = messages([data.draw(starts) + raw for raw in raws], width, icmp_type=np.array(kinds, np.int16))
    compare(given_messages, family, cookie_at, has_header=has_header)


@st.composite
def good_messages(draw: st.DrawFn, family: int, cookie_at: int) -> bytes:
    size = draw(st.sampled_from([cookie_at + 8, cookie_at + 60, 300]))
    if draw(st.booleans()):
        message = echo(family, REPLY[family], size, cookie_at)
    else:
        protocol = draw(st.sampled_from([ICMP[family], UDP]))
        inner = echo(family, None, size, cookie_at) if protocol != UDP else datagram(size)
        options = b""
        if draw(st.booleans()):
            options = b"\x01" * 8 if family == 4 else bytes([protocol, 0]) + bytes(6)
        labels = draw(st.lists(st.integers(0, 2**32 - 1), max_size=4))
        router = Router(
            draw(st.sampled_from([28, 48, 56, 128, 576])),
            structure(*labels, good=draw(st.booleans()), has_checksum=draw(st.booleans())) if labels else b"",
            draw(st.booleans()),
            draw(st.sampled_from([None, 1])),
        )
        kinds = st.sampled_from([TIME_EXCEEDED[family], UNREACHABLE[family], 2, 4, 5, 12])
        message = router.error(probe(family, inner, protocol, options), draw(kinds))
    return received(family, message, draw(st.sampled_from([b"", b"\x01" * 4])))


@given(CASES, st.data())
def test_good_messages_with_a_few_bytes_changed_are_read_as_one_by_one(
    case: tuple[int, bool, int], data: st.DataObject
) -> None:
    family, has_header, cookie_at = case
    raws = []
    for _ in range(data.draw(st.integers(1, 5))):
        raw = bytearray(data.draw(good_messages(family, cookie_at)))
        for _ in range(data.draw(st.integers(0, 3))):
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        raws.append(bytes(raw[: data.draw(st.integers(len(raw) // 2, len(raw)))]))
    width = data.draw(st.sampled_from([None, 40, 90, 600]))
    lengths = [data.draw(st.sampled_from([len(raw), len(raw) + 9, 0, -1])) for raw in raws]
    given_messages = messages(raws, width, length=np.array(lengths, np.int32))
    compare(given_messages, family, cookie_at, has_header=has_header)
