"""Nothing that arrives breaks the reader, and it reads as the slow one does."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hoploom.prober.arrivals import parse
from hoploom.prober.port import OWN, Messages
from unit.prober.message_oracle import expected, rows
from unit.prober.model_router import (
    HOP,
    ICMP,
    ME,
    REPLY,
    TIME_EXCEEDED,
    UDP,
    UNREACHABLE,
    Router,
    datagram,
    echo,
    ip_packet,
    messages,
    probe,
    structure,
)

CASES = st.tuples(st.sampled_from([4, 6]), st.booleans(), st.sampled_from([0, 3, 80, 97, 100, 120, 256]))


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
def routers(draw: st.DrawFn) -> Router:
    labels = draw(st.lists(st.integers(0, 2**32 - 1), max_size=4))
    appended = structure(*labels, good=draw(st.sampled_from([True, True, False])), has_checksum=draw(st.booleans()))
    return Router(
        kept=draw(st.sampled_from([28, 48, 56, 128, 576])),
        appended=draw(st.sampled_from([b"", appended, appended])),
        is_silent_about_it=draw(st.booleans()),
        new_ident=draw(st.sampled_from([None, None, 1])),
    )


@st.composite
def good_messages(draw: st.DrawFn, family: int, cookie_at: int, *, has_header: bool) -> tuple[bytes, int]:
    """A message as a port gives it, and its type where it came by the error queue."""
    head = st.sampled_from([b"", b"\x01" * 4])
    size = cookie_at + draw(st.sampled_from([8, 60, 300]))
    if draw(st.integers(0, 3)) == 0:
        reply = echo(family, REPLY[family], size, cookie_at)
        return (ip_packet(HOP[4], ME[4], reply, 1, options=draw(head)) if has_header else reply), OWN
    protocol = draw(st.sampled_from([ICMP[family], ICMP[family], UDP, 6]))
    inner = datagram(size) if protocol == UDP else echo(family, None, size, cookie_at)
    options = draw(head) * 2 if family == 4 else draw(st.sampled_from([b"", bytes([protocol, 0]) + bytes(6)]))
    kind = draw(st.sampled_from([TIME_EXCEEDED[family], UNREACHABLE[family], 2, 4, 5, 12]))
    message = draw(routers()).error(probe(family, inner, protocol, options), kind)
    if draw(st.integers(0, 3)) == 0:
        return message[8 + (20 if family == 4 else 40) + len(options) :], kind
    return (ip_packet(HOP[4], ME[4], message, 1, options=draw(head)) if has_header else message), OWN


def mutated(raw: bytes, data: st.DataObject) -> bytes:
    changed = bytearray(raw)
    for _ in range(data.draw(st.integers(0, 2))):
        changed[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    return bytes(changed[: data.draw(st.one_of(st.just(len(raw)), st.integers(0, len(raw))))])


@settings(max_examples=300)
@given(CASES, st.data())
def test_good_messages_with_a_few_bytes_changed_are_read_as_one_by_one(
    case: tuple[int, bool, int], data: st.DataObject
) -> None:
    family, has_header, cookie_at = case
    count = data.draw(st.integers(1, 5))
    drawn = [data.draw(good_messages(family, cookie_at, has_header=has_header)) for _ in range(count)]
    raws = [mutated(raw, data) if raw else raw for raw, _ in drawn]
    lengths = [len(raw) + data.draw(st.sampled_from([0, 0, 0, 9, -9])) for raw in raws]
    given_messages = messages(
        raws,
        data.draw(st.sampled_from([None, None, 40, 90])),
        length=np.array(lengths, np.int32),
        icmp_type=np.array([kind for _, kind in drawn], np.int16),
    )
    compare(given_messages, family, cookie_at, has_header=has_header)
