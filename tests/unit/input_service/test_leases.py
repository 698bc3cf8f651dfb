"""The lease machine under any interleaving of requests, acknowledgements, losses and repetitions."""

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from hoploom.input_service.leases import (
    GRACE_S,
    MAX_DONE_RANGES,
    MAX_HELD,
    Ages,
    Ask,
    Expired,
    complete,
    expire,
    give_back,
    grant,
    lease_size,
    renew,
    reopen,
)
from hoploom.input_service.shard_record import Held, ShardRecord, ShardRef
from hoploom.kit.errors import BadRequest, Conflict, Forbidden, NotFound
from hoploom.targets.ranges import count, intersect, merge, subtract
from hoploom.wire.lease import MAX_LEASE, MAX_TTL_S, LeaseDone, LeaseId, LeaseRenewal, LeaseReturn
from hoploom.wire.probe import Probe

REF = ShardRef(campaign="demo", edition=1, group="all", round=0, family=4, shard=0)
NEW = Ages()


def record_of(size: int, start: int = 0) -> ShardRecord:
    return ShardRecord.empty(REF, start, start + size)


def ask(number: int, *, rate_pps: int = 10, worker: str = "w1") -> Ask:
    return Ask(
        request_id=f"r{number}",
        worker=worker,
        rate_pps=rate_pps,
        probe=Probe(),
        nonce=f"{number:016x}",
        token="0.1",
        at_us=number,
    )


def take(record: ShardRecord, number: int, worker: str = "w1") -> tuple[ShardRecord, Held]:
    record, held = grant(record, ask(number, worker=worker), NEW)
    assert held is not None
    return record, held


def by(worker: str, token: str = "") -> LeaseDone:
    return LeaseDone(worker=worker, campaign="demo", group="all", token=token)


def going_on(worker: str, stored_upto: int = 0) -> LeaseRenewal:
    return LeaseRenewal(worker=worker, campaign="demo", group="all", stored_upto=stored_upto)


def returned(worker: str, stored_upto: int = 0) -> LeaseReturn:
    return LeaseReturn(worker=worker, campaign="demo", group="all", stored_upto=stored_upto)


def silent(*held: Held, seconds: float = 1e6) -> Ages:
    return Ages({each.nonce: seconds for each in held})


def test_leases_follow_each_other_without_gap_and_overlap() -> None:
    record, found = record_of(1000, 5000), []
    for number in range(4):
        record, held = grant(record, ask(number), NEW)
        assert held is not None
        found.append((held.start, held.stop))
    assert found == [(5000, 5256), (5256, 5512), (5512, 5768), (5768, 6000)]
    assert grant(record, ask(9), NEW)[1] is None
    assert (record.frontier, record.outstanding, record.done_count, record.complete) == (6000, 1000, 0, False)


def test_the_same_request_gets_the_same_lease_and_changes_nothing() -> None:
    record, held = take(record_of(1000), 1)
    again, same = grant(record, replace(ask(1), nonce="f" * 16), NEW)
    assert same == held and again is record


def test_the_same_request_id_of_another_worker_is_another_request() -> None:
    record, held = take(record_of(1000), 1)
    _, other = grant(record, replace(ask(1, worker="w2"), nonce="f" * 16), NEW)
    assert other is not None and other.start == held.stop


def test_a_lost_lease_is_handed_out_again_before_anything_new() -> None:
    record, lost = take(record_of(10_000), 1)
    record, kept = take(record, 2)
    record, again = grant(record, ask(3, worker="w2"), silent(lost, seconds=lost.ttl_s + GRACE_S + 0.1))
    assert again is not None and (again.start, again.stop) == (lost.start, lost.stop)
    assert record.reissued == lost.stop - lost.start and kept in record.held


def test_a_lease_lives_until_its_time_and_grace_are_over() -> None:
    record, held = take(record_of(10_000), 1)
    assert expire(record, silent(held, seconds=held.ttl_s + GRACE_S)) is record
    assert expire(record, NEW) is record
    assert not expire(record, silent(held, seconds=held.ttl_s + GRACE_S + 0.1)).held


def test_however_often_renewed_a_lease_ends_at_the_hard_limit() -> None:
    record, held = take(record_of(10_000), 1)
    old = [Ages({held.nonce: 0.0}, {held.nonce: MAX_TTL_S + more_s}) for more_s in (0.0, 0.1)]
    assert renew(record, record.lease_id(held), going_on("w1", 0), old[0]) == (record, held)
    with pytest.raises(Expired, match="lived for 3600 s"):
        renew(record, record.lease_id(held), going_on("w1", 50), old[1])
    # Its worker may not have heard that.
    assert expire(record, old[1]) is record


