"""Files of warts: what is written is read again, and nothing that a file says brings the reader down."""

from __future__ import annotations

import io
from collections.abc import Callable
from socket import AF_INET, AF_INET6, inet_ntop
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hoploom.kit.errors import ConfigError
from hoploom.results.formats import warts
from hoploom.results.formats.warts_records import (
    COMPLETED,
    GAP_LIMIT,
    CycleStart,
    CycleStop,
    Hop,
    List,
    Ping,
    Record,
    Reply,
    Trace,
)

LIST = bytes.fromhex("12050001 0000001b 00000001 00000000 64656661756c7400 01 0008 64656661756c7400")
"""As scamper 20211212 begins its files."""
TRACE = bytes.fromhex(
    "1205000600000061f3ffff3f003400000001000000016b01b1560008cc91010020020004002cf872f8720100050100010501000001"
    "000004017f00000100000000000001fe8f18001e01401100000000190000002c002c0ace0000000000006b01b1560008cd2f0000"
)
"""A traceroute to 127.0.0.1 by it: one hop, whose address is that of the source."""
PING = bytes.fromhex(
    "1205000700000068f3fce501002a00000001000000016b01b248000787c901000001007c014000000001029104017f00000100000000"
    "00010001feb30300310740007c00000000001a0000e211199500000000000300000000000000000000000000000000000000"
    "6b01b2480007881e"
)
"""A ping with recorded route."""
UNKNOWN = bytes.fromhex("12050009 00000003 ffffff")


IPV6 = 6


def read(raw: bytes) -> list[Record]:
    return list(warts.records(io.BytesIO(raw)))


def test_a_trace_of_scamper_is_read() -> None:
    hop = Hop(ttl=1, address="127.0.0.1", rtt_us=25, reply_ttl=64, icmp_type=0, icmp_code=0, sent_us=1795273046576815)
    assert read(LIST + TRACE) == [
        List(1, "default", "default"),
        Trace(
            target="127.0.0.1",
            source="127.0.0.1",
            start_us=1795273046576657,
            stop_reason=COMPLETED,
            probed_hops=1,
            sent=1,
            hops=(hop,),
        ),
    ]


def test_a_ping_of_scamper_is_read_whatever_options_it_has() -> None:
    [ping] = read(PING)
    assert isinstance(ping, Ping) and (ping.sent, ping.target) == (1, "127.0.0.1")
    assert ping.replies == (
        Reply(address="127.0.0.1", rtt_us=26, reply_ttl=64, icmp_type=0, icmp_code=0, sent_us=1795273288493598),
    )


def test_records_of_other_types_are_passed_over() -> None:
    assert read(UNKNOWN + LIST + UNKNOWN) == [List(1, "default", "default")]


@pytest.mark.parametrize(("address", "icmp_type", "quoted_ttl"), [
    ("10.0.0.1", 11, 1), ("10.0.0.1", 3, 1), ("10.0.0.1", 0, None), ("::1", 3, 1), ("::1", 1, 1), ("::1", 129, None),
    ("10.0.0.1", None, None),
])  # fmt: skip
def test_an_error_whose_quoted_ttl_is_not_written_quotes_one(
    address: str, icmp_type: int | None, quoted_ttl: int | None
) -> None:
    hop = Hop(ttl=1, address=address, rtt_us=1, icmp_type=icmp_type)
    [trace] = read(warts.to_bytes(Trace(target=address, start_us=0, stop_reason=COMPLETED, hops=(hop,))))
    assert isinstance(trace, Trace) and trace.hops[0].quoted_ttl == quoted_ttl


def record(kind: int, body: str) -> bytes:
    raw = bytes.fromhex(body)
    return bytes.fromhex(f"1205{kind:04x}{len(raw):08x}") + raw


def test_fields_that_later_versions_add_are_passed_over() -> None:
    # The target is field 27; what follows it in the fields is of field 43.
    [trace] = read(record(6, "80 80 80 a0 80 80 01 000b 04010a000001 ffffffffff 0000 0000"))
    assert isinstance(trace, Trace) and (trace.target, trace.hops) == ("10.0.0.1", ())


