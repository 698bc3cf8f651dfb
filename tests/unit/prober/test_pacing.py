"""Token bucket and network cap under a clock that the test turns."""

from itertools import pairwise

import pytest

from hoploom.prober.pacing import CATCH_UP_S, NS, NetworkCap, TokenBucket

MS = NS // 1000


def send_for(bucket: TokenBucket, seconds: float, step_ns: int, slice_: int = 64) -> int:
    """Packets that leave when the sender looks every `step_ns`."""
    sent = 0
    for now_ns in range(0, int(seconds * NS), step_ns):
        count = bucket.due(now_ns, slice_)
        bucket.spend(count)
        sent += count
    return sent


def test_no_rate_is_no_limit() -> None:
    bucket = TokenBucket(None, 0)
    bucket.spend(10**9)
    assert bucket.due(0, 128) == 128


@pytest.mark.parametrize("rate", [1, 7, 100, 1_000, 20_000, 60_000])
@pytest.mark.parametrize("step_ns", [MS, MS // 10])
def test_the_rate_is_kept_over_seconds(rate: int, step_ns: int) -> None:
    assert send_for(TokenBucket(rate, 0), 3, step_ns) == pytest.approx(3 * rate, abs=max(2, rate * 0.002))


def test_the_first_packet_leaves_at_once_and_the_second_a_gap_later() -> None:
    bucket = TokenBucket(100, 0)
    assert bucket.due(0, 64) == 1
    bucket.spend(1)
    assert bucket.due(10 * MS - 1, 64) == 0
    assert bucket.next_ns() == pytest.approx(10 * MS, abs=1)
    assert bucket.due(10 * MS, 64) == 1


@pytest.mark.parametrize(("last_ns", "due_ns"), [(None, 0), (-200 * MS, 0), (-30 * MS, 70 * MS)])
def test_a_new_bucket_keeps_its_distance_to_the_last_packet(last_ns: int | None, due_ns: int) -> None:
    bucket = TokenBucket(10, 0, last_ns)
    assert bucket.next_ns() == pytest.approx(due_ns, abs=1)
    assert bucket.due(due_ns, 64) == 1


def test_a_held_up_sender_makes_good_only_a_little() -> None:
    bucket = TokenBucket(1_000, 0)
    assert bucket.due(60 * NS, 10_000) <= 1_000 * CATCH_UP_S + 1


def test_a_clock_that_goes_back_sends_nothing_more() -> None:
    bucket = TokenBucket(1_000, 5 * NS)
    bucket.spend(bucket.due(5 * NS, 64))
    assert bucket.due(4 * NS, 64) == 0


def test_a_slow_rate_never_sends_two_at_once() -> None:
    bucket = TokenBucket(0.5, 0)
    assert bucket.due(100 * NS, 64) == 1


def test_networks_are_capped_each_for_itself() -> None:
    cap = NetworkCap(10)
    networks = [1, 2] * 50
    now_ns, left = 0, networks
    while left:
        left = left[cap.due(left, now_ns) :]
        now_ns += MS
    assert now_ns / NS == pytest.approx(50 / 10, rel=0.05)


def test_the_row_stops_at_the_first_that_may_not_leave() -> None:
    cap = NetworkCap(1)
    assert cap.due([1, 2, 1, 3], 0) == 2
    assert cap.next_ns(1) == pytest.approx(NS, rel=0.03)
    assert cap.next_ns(3) == 0


def test_no_cap_lets_all_leave() -> None:
    assert NetworkCap(None).due([1] * 500, 0) == 500


@pytest.mark.parametrize("rate", [0.5, 1, 30, 400])
def test_two_packets_to_one_network_are_never_closer_than_the_cap_says(rate: float) -> None:
    cap, sent_ns = NetworkCap(rate), []
    for now_ns in range(0, 5 * NS, MS):
        if cap.due([7], now_ns):
            sent_ns.append(now_ns)
    gaps = [after - before for before, after in pairwise(sent_ns)]
    assert gaps and min(gaps) >= int(NS / rate)


def test_a_new_cap_does_not_begin_on_the_heels_of_the_last() -> None:
    sent_ns: dict[int, int] = {}
    assert NetworkCap(1, sent_ns).due([7], 10 * NS) == 1
    assert NetworkCap(1, sent_ns).due([7], 10 * NS + MS) == 0
    assert NetworkCap(2, sent_ns).next_ns(7) == 10 * NS + NS // 2


def test_idle_networks_are_forgotten() -> None:
    sent_ns: dict[int, int] = {}
    cap = NetworkCap(1_000, sent_ns)
    for second in range(3):
        assert cap.due(range(second * 70_000, (second + 1) * 70_000), second * NS) == 70_000
    assert len(sent_ns) <= 2 * 70_000


def test_networks_that_still_wait_for_their_turn_are_not_forgotten() -> None:
    sent_ns: dict[int, int] = {}
    cap = NetworkCap(0.1, sent_ns)
    assert cap.due(range(70_000), 0) == 70_000
    assert cap.due([70_000, 0], NS) == 1
    assert len(sent_ns) == 70_001