def test_what_was_stored_by_a_renewal_is_not_handed_out_again() -> None:
    record, held = take(record_of(1000), 1)
    record, renewed = renew(record, record.lease_id(held), going_on("w1", 120), Ages({}, {held.nonce: 9.7}))
    assert (renewed.stored_upto, renewed.lived_s) == (120, 9)
    assert renew(record, record.lease_id(held), going_on("w1", 60), NEW) == (record, renewed)
    record, again = grant(record, ask(2), silent(held))
    assert again is not None and again.start == 120 and record.done == ((0, 119),)


def test_a_renewal_never_stores_more_than_the_lease() -> None:
    record, held = take(record_of(1000), 1)
    record, renewed = renew(record, record.lease_id(held), going_on("w1", 999), NEW)
    assert renewed.stored_upto == held.stop


def test_a_returned_lease_is_handed_out_again_at_once_from_where_it_stood() -> None:
    record, held = take(record_of(1000), 1)
    record = give_back(record, record.lease_id(held), returned("w1", 50))
    assert not record.held and record.done == ((0, 49),) and record.reissued == 206
    record, again = take(record, 2)
    assert again.start == 50
    whole = give_back(record, record.lease_id(again), returned("w1", again.stop))
    assert whole.reissued == 206


def test_a_lease_whose_answer_was_lost_comes_back_with_the_next_request_of_the_same_run() -> None:
    first = replace(ask(1), run="run-1")
    record, lost = grant(record_of(10_000), first, NEW)
    assert lost is not None
    record, held = grant(record, replace(ask(2), run="run-1", holding=()), NEW)
    assert held is not None and held.start == 0 and record.held == (held,)
    record, ahead = grant(record, replace(ask(3), run="run-1", holding=(held.nonce,)), NEW)
    assert ahead is not None and ahead.start == held.stop and held in record.held
    record, other = grant(record, replace(ask(4), run="run-2"), NEW)
    assert other is not None and len(record.held) == 3


def test_two_machines_of_one_name_lose_no_work_and_end_no_lease_of_each_other() -> None:
    """Two copies of one card: the same name and key, and each run knows of its own leases alone."""
    record, mine = record_of(3000), dict[str, Held | None]()
    for number in range(100):
        run = ("run-1", "run-2")[number % 2]
        held = mine.get(run)
        if held is not None:
            # Whatever the other has asked for and acknowledged meanwhile, it is still out.
            record, held = renew(record, record.lease_id(held), going_on("w1", held.start + 1), NEW)
        known = (held.nonce,) if held else ()
        record, more = grant(record, replace(ask(number), run=run, holding=known), NEW)
        if held is not None:
            record = complete(record, record.lease_id(held), by("w1"))
        mine[run] = more
    assert record.done == ((0, 2999),)
    assert (record.held, record.reissued) == ((), 0)


def test_a_lease_that_was_renewed_did_not_get_lost_whatever_an_old_request_says() -> None:
    record, held = grant(record_of(10_000), replace(ask(1), run="run-1"), NEW)
    assert held is not None
    ages = Ages({held.nonce: 3.0}, {held.nonce: 13.0})
    record, other = grant(record, replace(ask(2), run="run-1"), ages)
    assert other is not None and record.held == (held, other)


def test_a_request_that_comes_again_takes_nothing_back() -> None:
    record, held = grant(record_of(10_000), replace(ask(1), run="run-1"), NEW)
    assert held is not None
    record, ahead = grant(record, replace(ask(2), run="run-1", holding=(held.nonce,)), NEW)
    assert grant(record, replace(ask(1), run="run-1"), NEW) == (record, held) and ahead in record.held


def test_acknowledging_twice_changes_nothing_and_the_last_one_completes() -> None:
    record, held = take(record_of(100), 1)
    done = complete(record, record.lease_id(held), by("w1", "0.1"), 7)
    assert done.complete and done.done_count == 100 and not done.held and done.changed_at_us == 7
    assert complete(done, record.lease_id(held), by("w1")) is done
    assert give_back(done, record.lease_id(held), returned("w1")) is done
    with pytest.raises(Expired):
        renew(done, record.lease_id(held), going_on("w1"), NEW)


