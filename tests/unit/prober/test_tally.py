"""The books of a ping: what becomes of a target whose probes had these fates."""

import numpy as np
import pytest
from numpy.typing import NDArray

from hoploom.prober.probes import PingColumns
from hoploom.prober.tally import Tally
from hoploom.wire.addresses import column, texts
from hoploom.wire.batch import ANSWERED, FAILED, LOST, UNREACHABLE

ROUTER = column(["198.51.100.1"])


def rows(*numbers: int) -> NDArray[np.int64]:
    return np.array(numbers, np.int64)


def small(*numbers: int) -> NDArray[np.int16]:
    return np.array(numbers, np.int16)


def begun(targets: int, count: int) -> Tally:
    tally = Tally(targets, count)
    tally.begin(0, 1_000_000 + np.arange(targets) * 1_000)
    return tally


def summed(tally: Tally) -> PingColumns:
    return tally.columns(tally.probes, 1_000_000, 5_000)


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "one by one"])
def test_replies_are_summed_up_by_target(at_once: bool) -> None:
    tally = begun(2, 3)
    of, rtts, ttls = rows(0, 0, 0, 1), rows(30_999, 10_000, 20_000, 5_000), small(60, 62, 64, 63)
    for some in [slice(None)] if at_once else [slice(row, row + 1) for row in range(4)]:
        tally.reply(of[some], rtts[some], ttls[some])
    found = summed(tally)
    assert found.received.tolist() == [3, 1] and found.sent.tolist() == [3, 3]
    assert [c.tolist() for c in (found.rtt_min_us, found.rtt_avg_us, found.rtt_max_us)] == [[10, 5], [20, 5], [30, 5]]
    assert found.at_us.tolist() == [0, 1] and found.started_at_us == 5
    assert found.reply_ttl.tolist() == [64, 63]


def test_one_request_a_target_is_summed_up_alike() -> None:
    tally = begun(3, 1)
    tally.reply(rows(2, 0), rows(7_000, 9_500), small(60, -1))
    found = summed(tally)
    for times in (found.rtt_min_us, found.rtt_avg_us, found.rtt_max_us):
        assert times.tolist() == [9, -1, 7] and times.dtype == np.int32
    assert found.outcome.tolist() == [ANSWERED, LOST, ANSWERED] and found.reply_ttl.tolist() == [-1, -1, 60]


def test_every_fate_has_its_outcome() -> None:
    tally = begun(4, 1)
    tally.reply(rows(0), rows(1), small(64))
    tally.refuse(rows(1), small(3), small(1), ROUTER)
    tally.fail(rows(2))
    found = summed(tally)
    assert found.outcome.tolist() == [ANSWERED, UNREACHABLE, FAILED, LOST]
    assert found.icmp_type.tolist() == [-1, 3, -1, -1] and found.icmp_code.tolist() == [-1, 1, -1, -1]
    assert texts(found.icmp_from) == ["", "198.51.100.1", "", ""]


def test_further_replies_are_counted_and_change_no_time() -> None:
    tally = begun(3, 1)
    tally.reply(rows(0), rows(7_000), small(64))
    tally.repeat(rows(0, 0, 2))
    tally.repeat(rows(0))
    tally.repeat(rows(2))
    found = summed(tally)
    assert (found.received.tolist(), found.duplicates.tolist(), found.rtt_max_us[0]) == ([1, 0, 0], [3, 0, 2], 7)


def test_a_flood_of_further_replies_stays_in_its_column() -> None:
    tally = begun(1, 1)
    for _ in range(3):
        tally.repeat(np.zeros(30_000, np.int64))
    assert summed(tally).duplicates.tolist() == [65_535]


def test_a_reply_beside_an_error_counts() -> None:
    tally = begun(1, 1)
    tally.refuse(rows(0), small(3), small(1), ROUTER)
    tally.reply(rows(0), rows(7_000), small(64))
    found = summed(tally)
    assert found.outcome[0] == ANSWERED and found.icmp_type[0] == 3 and texts(found.icmp_from) == ["198.51.100.1"]


@pytest.mark.parametrize(("failed", "outcome"), [(2, FAILED), (1, LOST)])
def test_a_target_failed_only_when_none_of_its_requests_left(failed: int, outcome: int) -> None:
    tally = begun(1, 2)
    for _ in range(failed):
        tally.fail(rows(0))
    found = summed(tally)
    assert found.outcome[0] == outcome and found.sent[0] == 2 - failed


def test_what_was_never_reached_was_not_sent() -> None:
    assert begun(3, 4).columns(7, 0, 0).sent.tolist() == [3, 2, 2]


def test_no_targets_give_no_rows() -> None:
    assert len(Tally(0, 3).columns(0, 0, 0)) == 0
