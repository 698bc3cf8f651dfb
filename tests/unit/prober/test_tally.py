"""The books of a ping: what becomes of a target whose probes had these fates."""

import pytest

from hoploom.prober.tally import Tally
from hoploom.wire.addresses import parse, texts
from hoploom.wire.batch import ANSWERED, FAILED, LOST, UNREACHABLE

ROUTER = parse("198.51.100.1")


def sent(targets: int, count: int) -> Tally:
    tally = Tally(targets, count)
    for probe in range(tally.probes):
        tally.send(probe, 1_000_000 + probe * 1_000)
    return tally


def test_replies_are_summed_up_by_target() -> None:
    tally = sent(2, 3)
    for probe, rtt_ns in ((0, 30_999), (2, 10_000), (4, 20_000), (3, 5_000)):
        assert tally.reply(probe, rtt_ns, 60 + probe)
    found = tally.columns(1_000_000, 5_000)
    assert found.received.tolist() == [3, 1] and found.sent.tolist() == [3, 3]
    assert [c.tolist() for c in (found.rtt_min_us, found.rtt_avg_us, found.rtt_max_us)] == [[10, 5], [20, 5], [30, 5]]
    assert found.at_us.tolist() == [0, 1] and found.started_at_us == 5
    assert found.reply_ttl.tolist() == [64, 63]


def test_waiting_falls_by_every_fate_once() -> None:
    tally = sent(4, 1)
    tally.reply(0, 1, 64)
    tally.reply(0, 1, 64)
    tally.refuse(1, 3, 1, ROUTER)
    tally.refuse(1, 3, 1, ROUTER)
    tally.fail(2)
    assert tally.waiting == 1
    tally.expire(0, 4)
    assert tally.waiting == 0
    assert tally.columns(0, 0).outcome.tolist() == [ANSWERED, UNREACHABLE, FAILED, LOST]


def test_a_second_reply_is_a_duplicate_and_changes_no_time() -> None:
    tally = sent(1, 1)
    assert tally.reply(0, 7_000, 64) and not tally.reply(0, 9_000, 64)
    found = tally.columns(0, 0)
    assert (found.received[0], found.duplicates[0], found.rtt_max_us[0]) == (1, 1, 7)


def test_a_reply_after_an_error_counts() -> None:
    tally = sent(1, 1)
    tally.refuse(0, 3, 1, ROUTER)
    assert tally.reply(0, 7_000, 64) and tally.waiting == 0
    found = tally.columns(0, 0)
    assert found.outcome[0] == ANSWERED and texts(found.icmp_from) == ["198.51.100.1"]


@pytest.mark.parametrize(("failed", "outcome"), [((0, 1), FAILED), ((0,), LOST)])
def test_a_target_failed_only_when_none_of_its_requests_left(failed: tuple[int, ...], outcome: int) -> None:
    tally = sent(1, 2)
    for probe in failed:
        tally.fail(probe)
    tally.expire(0, 2)
    found = tally.columns(0, 0)
    assert found.outcome[0] == outcome and found.sent[0] == 2 - len(failed)


def test_what_could_not_leave_yet_is_tried_again() -> None:
    tally = sent(1, 1)
    tally.unsend(0)
    assert tally.waiting == 0
    tally.send(0, 9)
    assert tally.waiting == 1 and tally.sent_ns(0) == 9


def test_no_targets_give_no_rows() -> None:
    assert len(Tally(0, 3).columns(0, 0)) == 0