DAMAGED = {
    "it is cut off in a header": (LIST[:5], "record at byte 0 of the warts file cannot be read: .* cut off"),
    "it is cut off in a body": (LIST + TRACE[:40], "at byte 35 .*cut off"),
    "it is cut off in a record that is passed over": (UNKNOWN[:-1], "cut off"),
    "it is something else": (b"SQLite format 3\0", "begins with 0x5351"),
    "a record is larger than any": (bytes.fromhex("12050006 7fffffff"), "2147483647 bytes"),
    "fields are longer than their record": (record(6, "01 ffff"), "65535 bytes"),
    "a field is longer than the fields": (record(6, "01 0002 00000000"), "announced"),
    "flags have no end": (record(6, "80" * 20), "16 bytes of flags"),
    "hops are missing": (record(6, "00 ffff"), "announced"),
    "labels are longer than their hop": (record(6, "00 0001 80 80 04 0008 0008 0008 0101 00000001"), "announced"),
    "a target is missing": (record(6, "00 0000 0000"), "no address of a target"),
    "an address is named that never came": (record(6, "80 80 80 20 0005 00 00000007"), "address 7 is named"),
    "an address has a size of its own": (record(6, "80 80 80 20 0005 03 01 0a0000"), "has 3 bytes"),
    "a name has no end": (record(1, "00000001 00000000 6162"), "announced"),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_file_is_refused_in_a_sentence_that_says_where(damage: str) -> None:
    raw, said = DAMAGED[damage]
    with pytest.raises(ConfigError, match=said):
        read(raw)


u8, u16, u32 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32))
addresses = st.ip_addresses().map(lambda each: inet_ntop((AF_INET, AF_INET6)[each.version == IPV6], each.packed))
moments = st.integers(0, 2**32 * 1_000_000 - 1)
names = st.text(max_size=12).map(lambda text: text.encode("utf-8", "ignore").decode().replace("\0", ""))


def optional(values: st.SearchStrategy[int]) -> st.SearchStrategy[int | None]:
    return st.none() | values


def message(made: Callable[..., Any], **fields: Any) -> st.SearchStrategy[Any]:
    """Hops or replies, with type and code of an ICMP message or without both."""
    either = st.tuples(st.none(), st.none()) | st.tuples(u8, u8)
    return st.builds(lambda pair, **rest: made(icmp_type=pair[0], icmp_code=pair[1], **rest), either, **fields)


hops = message(
    Hop, ttl=u8, address=addresses, rtt_us=u32, reply_ttl=optional(u8), quoted_ttl=optional(u8), attempt=u8,
    sent_us=optional(moments), labels=st.lists(u32, max_size=16).map(tuple),
).filter(lambda hop: hop.quoted_ttl is not None or hop.icmp_type not in {1, 3, 11})  # fmt: skip
replies = message(Reply, address=addresses, rtt_us=optional(u32), probe=u16, reply_ttl=optional(u8),
                  sent_us=optional(moments))  # fmt: skip
common = {"target": addresses, "start_us": moments, "source": st.just("") | addresses, "stop_reason": u8,
          "method": u8, "sent": u16, "list_id": u32, "cycle_id": u32}  # fmt: skip
traces = st.builds(
    Trace, **common, hops=st.lists(hops, max_size=6).map(tuple), stop_data=u8, first_ttl=u8, probed_hops=u16
)
pings = st.builds(Ping, **common, replies=st.lists(replies, max_size=6).map(tuple))
marks = st.builds(List, u32, names, names) | st.builds(CycleStart, u32, u32, u32, names, u32)
records = traces | pings | marks | st.builds(CycleStop, u32, u32)


@settings(max_examples=40)
@given(st.lists(records, max_size=3))
def test_what_is_written_is_read_again(written: list[Record]) -> None:
    assert read(b"".join(map(warts.to_bytes, written))) == written


@given(raw=st.binary(max_size=60))
@pytest.mark.parametrize("kind", [1, 2, 4, 6, 7])
def test_any_body_is_read_or_refused_in_a_sentence(kind: int, raw: bytes) -> None:
    head = (0x1205).to_bytes(2) + kind.to_bytes(2) + len(raw).to_bytes(4)
    is_read_or_refused(head + raw)


@given(written=st.lists(records, min_size=1, max_size=2), at=st.integers(0), byte=u8, cut=st.integers(0))
@example(written=[Trace(target="::1", start_us=0, hops=(), stop_reason=GAP_LIMIT)], at=0, byte=0, cut=0)
def test_any_file_that_was_damaged_is_read_or_refused_in_a_sentence(
    written: list[Record], at: int, byte: int, cut: int
) -> None:
    raw = bytearray(b"".join(map(warts.to_bytes, written)))
    raw[at % len(raw)] = byte
    is_read_or_refused(bytes(raw[: len(raw) - cut % len(raw)]))


def is_read_or_refused(raw: bytes) -> None:
    try:
        found = read(raw)
    except ConfigError as error:
        assert "\n" not in str(error)
    else:
        assert sum(len(getattr(each, "hops", ())) for each in found) <= len(raw)


def test_a_moment_that_the_format_has_no_room_for_is_the_nearest_that_it_has() -> None:
    for at_us, expected in ((-5, 0), (2**33 * 1_000_000, 2**32 * 1_000_000 - 1)):
        [trace] = read(warts.to_bytes(Trace(target="10.0.0.1", start_us=at_us, hops=(), stop_reason=1)))
        assert isinstance(trace, Trace) and trace.start_us == expected
