"""Warts as results."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoploom.kit.errors import ConfigError, HoploomError
from hoploom.results import imports
from hoploom.results.formats import warts, warts_import, warts_records
from hoploom.results.formats.warts_records import CycleStart, CycleStop, Hop, Ping, Record, Reply, Trace
from hoploom.wire import batch, traces

BEGIN_US = 1_700_000_002_000_000
ECHO, EXCEEDED = {"icmp_type": 0, "icmp_code": 0}, {"icmp_type": 11, "icmp_code": 0}


def answer(**changes: Any) -> Reply:
    return Reply(**{"address": "10.0.0.1", "rtt_us": 50, "reply_ttl": 60, **ECHO, **changes})


PINGS = {
    "nothing came": ((), 1, (batch.LOST, 1, 0, 0, None, None, None)),
    "nothing left": ((), 0, (batch.FAILED, 0, 0, 0, None, None, None)),
    "a request was answered twice": ((answer(), answer(rtt_us=90)), 1, (batch.ANSWERED, 1, 1, 1, 50, None, None)),
    "two requests were answered": (
        (answer(), answer(probe=1, rtt_us=70)), 3,
        (batch.ANSWERED, 3, 2, 0, 60, None, None),
    ),
    "a router said no": (
        (answer(address="10.9.9.9", icmp_type=3, icmp_code=1),), 1,
        (batch.UNREACHABLE, 1, 0, 0, None, 3, "10.9.9.9"),
    ),
    "a reply has no time": ((answer(rtt_us=None),), 1, (batch.ANSWERED, 1, 1, 0, 0, None, None)),
}  # fmt: skip


@pytest.mark.parametrize("case", PINGS)
def test_a_ping_of_others_becomes_a_row(case: str) -> None:
    replies, sent, expected = PINGS[case]
    found = warts_import.ping_row(Ping(target="10.0.0.1", start_us=BEGIN_US, sent=sent, replies=replies))
    assert (found.outcome, found.sent, found.received, found.duplicates, found.rtt_us, found.icmp_type,
            found.icmp_from) == expected  # fmt: skip


def test_a_ping_by_tcp_is_answered_by_its_target_alone() -> None:
    replies = (answer(icmp_type=None, icmp_code=None), answer(probe=1, address="10.9.9.9", icmp_type=3))
    found = warts_import.ping_row(Ping(target="10.0.0.1", start_us=0, sent=2, replies=replies, method=2))
    assert (found.outcome, found.received, found.icmp_from) == (batch.ANSWERED, 1, "10.9.9.9")


def hop(ttl: int, address: str, **changes: Any) -> Hop:
    return Hop(**{"ttl": ttl, "address": address, "rtt_us": 9, **EXCEEDED, **changes})


def test_of_several_answers_to_one_ttl_the_first_counts_and_silence_between_is_told() -> None:
    hops = (hop(2, "10.1.0.2"), hop(2, "10.1.0.3", attempt=1), hop(5, "10.0.0.9", **ECHO))
    found = warts_import.trace_row(Trace(target="10.0.0.9", start_us=0, hops=hops, stop_reason=1, first_ttl=1))
    assert [each.hop for each in found.hops] == [None, "10.1.0.2", None, None, "10.0.0.9"]
    assert (found.outcome, found.distance, found.joined_ttl) == (traces.REACHED, 5, None)


@pytest.mark.parametrize("stop_reason", range(12))
def test_every_reason_to_stop_is_an_outcome(stop_reason: int) -> None:
    found = warts_import.trace_row(Trace(target="10.0.0.9", start_us=0, hops=(), stop_reason=stop_reason))
    assert found.outcome == {
        warts_records.COMPLETED: traces.REACHED,
        warts_records.UNREACHABLE: traces.UNREACHABLE,
        warts_records.ICMP: traces.UNREACHABLE,
        warts_records.LOOP: traces.LOOP,
        warts_records.GAP_LIMIT: traces.GAP,
        warts_records.HOP_LIMIT: traces.GAP,
        warts_records.STOP_SET: traces.GAP,
    }.get(stop_reason, traces.FAILED)
    assert found.hops == () and found.distance is None


def test_a_target_that_answers_by_tcp_tells_the_distance() -> None:
    hops = (hop(1, "10.1.0.2"), hop(2, "10.0.0.9", icmp_type=None, icmp_code=None))
    found = warts_import.trace_row(Trace(target="10.0.0.9", start_us=0, hops=hops, stop_reason=1))
    assert ([each.hop for each in found.hops], found.distance) == (["10.1.0.2"], 2)


def read(*records: Record) -> list[imports.Record]:
    return list(warts_import.read(io.BytesIO(b"".join(map(warts.to_bytes, records))), "archive"))


def ping(target: str = "10.0.0.1", cycle_id: int = 1) -> Ping:
    return Ping(target=target, start_us=BEGIN_US, sent=1, replies=(answer(),), cycle_id=cycle_id)


def test_a_vantage_point_is_who_the_cycle_says() -> None:
    start, other = CycleStart(1, 1, 0, "ams-nl.ark"), CycleStart(2, 1, 0, "  bad näme")
    found = read(start, ping(), other, ping(cycle_id=2), CycleStop(1, 0), ping(), ping("fd00::1", cycle_id=9))
    assert [(each.origin.worker, each.origin.family, each.place) for each in found] == [
        ("ams-nl.ark", 4, "record 2"), ("bad-n-me", 4, "record 4"), ("scamper", 4, "record 6"),
        ("scamper", 6, "record 7"),
    ]  # fmt: skip
    assert {each.origin.campaign for each in found} == {"archive"}


def test_what_is_read_makes_batches() -> None:
    hops = (hop(2, "10.1.0.2", reply_ttl=3, sent_us=BEGIN_US, labels=(1,) * 20), hop(3, "10.0.0.9", **ECHO))
    trace = Trace(target="10.0.0.9", start_us=BEGIN_US, hops=hops, stop_reason=1, first_ttl=2)
    pings, paths = imports.gathered(read(CycleStart(1, 1, 0, "pi"), ping(), ping("10.0.0.2"), trace))
    assert (pings.batch.worker, len(pings.rows), pings.batch.started_at_us) == ("pi", 2, BEGIN_US)
    assert (paths.batch.kind, len(paths.rows)) == ("trace", 1)


def test_cycles_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warts_import, "_MOST_CYCLES", 2)
    assert read(CycleStart(1, 1, 0), CycleStart(2, 1, 0), CycleStop(1, 0), CycleStart(3, 1, 0)) == []
    with pytest.raises(ConfigError, match="more than 2 cycles"):
        read(CycleStart(1, 1, 0), CycleStart(2, 1, 0), CycleStart(3, 1, 0))


GOOD = b"".join(
    warts.to_bytes(each)
    for each in (
        CycleStart(1, 1, 0, "pi"),
        Trace(target="10.0.0.9", start_us=BEGIN_US, stop_reason=1, sent=3, first_ttl=2,
              hops=(hop(2, "10.1.0.2", reply_ttl=3, labels=(1, 2)), hop(3, "10.0.0.9", **ECHO))),
        Ping(target="::1", start_us=BEGIN_US, sent=1, replies=(answer(address="::1", icmp_type=129),)),
    )
)  # fmt: skip


@given(changes=st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=6))
def test_whatever_is_damaged_becomes_batches_or_a_sentence(changes: list[tuple[int, int]]) -> None:
    raw = bytearray(GOOD)
    for at, byte in changes:
        raw[at] = byte
    bad: list[str] = []
    try:
        found = list(imports.gathered(warts_import.read(io.BytesIO(bytes(raw)), "archive"), bad.append))
    except HoploomError as error:
        bad.append(str(error))
        found = []
    assert sum(len(each.rows) for each in found) + len(bad) <= 2 and not any("\n" in each for each in bad)
