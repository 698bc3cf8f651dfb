"""The lease machine under any interleaving of requests, acknowledgements, losses and repetitions."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from hoploom.input_service.group_record import FamilyProgress, GroupRecord, Held
from hoploom.input_service.leases import (
    GRACE_S,
    MAX_DONE_RANGES,
    MAX_HELD,
    MIN_TTL_S,
    Ask,
    Expired,
    complete,
    expire,
    grant,
    lease_size,
    lease_ttl_s,
)
from hoploom.kit.errors import Forbidden, NotFound
from hoploom.targets.ranges import count, intersect, merge, subtract
from hoploom.wire.campaign import Probe
from hoploom.wire.lease import MAX_LEASE, MAX_TTL_S, LeaseId


def record_of(sizes: dict[int, int]) -> GroupRecord:
    families = {family: FamilyProgress(size=size) for family, size in sizes.items()}
    return GroupRecord(campaign="demo", round=0, group="all", families=families)


def ask(number: int, *, families: tuple[int, ...] = (4,), rate_pps: int = 10, worker: str = "w1") -> Ask:
    return Ask(
        request_id=f"r{number}",
        worker=worker,
        families=families,
        rate_pps=rate_pps,
        probe=Probe(),
        nonce=f"{number:016x}",
        at_us=number,
    )


def take(record: GroupRecord, number: int, **wishes: object) -> tuple[GroupRecord, Held]:
    record, held = grant(record, ask(number, **wishes), {})  # type: ignore[arg-type]
    assert held is not None
    return record, held


def test_leases_follow_each_other_without_gap_and_overlap() -> None:
    record = record_of({4: 1000})
    found = []
    for number in range(4):
        record, held = take(record, number)
        found.append((held.start, held.stop))
    assert found == [(0, 256), (256, 512), (512, 768), (768, 1000)]
    assert grant(record, ask(9), {})[1] is None
    assert (record.handed_out, record.outstanding, record.done, record.finished) == (1000, 1000, 0, False)


def test_the_same_request_gets_the_same_lease_and_changes_nothing() -> None:
    record, held = take(record_of({4: 1000}), 1)
    again, same = grant(record, replace(ask(1), nonce="f" * 16), {})
    assert same == held and again is record


def test_the_same_request_id_of_another_worker_is_another_request() -> None:
    record, held = take(record_of({4: 1000}), 1)
    _, other = grant(record, replace(ask(1, worker="w2"), nonce="f" * 16), {})
    assert other is not None and other.start == held.stop


def test_a_lost_lease_is_handed_out_again_before_anything_new() -> None:
    record, lost = take(record_of({4: 10_000}), 1)
    record, kept = take(record, 2)
    record, again = grant(record, ask(3, worker="w2"), {lost.nonce: lost.ttl_s + GRACE_S + 0.1})
    assert again is not None and (again.start, again.stop) == (lost.start, lost.stop)
    assert record.reissued == lost.stop - lost.start and kept in record.held


def test_a_lease_lives_until_its_time_and_grace_are_over() -> None:
    record, held = take(record_of({4: 10_000}), 1)
    assert expire(record, {held.nonce: held.ttl_s + GRACE_S}) is record
    assert expire(record, {}) is record
    assert not expire(record, {held.nonce: held.ttl_s + GRACE_S + 0.1}).held


def test_acknowledging_twice_changes_nothing_and_the_last_one_finishes() -> None:
    record, held = take(record_of({4: 100}), 1)
    done = complete(record, record.lease_id(held), "w1", 7)
    assert done.finished and done.done == 100 and not done.held and done.changed_at_us == 7
    assert complete(done, record.lease_id(held), "w1") is done


def test_another_worker_may_not_acknowledge() -> None:
    record, held = take(record_of({4: 100}), 1)
    with pytest.raises(Forbidden):
        complete(record, record.lease_id(held), "w2")


def test_a_lease_that_ended_is_gone_until_its_range_is_done_by_another() -> None:
    record, held = take(record_of({4: 100}), 1)
    late = record.lease_id(held)
    record = expire(record, {held.nonce: 1e6})
    with pytest.raises(Expired) as refusal:
        complete(record, late, "w1")
    assert refusal.value.status == 410
    record, again = take(record, 2, worker="w2")
    with pytest.raises(Expired):
        complete(record, late, "w1")
    record = complete(record, record.lease_id(again), "w2")
    assert complete(record, late, "w1") is record


@pytest.mark.parametrize(
    "change",
    [{"family": 6}, {"stop": 101}, {"stop": 0}, {"start": 100, "stop": 300}],
    ids=["a family without targets", "beyond the frontier", "empty", "never handed out"],
)
def test_a_lease_that_cannot_have_been_is_unknown(change: dict[str, int]) -> None:
    record, held = take(record_of({4: 100}), 1)
    with pytest.raises(NotFound):
        complete(record, replace(record.lease_id(held), **change), "w1")  # type: ignore[arg-type]


def test_a_worker_of_one_family_cannot_finish_the_other() -> None:
    record, first = take(record_of({4: 100, 6: 50}), 1)
    record = complete(record, record.lease_id(first), "w1")
    assert grant(record, ask(2), {})[1] is None and not record.finished
    record, other = take(record, 3, families=(4, 6))
    assert (other.family, other.start, other.stop) == (6, 0, 50)
    assert complete(record, record.lease_id(other), "w1").finished


def test_at_most_64_leases_are_out() -> None:
    record = record_of({4: 10**9})
    for number in range(MAX_HELD):
        record, _ = take(record, number)
    assert grant(record, ask(999), {})[1] is None


@pytest.mark.parametrize(
    ("wishes", "left", "size"),
    [
        ({"rate_pps": 100}, 10**9, 3000),
        ({"rate_pps": 100, "probe": Probe(count=3)}, 10**9, 1000),
        ({"rate_pps": 1}, 10**9, 256),
        ({"rate_pps": 1, "probe": Probe(count=16)}, 10**9, 56),
        ({"rate_pps": 10**7}, 10**9, MAX_LEASE),
        ({"rate_pps": 0}, 10**9, MAX_LEASE),
        ({"rate_pps": 0}, 4096, 1024),
        ({"rate_pps": 0, "limit": 10}, 4096, 10),
    ],
)
def test_a_lease_is_half_a_minute_of_work_within_bounds(wishes: dict[str, object], left: int, size: int) -> None:
    assert lease_size(replace(ask(1), **wishes), left) == size  # type: ignore[arg-type]


@given(rate=st.integers(0, 10**7), count_=st.integers(1, 16), left=st.integers(1, 2**40))
def test_every_lease_can_be_worked_off_within_its_time(rate: int, count_: int, left: int) -> None:
    wish = replace(ask(1), rate_pps=rate, probe=Probe(count=count_))
    size = lease_size(wish, left)
    ttl_s = lease_ttl_s(wish, size)
    assert 1 <= size <= MAX_LEASE and MIN_TTL_S <= ttl_s <= MAX_TTL_S
    assert not rate or size == 1 or size * count_ / rate <= ttl_s


class Interleavings(RuleBasedStateMachine):
    """Any order of events; the model is the plain set of positions that were really worked off."""

    leases = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.record = record_of({4: 3000, 6: 900})
        self.number = 0
        self.really_done: dict[int, set[int]] = {4: set(), 6: set()}

    @rule(
        target=leases,
        families=st.sampled_from([(4,), (6,), (4, 6)]),
        limit=st.integers(1, 400),
        worker=st.sampled_from(["a", "b"]),
    )
    def request(self, families: tuple[int, ...], limit: int, worker: str) -> tuple[LeaseId, str] | None:
        self.number += 1
        wish = replace(ask(self.number, families=families, rate_pps=0, worker=worker), limit=limit)
        self.record, held = grant(self.record, wish, {})
        if held is None:
            return None
        same, again = grant(self.record, wish, {})
        assert again == held and same is self.record
        return self.record.lease_id(held), worker

    @rule(lease=leases)
    def acknowledge(self, lease: tuple[LeaseId, str] | None) -> None:
        if lease is None:
            return
        was_held = any(self.record.lease_id(each) == lease[0] for each in self.record.held)
        span = set(range(lease[0].start, lease[0].stop))
        try:
            self.record = complete(self.record, *lease)
        except Expired:
            assert not was_held and not span <= self.really_done[lease[0].family]
            return
        self.really_done[lease[0].family] |= span

    @rule(lease=leases)
    def lose(self, lease: tuple[LeaseId, str] | None) -> None:
        if lease is not None:
            self.record = expire(self.record, {lease[0].nonce: 1e6})

    @invariant()
    def every_position_is_in_exactly_one_place(self) -> None:
        for family, progress in self.record.families.items():
            held = [(each.start, each.stop - 1) for each in self.record.held if each.family == family]
            assert count(merge(held)) == count(held), "two leases overlap"
            assert not intersect(merge(held), progress.done), "a lease covers what is done"
            assert not subtract([*progress.done], [(0, progress.frontier - 1)] if progress.frontier else [])
            assert count(progress.done) == len(self.really_done[family])
            assert set().union(*(range(a, b + 1) for a, b in progress.done)) == self.really_done[family]

    @invariant()
    def the_record_survives_storage(self) -> None:
        assert GroupRecord.from_bytes(self.record.to_bytes()) == self.record

    def teardown(self) -> None:
        """Whatever happened, one more worker finishes everything."""
        self.record = expire(self.record, {each.nonce: 1e6 for each in self.record.held})
        for number in range(10_000, 10_000 + 4000):
            self.record, held = grant(self.record, ask(number, families=(4, 6), rate_pps=0), {})
            if held is None:
                break
            self.record = complete(self.record, self.record.lease_id(held), "w1")
        assert self.record.finished and self.record.done == 3900


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


def test_the_record_stays_under_64_kb_and_makes_progress_in_the_worst_fragmentation() -> None:
    record, number = record_of({4: 2**40, 6: 2**40}), 0
    worker = "w" * 63
    for _ in range(60):
        for family in (4, 6):
            fresh: list[Held] = []
            while True:
                number += 1
                wish = replace(ask(number, families=(family,), worker=worker), request_id=f"{number:063}")
                record, held = grant(record, wish, {})
                if held is None:
                    break
                fresh.append(held)
            for held in fresh[1::2]:
                record = complete(record, record.lease_id(held), worker)
            record = expire(record, {each.nonce: 1e6 for each in fresh[::4]})
            assert all(len(each.done) <= MAX_DONE_RANGES for each in record.families.values())
            assert len(record.to_bytes()) < 64_000
        record = expire(record, {each.nonce: 1e6 for each in record.held[::3]})
    record = expire(record, {each.nonce: 1e6 for each in record.held})
    assert grant(record, ask(0), {})[1] is not None