def test_another_worker_may_not_speak_for_a_lease() -> None:
    record, held = take(record_of(100), 1)
    for call in (complete, give_back):
        with pytest.raises(Forbidden):
            call(record, record.lease_id(held), returned("w2"))
    with pytest.raises(Forbidden):
        renew(record, record.lease_id(held), going_on("w2"), NEW)


def test_an_old_token_is_a_conflict() -> None:
    record, held = take(record_of(100), 1)
    with pytest.raises(Conflict) as refusal:
        complete(record, record.lease_id(held), by("w1", "0.0"))
    assert refusal.value.status == 409


def test_a_lease_that_ended_is_gone_and_then_a_conflict_when_its_targets_are_another_s() -> None:
    record, held = take(record_of(100), 1)
    late = record.lease_id(held)
    record = expire(record, silent(held))
    with pytest.raises(Expired) as gone:
        complete(record, late, by("w1"))
    assert gone.value.status == 410
    record, again = take(record, 2, "w2")
    with pytest.raises(Conflict) as fenced:
        complete(record, late, by("w1"))
    assert fenced.value.status == 409
    record = complete(record, record.lease_id(again), by("w2"))
    with pytest.raises(Conflict) as fenced:
        complete(record, late, by("w1"))
    assert fenced.value.status == 409 and record.complete


@pytest.mark.parametrize(
    "change",
    [{"stop": 101}, {"stop": 0}, {"start": 100, "stop": 300}],
    ids=["beyond the frontier", "empty", "never handed out"],
)
def test_a_lease_that_cannot_have_been_is_unknown(change: dict[str, int]) -> None:
    record, held = take(record_of(100), 1)
    with pytest.raises(NotFound):
        complete(record, replace(record.lease_id(held), **change), by("w1"))  # type: ignore[arg-type]


def test_what_is_stored_nowhere_is_handed_out_again() -> None:
    record, held = take(record_of(100), 1)
    record = complete(record, record.lease_id(held), by("w1"))
    assert reopen(record, []) is record
    record = reopen(record, [(10, 19), (90, 99)])
    assert not record.complete and record.reissued == 20
    record, again = take(record, 2)
    assert (again.start, again.stop) == (10, 20)


def test_blocked_positions_are_passed_over_and_come_later() -> None:
    wish = replace(ask(1), blocked=[(0, 99), (150, 10_000)])
    record, held = grant(record_of(1000), wish, NEW)
    assert held is not None and (held.start, held.stop) == (100, 150)
    assert grant(record, replace(wish, request_id="r2"), NEW)[1] is None
    record, later = take(record, 3)
    assert (later.start, later.stop) == (0, 100) and record.reissued == 0


def test_what_a_simple_client_acknowledged_is_known_apart() -> None:
    record, held = grant(record_of(100), replace(ask(1), audited=False, limit=40), NEW)
    assert held is not None
    record = complete(record, record.lease_id(held), by("w1"))
    record, other = take(record, 2)
    record = complete(record, record.lease_id(other), by("w1"))
    assert record.complete and record.unaudited == ((0, 39),)


def test_at_most_64_leases_are_out() -> None:
    record = record_of(10**9)
    for number in range(MAX_HELD):
        record, _ = take(record, number)
    assert grant(record, ask(999), NEW)[1] is None


@pytest.mark.parametrize(
    ("wishes", "left", "size"),
    [
        ({"rate_pps": 100}, 10**9, 3000),
        ({"rate_pps": 100, "probe": Probe(count=3)}, 10**9, 1000),
        ({"rate_pps": 1}, 10**9, 30),
        ({"rate_pps": 1, "probe": Probe(count=16)}, 10**9, 1),
        ({"rate_pps": 100, "probe": Probe(kind="trace")}, 10**9, 300),
        ({"rate_pps": 1, "probe": Probe(kind="trace", count=10)}, 10**9, 1),
        ({"rate_pps": 10**7}, 10**9, MAX_LEASE),
        ({"rate_pps": 0}, 10**9, MAX_LEASE),
        ({"rate_pps": 0}, 4096, 1024),
        ({"rate_pps": 0, "left": 65_536}, 4096, 16_384),
        ({"rate_pps": 0, "limit": 10}, 4096, 10),
    ],
)
def test_a_lease_is_half_a_minute_of_work_within_bounds(wishes: dict[str, object], left: int, size: int) -> None:
    assert lease_size(replace(ask(1), **wishes), left) == size  # type: ignore[arg-type]


