"""One trace under way: rate, cap of networks, families, and what is told of its probes by their numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from hoploom.prober.pacing import NS
from hoploom.prober.ping_run import Before
from hoploom.prober.stop_set import StopSet
from hoploom.prober.trace_run import Started, TraceRun, number_of, ttls
from hoploom.prober.traces import FAILED, GAP, STOPPED, TraceSettings
from hoploom.wire.addresses import column

MS = NS // 1000
START = Started(5 * NS, 1_700_000_000 * NS)
QUICK = TraceSettings(interval_s=0.01, timeout_s=0.05, max_ttl=20)
Sent = tuple[int, int, int, int]


def run_of(*targets: str, asked: TraceSettings = QUICK, before: Before | None = None) -> TraceRun:
    return TraceRun(column(targets), asked, StopSet(), START, before or Before())


def send_all(run: TraceRun, *, fails: bool = False, most: int = 64) -> list[Sent]:
    """Time, family, target and TTL of each probe, where nothing ever answers."""
    now_ns, sent, slots = START.monotonic_ns, list[Sent](), np.zeros(0, np.int64)
    while run.is_sending:
        for flight in list(run.due_flights(now_ns)):
            numbers = slots[flight.slot : flight.slot + flight.size]
            run.lose(numbers, np.full(len(numbers), flight.sent_ns), now_ns)
        count = run.due(now_ns, most)
        family, probes, _ = run.upcoming(count)
        sent += [(now_ns, family, int(each) >> 6, int(ttl)) for each, ttl in zip(probes, ttls(probes), strict=True)]
        errors = np.full(count, 13 if fails else 0, np.int16)
        run.sent(family, -1 if fails else len(slots), errors, np.full(count, now_ns))
        slots = np.append(slots, probes)
        now_ns += MS
    return sent


def test_a_number_says_target_and_ttl() -> None:
    targets, hops = np.array([0, 5, 2**30], np.int32), np.array([1, 64, 32], np.uint8)
    numbers = number_of(targets, hops)
    assert (numbers >> 6).tolist() == targets.tolist() and ttls(numbers).tolist() == hops.tolist()
    run = run_of("192.0.2.1", "2001:db8::1")
    gone = run.destinations(number_of(np.array([1, 0]), np.array([3, 4], np.uint8)))
    assert gone.view(np.uint8).tolist() == column(["2001:db8::1", "192.0.2.1"]).tolist()


def test_silence_everywhere_ends_with_every_probe_lost() -> None:
    run = run_of("192.0.2.1", "2001:db8::1", "192.0.2.2")
    sent = send_all(run)
    found = run.columns()
    assert found.outcome.tolist() == [GAP] * 3 and not len(found.hop_ttl)
    # One with the largest TTL, all before the split, and as many behind as the gap has.
    assert found.sent.tolist() == [16 + 4] * 3 == list(Counter(target for _, _, target, _ in sent).values())
    assert {(target, family) for _, family, target, _ in sent} == {(0, 4), (1, 6), (2, 4)}
    assert not run.waiting and found.started_monotonic_us == 5_000_000 and found.at_us.max() <= 1000


@pytest.mark.parametrize("rate", [100.0, 1_000.0])
def test_the_rate_is_kept(rate: float) -> None:
    before = Before()
    sent = send_all(run_of(*(f"192.0.2.{n}" for n in range(40)), asked=replace(QUICK, rate_pps=rate), before=before))
    times_s = np.array([each[0] for each in sent]) / NS
    most = (np.searchsorted(times_s, times_s + 0.5) - np.arange(len(times_s))).max()
    assert most <= rate * 0.5 + rate * 0.02 + 2
    assert before.last_ns == sent[-1][0]


def test_a_run_keeps_its_distance_to_what_was_sent_before() -> None:
    before = Before(last_ns=START.monotonic_ns - 100 * MS)
    run = run_of("192.0.2.1", asked=replace(QUICK, rate_pps=2.0), before=before)
    assert run.due(START.monotonic_ns, 64) == 0
    assert run.next_ns() == pytest.approx(START.monotonic_ns + 400 * MS, abs=2)


def test_each_network_has_its_cap_and_others_pass_those_that_wait() -> None:
    targets = [*(f"192.0.2.{n}" for n in range(6)), "198.51.100.1", "2001:db8::1", "2001:db8::2", "2001:db9::1"]
    networks = [0] * 6 + [1, 2, 2, 3]
    sent = send_all(run_of(*targets, asked=replace(QUICK, network_pps=20.0)))
    ends_s = []
    for network in range(4):
        times_ms = [at_ns // MS for at_ns, _, target, _ in sent if networks[target] == network]
        assert np.diff(times_ms).min() >= 50
        ends_s.append(times_ms[-1] / 1000)
    assert ends_s[1] - 5 < 2 < ends_s[0] - 5, "the network of one target did not wait for that of six"


def test_what_cannot_be_sent_ends_its_path() -> None:
    run = run_of("192.0.2.1", "2001:db8::1")
    assert len(send_all(run, fails=True)) == 2
    assert run.columns().outcome.tolist() == [FAILED, FAILED] and not run.wheel


def test_what_is_left_unsent_is_sent_next() -> None:
    run = run_of("192.0.2.1", "192.0.2.2", "192.0.2.3")
    assert run.due(START.monotonic_ns, 64) == 3
    _, probes, _ = run.upcoming(3)
    run.sent(4, 0, np.zeros(1, np.int16), np.full(1, START.monotonic_ns))
    assert run.waiting == 1 and run.due(START.monotonic_ns, 64) == 2
    assert run.upcoming(2)[1].tolist() == probes[1:].tolist()


def test_the_other_family_waits_for_no_interval() -> None:
    run, now_ns = run_of("192.0.2.1", "2001:db8::1"), START.monotonic_ns
    families = []
    while run.due(now_ns, 64):
        assert run.next_ns() <= now_ns + 1
        family, _, _ = run.upcoming(1)
        families.append(family)
        run.sent(family, len(families) - 1, np.zeros(1, np.int16), np.full(1, now_ns))
    assert sorted(families) == [4, 6]
    assert run.next_ns() > now_ns


@pytest.mark.parametrize(("tells_unfinished", "outcomes"), [(False, []), (True, [STOPPED, STOPPED])])
def test_what_was_stopped_is_told_where_that_is_asked_for(tells_unfinished: bool, outcomes: list[int]) -> None:
    run = run_of("192.0.2.1", "192.0.2.2", asked=replace(QUICK, tells_unfinished=tells_unfinished))
    count = run.due(START.monotonic_ns, 64)
    run.sent(4, 0, np.zeros(count, np.int16), np.full(count, START.monotonic_ns))
    found = run.columns()
    assert found.outcome.tolist() == outcomes and found.sent.tolist() == [1] * len(outcomes)
