"""Every engine keeps to its pace: rates, intervals, caps, full queues, small buffers, turns of the event loop."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest

from hoploom.prober import socket_options
from hoploom.prober.interface import PingColumns, ProbeSettings
from hoploom.wire.addresses import column
from hoploom.wire.batch import ANSWERED, LOST
from lab.namespace import needs_root
from lab.probers import ENGINES, SILENT, SOON, Engine, block, ping, run
from meter import kept_waiting_s

# What is asked of the time may be off by the allowance of a rate.
pytestmark = [needs_root, pytest.mark.timed(0.02)]


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    return ENGINES[request.param]


def test_several_requests_keep_their_interval(engine: Engine) -> None:
    settings = ProbeSettings(count=3, interval_s=0.05, timeout_s=1)

    async def body() -> tuple[PingColumns, float]:
        with engine("") as prober:
            started = time.monotonic()
            return await prober.ping(block(200), settings), time.monotonic() - started

    found, elapsed = run(body)
    assert (found.sent == 3).all() and (found.received == 3).all() and not found.duplicates.any()
    assert (found.rtt_min_us <= found.rtt_avg_us).all() and (found.rtt_avg_us <= found.rtt_max_us).all()
    assert elapsed >= 0.1


def test_a_rate_is_kept_and_spread(engine: Engine) -> None:
    found, _ = ping(engine, block(300), ProbeSettings(rate_pps=1000))
    # The allowance of 20 ms is 20 packets; in any window no more than the rate and those may leave.
    assert found.at_us[-1] >= 270_000
    assert (found.at_us[101:] - found.at_us[:-101] >= 75_000).all()


@pytest.mark.parametrize("timeout_s", [0.02, 3.0])
def test_silent_targets_are_probed_at_the_rate_whatever_the_timeout(engine: Engine, timeout_s: float) -> None:
    async def body() -> tuple[PingColumns, float]:
        with engine("") as prober:
            before_s = kept_waiting_s()
            settings = ProbeSettings(rate_pps=10_000, timeout_s=timeout_s)
            return await prober.ping(block(5_000), settings), kept_waiting_s() - before_s

    found, waited_s = run(body, SILENT)
    took_us = int(found.at_us[-1] - found.at_us[0])
    # No faster but for the allowance of 20 ms; slower only by what this machine does besides.
    assert 499_900 - 20_000 <= took_us <= 650_000 + 1e6 * waited_s


def test_round_trip_times_are_true_at_a_high_rate(engine: Engine) -> None:
    # On loopback a reply is back within microseconds: what is told above that is the prober's own error. It reads every
    # 2 ms, so times that ended at the reading would be that long. Exact figures are a bench's: others run beside.
    found, _ = ping(engine, block(10_000), ProbeSettings(rate_pps=50_000, timeout_s=2))
    assert (found.outcome == ANSWERED).all()
    assert np.median(found.rtt_min_us) < 500


def test_unlimited_sending_never_overruns_a_small_buffer(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_options, "_RECEIVE_BUFFER_BYTES", 20_000)
    found, _ = ping(engine, block(5_000), ProbeSettings(timeout_s=1))
    assert (found.outcome == ANSWERED).all()


def test_what_finds_the_systems_queue_full_leaves_later(engine: Engine) -> None:
    slow = "tc qdisc add dev lo root tbf rate 40mbit burst 20kb limit 10mb"
    found, prober = ping(engine, block(2_000), ProbeSettings(timeout_s=0.1, size_bytes=500), SILENT, slow)
    assert (found.sent == 1).all() and prober.statistics.sent == 2_000 and prober.statistics.send_errors == 0
    assert found.at_us[-1] - found.at_us[0] > 100_000, "the queue was not in their way"


def test_a_network_gets_no_more_than_its_cap(engine: Engine) -> None:
    targets = column([f"127.5.{network}.{host}" for host in range(10) for network in (0, 1)])
    found, _ = ping(engine, targets, ProbeSettings(network_pps=100))
    assert (found.outcome == ANSWERED).all()
    assert found.at_us[-1] >= 60_000


def test_cancelling_stops_the_sending_at_once(engine: Engine) -> None:
    async def body() -> tuple[int, int]:
        with engine("") as prober:
            task = asyncio.ensure_future(prober.ping(block(200_000), SOON))
            while prober.statistics.sent < 500:  # noqa: ASYNC110 - the prober counts, it does not tell
                await asyncio.sleep(0)
            task.cancel()
            at_cancel = prober.statistics.sent
            with pytest.raises(asyncio.CancelledError):
                await task
            again = await prober.ping(block(10), SOON)
            assert (again.outcome == ANSWERED).all()
            return at_cancel, prober.statistics.sent

    at_cancel, at_end = run(body)
    assert at_end == at_cancel + 10


@pytest.mark.parametrize("count", [1, 2])
def test_a_ping_that_is_stopped_tells_of_all_that_it_has_finished(engine: Engine, count: int) -> None:
    async def body() -> tuple[PingColumns, int]:
        with engine("") as prober:
            enough = 500 + (count - 1) * 1000
            settings = ProbeSettings(timeout_s=0.2, count=count, interval_s=0, rate_pps=20_000)
            found = await prober.ping(block(1000), settings, lambda: prober.statistics.sent >= enough)
            return found, prober.statistics.sent

    found, sent = run(body)
    assert 500 <= len(found) == sent - (count - 1) * 1000 < 1000
    assert (found.outcome == ANSWERED).all() and (found.sent == count).all()


def test_a_ping_that_waits_for_its_turn_is_stopped_soon(engine: Engine) -> None:
    async def body() -> tuple[int, float]:
        with engine("") as prober:
            started = time.monotonic()
            settings = ProbeSettings(timeout_s=0.1, rate_pps=0.01)
            found = await prober.ping(block(5), settings, lambda: time.monotonic() - started > 0.1)
            return len(found), time.monotonic() - started

    found, elapsed = run(body)
    assert found == 1 and elapsed < 1


def test_the_cap_of_a_network_holds_over_successive_pings(engine: Engine) -> None:
    async def body() -> float:
        with engine("") as prober:
            started = time.monotonic()
            for _ in range(4):
                await prober.ping(block(1), ProbeSettings(network_pps=10))
            return time.monotonic() - started

    assert run(body) >= 0.3


def test_the_event_loop_turns_while_packets_leave(engine: Engine) -> None:
    async def body() -> int:
        turns = 0
        with engine("") as prober:
            task = asyncio.ensure_future(prober.ping(block(8192), SOON))
            while not task.done():
                turns += 1
                await asyncio.sleep(0)
        return turns

    assert run(body) >= 8192 // 1024


def test_pings_at_the_same_time_do_not_mix(engine: Engine) -> None:
    async def body() -> list[PingColumns]:
        with engine("") as prober:
            blocks = [block(500, 0x7F050000 + (number << 16)) for number in range(4)]
            return await asyncio.gather(*(prober.ping(each, SOON) for each in blocks))

    for found in run(body):
        assert (found.outcome == ANSWERED).all() and not found.duplicates.any()


@pytest.mark.parametrize("name", ["linux raw", "portable raw"])
def test_more_than_65536_may_be_in_flight(name: str) -> None:
    settings = ProbeSettings(timeout_s=6, size_bytes=16, rate_pps=50_000)
    found, prober = ping(ENGINES[name], block(70_000), settings, SILENT)
    assert (found.outcome == LOST).all() and prober.statistics.sent == 70_000
    assert found.at_us[-1] < 6_000_000, "the last one waited for a slot of the first"


@pytest.mark.parametrize("name", ["linux datagram", "portable datagram"])
def test_with_one_identifier_the_sender_waits_for_slots(name: str) -> None:
    targets = block(66_000)
    found, _ = ping(ENGINES[name], targets, ProbeSettings(timeout_s=2, size_bytes=16, rate_pps=60_000), SILENT)
    assert (found.outcome == LOST).all() and (found.sent == 1).all()
    assert found.at_us[65_536] - found.at_us[0] >= 2_000_000
