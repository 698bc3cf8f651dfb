"""The machine of a trace: many paths, every setting, whatever comes late or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from hoploom.prober.stop_set import StopSet
from hoploom.prober.tracing import Tracing
from hoploom.wire.addresses import column, parse, texts
from lab.trace_world import Arrival, Drive, Reply, answers
from unit.prober.paths import MS, PLAIN, UNREACHABLE, Path, hops, path_of, routers, trace, world

THRIFTY = replace(PLAIN, flows=1)


def test_every_hop_says_what_its_answer_said() -> None:
    _, found = trace(Path(routers(2), says=(3, 3), is_quoting=True))
    assert found.hop_rtt_us.tolist() == [20_000, 20_000, 30_000]
    assert found.hop_icmp_type.tolist() == [11, 11, 3]
    assert found.hop_icmp_code.tolist() == [0, 0, 3]
    assert found.hop_reply_ttl.tolist() == [255, 254, 62]
    assert found.hop_quoted_ttl.tolist() == [1, 1, 1]
    assert found.at_us.tolist() == [0] and (found.hop_at_us >= 500_000).all(), "the first lap measured"


def test_a_silent_hop_says_nothing_but_when_it_was_probed() -> None:
    _, found = trace(Path(["10.0.0.1", "", "10.0.0.3"]))
    assert not found.hop_address[1].any()
    columns = (found.hop_rtt_us, found.hop_reply_ttl, found.hop_quoted_ttl, found.hop_icmp_type, found.hop_icmp_code)
    assert [each[1] for each in columns] == [-1] * 5
    assert found.hop_at_us[1] > 0


def test_paths_that_share_a_beginning_show_it_once() -> None:
    shared = routers(8)
    paths = [Path([*shared, f"10.9.{row}.1"], f"192.0.{row}.9") for row in range(30)]
    drive, found = trace(*paths, asked=replace(THRIFTY, rate_pps=50.0))
    assert np.count_nonzero(found.joined_ttl) == 29
    whole = int(found.joined_ttl.argmin())
    assert hops(found, whole) == path_of(*paths[whole].routers, paths[whole].target)
    other = 1 if whole == 0 else 0
    assert hops(found, other) == [(8, "10.0.0.8"), (9, f"10.9.{other}.1"), (10, f"192.0.{other}.9")]
    assert found.joined_ttl[other] == 8
    assert len(drive.sent) <= 30 * 4 + 8


def test_whole_paths_are_probed_to_the_first_hop_whatever_is_known() -> None:
    paths = [Path(routers(4), f"192.0.{row}.9") for row in range(5)]
    _, found = trace(*paths, asked=replace(PLAIN, is_whole=True))
    assert not found.joined_ttl.any()
    assert [hops(found, row) for row in range(5)] == [path_of(*routers(4), f"192.0.{row}.9") for row in range(5)]


def test_a_later_trace_joins_what_an_earlier_one_has_shown() -> None:
    known = StopSet()
    trace(Path(routers(6)), known=known)
    assert len(known) == 6
    drive, found = trace(Path([*routers(5), "10.0.7.7"], "192.0.7.7"), asked=THRIFTY, known=known)
    assert hops(found) == [(5, "10.0.0.5"), (6, "10.0.7.7"), (7, "192.0.7.7")]
    assert found.joined_ttl[0] == 5 and len(drive.sent) == 4


@pytest.mark.parametrize("flows", [1, 2, 5])
def test_so_many_paths_go_beyond_a_known_interface_before_others_end_there(flows: int) -> None:
    # A balancer sends every other target another way to the third hop.
    paths = [Path(["10.0.0.1", f"10.0.1.{row % 2}", "10.0.0.3"], f"192.0.{row}.9") for row in range(40)]
    _, found = trace(*paths, asked=replace(PLAIN, rate_pps=20.0, flows=flows))
    branches = texts(found.hop_address[found.hop_ttl == 2])
    assert len(branches) == flows and np.count_nonzero(found.joined_ttl == 3) == 40 - flows
    assert len(set(branches)) == (2 if flows > 2 else 1)


def test_what_refuses_is_not_known_to_others_by_its_refusal() -> None:
    known = StopSet()
    trace(Path(routers(6), says=UNREACHABLE, by="10.7.7.7", is_quoting=True), known=known)
    assert len(known) == 6


def test_what_forward_probing_shows_stops_nobody_while_its_path_is_under_way() -> None:
    # Each meets the other's last router by forward probing first: were that enough to stop, 3 and 4 stayed unseen.
    ways = [[*routers(14), "10.1.0.1", "10.1.0.2", "10.2.0.1"], [*routers(14), "10.2.0.1", "10.2.0.2", "10.1.0.1"]]
    _, found = trace(*(Path(way, f"192.0.{row}.9", says=None) for row, way in enumerate(ways)))
    seen = {address for row in range(2) for _, address in hops(found, row)}
    assert seen >= {*ways[0], *ways[1]}


def test_probing_begins_at_the_first_ttl_asked_for() -> None:
    drive, found = trace(Path(routers(6)), asked=replace(PLAIN, first_ttl=4))
    assert hops(found) == [(4, "10.0.0.4"), (5, "10.0.0.5"), (6, "10.0.0.6"), (7, "192.0.2.9")]
    assert found.joined_ttl[0] == 0 and min(ttl for _, ttl in drive.sent) == 4


@pytest.mark.parametrize(
    ("attempts", "losses", "probes"), [(1, 1, 2), (1, 2, 2), (2, 1, 2), (2, 2, 3), (2, 3, 3), (4, 4, 5)]
)
def test_a_hop_between_others_gets_the_attempts_asked_for_and_one_more(
    attempts: int, losses: int, probes: int
) -> None:
    def some_lost(_target: int, ttl: int, time: int) -> bool:
        return ttl == 3 and time <= losses

    drive, found = trace(Path(routers(5)), asked=replace(PLAIN, attempts=attempts), loses=some_lost)
    seen = "10.0.0.3" if losses < probes else ""
    assert hops(found) == path_of("10.0.0.1", "10.0.0.2", seen, "10.0.0.4", "10.0.0.5", "192.0.2.9")
    assert drive.sent.count((0, 3)) == probes and len(drive.sent) == 6 + probes


def test_many_silent_hops_between_others_are_no_lost_packets() -> None:
    drive, found = trace(Path(["10.0.0.1", "", "", "", "10.0.0.5"]))
    assert hops(found) == path_of("10.0.0.1", "", "", "", "10.0.0.5", "192.0.2.9") and len(drive.sent) == 7


def test_silence_before_the_first_and_behind_the_last_answer_is_not_probed_once_more() -> None:
    drive, found = trace(Path(["", "10.0.0.2", "10.0.0.3"], says=None))
    assert hops(found) == path_of("", "10.0.0.2", "10.0.0.3")
    assert len(set(drive.sent)) == len(drive.sent)


def test_another_attempt_goes_on_where_the_gap_was_made_of_losses() -> None:
    def burst(_target: int, ttl: int, time: int) -> bool:
        return 16 <= ttl <= 20 and time == 1

    assert len(hops(trace(Path(routers(24), says=None), loses=burst)[1])) == 15
    _, found = trace(Path(routers(24), says=None), asked=replace(PLAIN, attempts=2), loses=burst)
    assert hops(found) == path_of(*routers(24))


def test_nothing_at_all_is_over_at_once() -> None:
    machine = Tracing(column([]), PLAIN, StopSet(), seed=0, now_ns=0)
    assert machine.is_over and not len(machine.visit(0, 10).target)


def test_a_probe_that_cannot_be_sent_ends_its_path() -> None:
    machine = Tracing(column(["192.0.2.9"]), PLAIN, StopSet(), seed=0, now_ns=0)
    probes = machine.visit(0, 10)
    machine.failed(probes.target, probes.ttl, np.array([77]))
    assert not len(machine.visit(600 * MS, 10).target)
    machine.visit(1200 * MS, 10)
    assert machine.is_over and not machine.paths.sent[0]


def said(target: int, ttl: int, reply: Reply) -> Arrival:
    return Arrival(10 * MS, 0, target, ttl, 0, reply)


def test_labels_stay_with_the_hop_that_quoted_them() -> None:
    labelled = Path(routers(3)).reply(2)
    assert labelled is not None
    plain = world(Path(routers(3)))

    def ask(targets: NDArray[np.int32], ttls: NDArray[np.uint8]) -> list[Sequence[Reply]]:
        told = plain(targets, ttls)
        return [
            [each._replace(labels=(0x12340100 + int(ttl), 7)) for each in replies] if ttl in (2, 3) else replies
            for ttl, replies in zip(ttls, told, strict=True)
        ]

    found = Drive(column(["192.0.2.9"]), PLAIN, ask).run()
    assert [texts(found.hop_address)[row] for row in found.mpls_hop] == ["10.0.0.2"] * 2 + ["10.0.0.3"] * 2
    assert found.mpls_entry.tolist() == [0x12340102, 7, 0x12340103, 7]


def test_late_repeated_and_foreign_answers_change_a_counter_and_nothing_else() -> None:
    drive, found = trace(Path(routers(3)))
    machine, before = drive.tracing, hops(found)
    stranger = Reply(0, parse("10.66.0.1"), 11, 0)
    machine.answered(answers([said(0, 2, stranger), said(0, 2, stranger), said(0, 30, stranger), said(0, 4, stranger)]))
    machine.lost(np.array([0, 0], np.int32), np.array([1, 9], np.uint8), np.array([0, 0]))
    assert machine.ignored == 4 and machine.in_flight == 0
    assert len(machine.log.answers.rows) == len(before) + 1 and not len(machine.log.silences.rows)


def test_a_target_has_two_turns_never_within_the_interval_and_each_brings_one_probe_a_direction() -> None:
    machine = Tracing(column(["192.0.2.9"]), replace(PLAIN, interval_s=0.2), StopSet(), seed=0, now_ns=0)
    times: list[tuple[int, list[int]]] = []
    for now_ms in range(0, 4_000, 7):
        ttls = machine.visit(now_ms * MS, 100).ttl.tolist()
        if ttls:
            times.append((now_ms, ttls))
    assert all(later - sooner >= 200 for (sooner, _), (later, _) in pairwise(times))
    assert times[0] == (0, [32]) and times[1][1] == [15]
    assert all(len(ttls) <= 2 for _, ttls in times)


def test_when_every_distance_is_known_nothing_is_waited_for() -> None:
    machine = Tracing(column(["192.0.2.9"]), PLAIN, StopSet(), seed=0, now_ns=0)
    machine.visit(0, 1)
    assert machine.next_ns() == 500 * MS
    machine.answered(answers([said(0, 32, Reply(0, parse("192.0.2.9"), 0, 0))]))
    assert machine.next_ns() == 0 and not len(machine.visit(30 * MS, 9).target)
    assert machine.next_ns() == 501 * MS


def test_after_a_lap_the_next_turn_is_an_interval_away() -> None:
    machine = Tracing(column(["192.0.2.9"]), replace(PLAIN, interval_s=0.1), StopSet(), seed=0, now_ns=0)
    machine.visit(0, 1)
    turn_ns = 600 * MS
    assert len(machine.visit(turn_ns, 1).target)
    assert machine.next_ns() == turn_ns + 101 * MS


def test_an_unanswered_machine_says_when_to_come_back() -> None:
    machine = Tracing(column(["192.0.2.9"]), PLAIN, StopSet(), seed=0, now_ns=0)
    machine.visit(0, 10)
    assert not len(machine.visit(machine.next_ns() - 1, 10).target)
    assert not len(machine.visit(machine.next_ns(), 10).target), "distances are known now, but no turn is due"
    assert not len(machine.visit(machine.next_ns() - 1, 10).target)
    assert len(machine.visit(machine.next_ns(), 10).target)