class Interleavings(RuleBasedStateMachine):
    """Any order of events; the model is the plain set of positions that were really worked off."""

    leases = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.record = record_of(3000, 700)
        self.number = 0
        self.really_done: set[int] = set()

    @rule(target=leases, limit=st.integers(1, 400), worker=st.sampled_from(["a", "b"]))
    def request(self, limit: int, worker: str) -> tuple[LeaseId, str] | None:
        self.number += 1
        wish = replace(ask(self.number, rate_pps=0, worker=worker), limit=limit)
        self.record, held = grant(self.record, wish, NEW)
        if held is None:
            return None
        same, again = grant(self.record, wish, NEW)
        assert again == held and same is self.record
        return self.record.lease_id(held), worker

    @rule(lease=leases)
    def acknowledge(self, lease: tuple[LeaseId, str] | None) -> None:
        if lease is None:
            return
        was_held = any(self.record.lease_id(each) == lease[0] for each in self.record.held)
        before = self.record
        try:
            self.record = complete(self.record, lease[0], by(lease[1]))
        except Conflict:
            assert not was_held and self.record is before
            return
        assert was_held or self.record is before
        if was_held:
            self.really_done |= set(range(lease[0].start, lease[0].stop))

    @rule(lease=leases, part=st.integers(0, 400))
    def store(self, lease: tuple[LeaseId, str] | None, part: int) -> None:
        if lease is not None:
            upto = min(lease[0].stop, lease[0].start + part)
            try:
                self.record, _ = renew(self.record, lease[0], going_on(lease[1], upto), NEW)
            except BadRequest:
                return

    @rule(lease=leases)
    def lose(self, lease: tuple[LeaseId, str] | None) -> None:
        if lease is not None:
            self._stored(lease[0])
            self.record = expire(self.record, Ages({lease[0].nonce: 1e6}))

    @rule(lease=leases)
    def bring_back(self, lease: tuple[LeaseId, str] | None) -> None:
        if lease is not None:
            held = self._stored(lease[0])
            try:
                self.record = give_back(self.record, lease[0], returned(lease[1]))
            except Conflict:
                assert not held

    def _stored(self, lease: LeaseId) -> bool:
        for each in self.record.held:
            if self.record.lease_id(each) == lease:
                self.really_done |= set(range(each.start, each.stored_upto))
                return True
        return False

    @invariant()
    def every_position_is_in_exactly_one_place(self) -> None:
        record = self.record
        held = [(each.start, each.stop - 1) for each in record.held]
        assert count(merge(held)) == count(held), "two leases overlap"
        assert not intersect(merge(held), record.done), "a lease covers what is done"
        assert not subtract([*record.done], [(record.start, record.frontier - 1)] if record.done else [])
        assert set().union(*(range(a, b + 1) for a, b in record.done)) == self.really_done

    @invariant()
    def the_record_survives_storage(self) -> None:
        assert ShardRecord.from_bytes(self.record.to_bytes()) == self.record

    def teardown(self) -> None:
        """Whatever happened, one more worker completes everything."""
        self.record = expire(self.record, silent(*self.record.held))
        for number in range(10_000, 14_000):
            self.record, held = grant(self.record, ask(number, rate_pps=0), NEW)
            if held is None:
                break
            self.record = complete(self.record, self.record.lease_id(held), by("w1"))
        assert self.record.complete and self.record.done_count == 3000


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


def test_the_record_stays_under_64_kb_and_makes_progress_in_the_worst_fragmentation() -> None:
    record, number = record_of(2**40), 0
    worker = "w" * 63
    for _ in range(60):
        fresh: list[Held] = []
        while True:
            number += 1
            wish = replace(ask(number, worker=worker), request_id=f"{number:063}", run="r" * 63)
            record, held = grant(record, replace(wish, holding=[each.nonce for each in record.held]), NEW)
            if held is None:
                break
            fresh.append(held)
        for held in fresh[1::2]:
            record = complete(record, record.lease_id(held), by(worker))
        record = expire(record, silent(*fresh[::4]))
        assert len(record.done) <= MAX_DONE_RANGES
        assert len(record.to_bytes()) < 64_000
        record = expire(record, silent(*record.held[::3]))
    record = expire(record, silent(*record.held))
    assert grant(record, ask(0), NEW)[1] is not None
