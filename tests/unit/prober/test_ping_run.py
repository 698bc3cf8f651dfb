"""A ping sends what is due, in order, and knows what is in flight; the clock is the test's own."""

import numpy as np
import pytest
from numpy.typing import NDArray

from hoploom.prober.ping_run import Before, Flight, PingRun
from hoploom.prober.probes import TIMED_OUT, UNSENT, Heard, ProbeSettings
from hoploom.wire.addresses import column

MS = 1_000_000
SECOND = 1_000 * MS


def begun(
    *targets: str, before: Before | None = None, told: list[Heard] | None = None, **settings: float | bool | None
) -> PingRun:
    wanted = ProbeSettings(**settings)  # type: ignore[arg-type]
    return PingRun(column(targets), wanted, 0, before or Before(), told.append if told is not None else None)


def send(run: PingRun, count: int, now_ns: int, slot: int = 0, errors: tuple[int, ...] = ()) -> None:
    """The next probes leave one after the other, a microsecond apart."""
    found = np.array(errors or (0,) * count, np.int16)
    run.sent(4, slot, found, now_ns + np.arange(count) * 1_000)


def ten(family: int = 4) -> list[str]:
    return [f"192.0.2.{n}" if family == 4 else f"2001:db8::{n}" for n in range(1, 11)]


def test_all_may_leave_where_nothing_bounds_them() -> None:
    assert begun(*ten()).due(0, 1_000) == 10 and begun(*ten()).due(0, 3) == 3


def test_a_rate_bounds_them() -> None:
    run = begun(*ten(), rate_pps=1_000)
    assert run.is_paced and run.due(0, 100) == 1
    send(run, 1, 0)
    assert run.due(MS // 2, 100) == 0 and abs(run.next_ns() - MS) < 10
    assert run.due(4 * MS, 100) == 4 and run.span_ns(200) == 200 * MS


def test_a_slice_is_of_one_family_and_one_round() -> None:
    run = begun("192.0.2.1", "192.0.2.2", "2001:db8::1", "192.0.2.3", count=2, interval_s=0)
    told = []
    for now_ns in range(0, 6 * MS, MS):
        family, probes, targets = run.upcoming(run.due(now_ns, 100))
        told.append((family, probes.tolist()))
        assert np.array_equal(targets.view(np.uint64), run.destinations(probes))
        send(run, len(probes), now_ns)
    assert not run.is_sending
    assert told == [(4, [0, 1]), (6, [2]), (4, [3]), (4, [4, 5]), (6, [6]), (4, [7])]


def test_requests_to_a_target_keep_their_interval() -> None:
    run = begun(*ten(), count=2, interval_s=1)
    send(run, 10, 0)
    assert run.due(SECOND - 1, 100) == 0 and run.next_ns() == SECOND
    assert run.due(SECOND + 10_000, 100) == 10


@pytest.mark.parametrize(
    ("first", "second", "may_follow"),
    [
        ("192.0.2.1", "192.0.2.200", False),
        ("192.0.2.1", "192.0.3.1", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("2001:db8:1::1", "2001:db8:2::1", True),
        ("8000::1", "8000:0:0:1::1", False),
        ("::c000:200", "::c000:300", False),
    ],
)
def test_a_network_is_a_24_or_a_48(first: str, second: str, may_follow: bool) -> None:
    run = begun(first, second, network_pps=10)
    assert run.due(0, 100) == (2 if may_follow else 1)


def test_the_cap_holds_over_successive_pings() -> None:
    before = Before()
    found = [
        begun("192.0.2.1", before=before, network_pps=10).due(now_ns, 1) for now_ns in (0, 99 * MS, 100 * MS, 150 * MS)
    ]
    assert found == [1, 0, 1, 0]
    assert begun("192.0.2.9", before=before, network_pps=10).next_ns() == 200 * MS


def test_the_rate_holds_over_successive_pings() -> None:
    before = Before()
    send(begun(*ten(), before=before, rate_pps=10), 1, 5 * SECOND)
    run = PingRun(column(ten()), ProbeSettings(rate_pps=10), 5 * SECOND, before)
    assert run.due(5 * SECOND + 99 * MS, 10) == 0 and run.due(5 * SECOND + 100 * MS, 10) == 1


def test_slices_of_a_moment_time_out_together() -> None:
    run = begun(*ten(), timeout_s=1)
    send(run, 3, 0, slot=7)
    send(run, 2, 3 * MS, slot=10)
    send(run, 2, 5 * MS, slot=12)
    send(run, 1, 5 * MS, slot=40)
    last_ns = 3 * MS + 1_000 + SECOND
    assert list(run.due_flights(last_ns - 1)) == []
    assert list(run.due_flights(last_ns)) == [Flight(4, 7, 5, 0, last_ns)]
    assert [(each.slot, each.size) for each in run.due_flights(2 * SECOND)] == [(12, 2), (40, 1)]


def test_what_could_not_leave_is_told_and_waits_for_nothing() -> None:
    told: list[Heard] = []
    run = begun(*ten(), told=told)
    send(run, 3, 0, errors=(0, 101, 0))
    assert run.waiting == 2 and run.next_probe == 3 and len(run.wheel) == 1
    ((news),) = told
    assert (news.kind.tolist(), news.target.tolist(), news.error.tolist()) == ([UNSENT], [1], [101])
    assert run.tally.columns(3, 0, 0).sent[:4].tolist() == [1, 0, 1, 0]


def test_targets_of_a_family_without_a_socket_fail_without_a_reason_of_the_systems() -> None:
    told: list[Heard] = []
    run = begun(*ten(6), told=told)
    run.sent(6, -1, np.full(10, 97, np.int16), np.zeros(10, np.int64))
    assert not run.wheel and not run.is_sending and not run.is_listening and run.reached == 10
    assert not told[0].error.any() and told[0].target.tolist() == list(range(10))


def test_the_lost_are_told_by_target_and_request() -> None:
    told: list[Heard] = []
    run = begun("192.0.2.1", "192.0.2.2", count=3, interval_s=0, told=told)
    for at in range(3):
        send(run, 2, at, slot=2 * at)
    lost: NDArray[np.int64] = np.array([1, 4])
    run.lose(lost, lost, 9)
    assert run.waiting == 4 and (told[0].target.tolist(), told[0].request.tolist()) == ([1, 0], [0, 2])
    assert set(told[0].kind.tolist()) == {TIMED_OUT} and told[0].at_ns.tolist() == [9, 9]


@pytest.mark.parametrize(("sent", "reached"), [(0, 0), (10, 0), (12, 2), (20, 10)])
def test_only_targets_with_all_their_requests_count_as_reached(sent: int, reached: int) -> None:
    run = begun(*ten(), count=2, interval_s=0)
    for at in range(0, sent, 2):
        send(run, 2, at, slot=at)
    assert run.reached == reached


@pytest.mark.parametrize("is_patient", [False, True])
def test_a_patient_ping_listens_while_anything_is_in_flight(is_patient: bool) -> None:
    run = begun("192.0.2.1", is_patient=is_patient)
    send(run, 1, 0)
    run.waiting = 0
    assert run.is_listening is is_patient
    assert len(list(run.due_flights(2 * SECOND))) == 1 and not run.is_listening


def test_no_targets_are_nothing_to_do() -> None:
    run = PingRun(np.empty((0, 16), np.uint8), ProbeSettings(), 0, Before())
    assert not run.is_sending and not run.is_listening and run.reached == 0
