"""From the prober's news to the book and the lines."""

import errno
from typing import Any

import numpy as np

from hoploom.cli.ping.course import Course
from hoploom.cli.ping.hosts import Host
from hoploom.cli.ping.options import read
from hoploom.cli.ping.report import Report
from hoploom.cli.ping.schedule import Pace, Schedule
from hoploom.prober.probes import DUPLICATE, ICMP_ERROR, REPLY, TIMED_OUT, UNSENT, Heard
from hoploom.wire.addresses import column

MS = 1_000_000


def heard(*rows: dict[str, Any]) -> Heard:
    def of(name: str, default: int, kind: type[np.generic]) -> Any:
        return np.array([each.get(name, default) for each in rows], kind)

    return Heard(
        kind=of("kind", REPLY, np.uint8), target=of("target", 0, np.int32), request=of("request", 0, np.uint16),
        rtt_ns=of("rtt_ns", -1, np.int64), ttl=of("ttl", -1, np.int16), size_bytes=of("size_bytes", 0, np.int32),
        icmp_type=of("icmp_type", -1, np.int16), icmp_code=of("icmp_code", -1, np.int16),
        sender=column(each.get("sender", "") for each in rows), at_ns=of("at_ns", 0, np.int64),
        error=of("error", 0, np.int16),
    )  # fmt: skip


def course(text: str, targets: int) -> tuple[Course, Schedule]:
    options = read([*text.split(), "x"])
    hosts = [Host(f"h{each}", f"127.0.0.{each}", f"h{each}") for each in range(targets)]
    schedule = Schedule(targets, Pace.of(options), 0)
    return Course(hosts, schedule, Report(options, 2), 1_700_000_000 * 10**9), schedule


def test_each_kind_of_news_is_told_and_counted() -> None:
    found, schedule = course("-i 0 -r0 -t 100", 4)
    turns = schedule.due(0, 9)
    lines = list(found.hear(turns, heard(
        {"rtt_ns": 5 * MS, "size_bytes": 56, "ttl": 60},
        {"kind": DUPLICATE, "rtt_ns": 6 * MS, "size_bytes": 56},
        {"kind": ICMP_ERROR, "target": 1, "icmp_type": 3, "icmp_code": 1, "sender": "127.0.9.9"},
        {"kind": UNSENT, "target": 2, "error": errno.ENETUNREACH},
    )))  # fmt: skip
    lines += found.expire(100 * MS)
    assert [line.text for line in lines] == [
        "h0 is alive",
        "h0 : duplicate for [0], 64 bytes, 6.00 ms",
        "ICMP Host Unreachable from 127.0.9.9 for ICMP Echo sent to h1",
        "h2: error while sending ping: Network is unreachable",
    ]
    assert [line.text for line in found.finish(1.0)] == [f"h{each} is unreachable" for each in (1, 2, 3)]
    totals = found.totals
    assert (totals.replies, totals.other, totals.timeouts, totals.all.received) == (2, 1, 2, 1)
    assert schedule.is_over


def test_that_the_prober_gave_a_request_up_is_no_news_as_the_schedule_decides() -> None:
    found, schedule = course("-r0 -t 100", 1)
    turns = schedule.due(0, 9)
    assert list(found.hear(turns, heard({"kind": TIMED_OUT}))) == [] and not schedule.is_over


def test_an_answer_that_counts_no_more_is_counted_and_not_told() -> None:
    found, schedule = course("-c 1 -t 100", 1)
    turns = schedule.due(0, 9)
    assert [line.text for line in found.expire(100 * MS)] == ["h0 : [0], timed out (NaN avg, 100% loss)"]
    assert list(found.hear(turns, heard({"rtt_ns": 101 * MS}))) == []
    assert found.totals.replies == 1 and not found.hosts[0].is_alive


def test_a_family_without_a_socket_has_a_reason_too() -> None:
    found, schedule = course("-r0", 1)
    lines = list(found.hear(schedule.due(0, 9), heard({"kind": UNSENT})))
    assert lines[0].text == "h0: error while sending ping: No socket of this family"


def test_times_of_day_come_of_the_monotonic_clock() -> None:
    found, schedule = course("-c 1 -D", 1)
    (line,) = found.hear(schedule.due(0, 9), heard({"rtt_ns": MS, "size_bytes": 56, "at_ns": 1_500 * MS}))
    assert line.text.startswith("[1700000001.50000] h0 : [0], 64 bytes, 1.00 ms")


def test_interim_sums_begin_anew() -> None:
    found, schedule = course("-l -Q 1 -p 10 -t 5", 1)
    found.hear(schedule.due(0, 9), heard())
    list(found.expire(5 * MS))
    assert [line.text for line in found.interim("00:00:01")][1] == "h0 : xmt/rcv/%loss = 1/0/100%"
    assert [line.text for line in found.interim("00:00:02")][1] == "h0 : xmt/rcv/%loss = 0/0/0%"


def test_a_name_that_is_not_found_is_told_and_counted() -> None:
    found, _ = course("", 0)
    (line,) = found.not_found("b.test", "Name or service not known")
    assert line.text == "b.test: Name or service not known" and line.is_error and found.totals.unknown == 1
