"""Invitations and workers in the store: used once, by one key, at whichever manager, and nothing left afterwards."""

import asyncio
from collections.abc import Callable

import pytest

from hoploom.kit.consul_api import KvEntry
from hoploom.kit.errors import Conflict, Unavailable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.manager.enrolment.admission import Refused
from hoploom.manager.enrolment.book import Book
from hoploom.manager.enrolment.records import Described, invite_key
from hoploom.trust.numbers import Numbers
from hoploom.wire.enrolment import token_digest
from unit.input_service.instances import BusyConsul

KEY, OTHER = "k" * 43, "o" * 43
DIGEST, SECOND = token_digest("7QK2-M0XD-93FA-TZ4C"), token_digest("0000-0000-0000-0000")
PI = Described(name="pi", place="Tampere", max_rate_pps=200)
DAY_S = 86_400


class Clock:
    def __init__(self) -> None:
        self.now_us = 1_000_000

    def __call__(self) -> int:
        self.now_us += 1
        return self.now_us


@pytest.fixture
def consul() -> FakeConsul:
    return FakeConsul()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def manager(consul: FakeConsul, clock: Clock) -> Callable[[], Book]:
    """Makes one manager's book after the other, all over the same store."""
    return lambda: Book(consul, Numbers(consul), clock)


async def test_a_token_makes_a_worker_and_the_lost_answer_is_given_again_at_another_manager(
    manager: Callable[[], Book],
) -> None:
    await manager().invite(PI, DIGEST, DAY_S)
    record, new = await manager().enrol(DIGEST, KEY)
    assert new and (record.name, record.key, record.place, record.max_rate_pps) == ("pi", KEY, "Tampere", 200)
    assert await manager().enrol(DIGEST, KEY) == (record, False)
    assert await manager().worker("pi") == record
    assert await manager().workers() == [record]
    assert await manager().invites() == []


@pytest.mark.parametrize("seed", range(4))
async def test_of_two_that_use_a_token_at_once_one_is_let_in(seed: int) -> None:
    consul = BusyConsul(seed)
    books = [Book(consul, Numbers(consul)) for _ in range(4)]
    await books[0].invite(PI, DIGEST, DAY_S)
    keys = (KEY, OTHER, KEY, OTHER)
    found = await asyncio.gather(
        *(book.enrol(DIGEST, key) for book, key in zip(books, keys, strict=True)), return_exceptions=True
    )
    let_in = {key for each, key in zip(found, keys, strict=True) if not isinstance(each, BaseException)}
    assert len(let_in) == 1
    assert [type(each) for each in found if isinstance(each, BaseException)] == [Refused, Refused]
    assert sorted(each[1] for each in found if not isinstance(each, BaseException)) == [False, True]


class Losing(FakeConsul):
    """Takes effect, and loses the answer to the first transaction; or another manager is quicker."""

    def __init__(self, *, effective: bool) -> None:
        super().__init__()
        self._effective, self.transactions = effective, 0

    async def kv_txn(self, operations: object) -> tuple[KvEntry, ...] | None:
        self.transactions += 1
        if self.transactions == 1 and not self._effective:
            return None
        found = await super().kv_txn(operations)  # type: ignore[arg-type]
        if self.transactions == 1:
            raise Unavailable("the answer was lost")
        return found


async def test_an_answer_of_consul_that_was_lost_is_found_out_by_asking_again() -> None:
    consul = Losing(effective=True)
    book = Book(consul, Numbers(consul))
    await book.invite(PI, DIGEST, DAY_S)
    with pytest.raises(Unavailable):
        await book.enrol(DIGEST, KEY)
    assert (await book.enrol(DIGEST, KEY))[1] is False and consul.transactions == 1


async def test_a_lost_race_is_decided_anew() -> None:
    consul = Losing(effective=False)
    book = Book(consul, Numbers(consul))
    await book.invite(PI, DIGEST, DAY_S)
    assert (await book.enrol(DIGEST, KEY))[1] is True and consul.transactions == 2


class Withdrawing(FakeConsul):
    """An operator takes the invitation back in the moment before it is used up."""

    async def kv_txn(self, operations: object) -> tuple[KvEntry, ...] | None:
        await self.kv_delete(invite_key(DIGEST))
        return await super().kv_txn(operations)  # type: ignore[arg-type]


async def test_an_invitation_that_is_taken_back_meanwhile_lets_nobody_in() -> None:
    consul = Withdrawing()
    book = Book(consul, Numbers(consul))
    await book.invite(PI, DIGEST, DAY_S)
    with pytest.raises(Refused):
        await book.enrol(DIGEST, KEY)
    assert await book.worker("pi") is None


async def test_the_number_is_the_one_that_results_have_under_that_name(
    consul: FakeConsul, manager: Callable[[], Book]
) -> None:
    number = await Numbers(consul).of_worker("pi")
    await manager().invite(PI, DIGEST, DAY_S)
    assert (await manager().enrol(DIGEST, KEY))[0].number == number >= 2_000_000_000


async def test_a_second_invitation_voids_the_first(manager: Callable[[], Book]) -> None:
    await manager().invite(PI, DIGEST, DAY_S)
    await manager().invite(PI, SECOND, DAY_S)
    with pytest.raises(Refused):
        await manager().enrol(DIGEST, KEY)
    assert (await manager().enrol(SECOND, KEY))[1]


async def test_the_name_of_an_enrolled_worker_is_not_given_away(manager: Callable[[], Book]) -> None:
    await manager().invite(PI, DIGEST, DAY_S)
    await manager().enrol(DIGEST, KEY)
    with pytest.raises(Conflict, match="hoploom worker rm pi"):
        await manager().invite(PI, SECOND, DAY_S)


async def test_an_expired_token_is_refused_and_swept_away_by_the_next_invitation(
    consul: FakeConsul, clock: Clock, manager: Callable[[], Book]
) -> None:
    await manager().invite(PI, DIGEST, 60)
    clock.now_us += 60_000_000
    with pytest.raises(Refused):
        await manager().enrol(DIGEST, KEY)
    assert await manager().invites() == []
    await manager().invite(Described(name="other"), SECOND, 60)
    assert [each.name for each in await manager().invites()] == ["other"]
    assert len(await consul.kv_list("hoploom/invites/")) == 1


async def test_nothing_but_its_number_is_left_of_a_forgotten_worker(
    consul: FakeConsul, manager: Callable[[], Book]
) -> None:
    await manager().invite(PI, DIGEST, DAY_S)
    await manager().enrol(DIGEST, KEY)
    await consul.kv_put("hoploom/orders/pi", b"{}")
    assert await manager().forget("pi")
    assert [each.key for each in await consul.kv_list("hoploom/")] == ["hoploom/ids/next", "hoploom/ids/worker/pi"]
    with pytest.raises(Refused):
        await manager().enrol(DIGEST, KEY)
    assert not await manager().forget("pi")


async def test_a_forgotten_name_may_be_invited_again_and_has_its_old_number(manager: Callable[[], Book]) -> None:
    await manager().invite(PI, DIGEST, DAY_S)
    before, _ = await manager().enrol(DIGEST, KEY)
    await manager().forget("pi")
    await manager().invite(PI, SECOND, DAY_S)
    after, new = await manager().enrol(SECOND, OTHER)
    assert new and after.number == before.number and after.key == OTHER


async def test_an_open_invitation_is_taken_back_by_its_name(manager: Callable[[], Book]) -> None:
    await manager().invite(PI, DIGEST, DAY_S)
    assert await manager().forget("pi")
    with pytest.raises(Refused):
        await manager().enrol(DIGEST, KEY)


async def test_without_consul_nobody_is_refused_for_good(consul: FakeConsul, manager: Callable[[], Book]) -> None:
    await manager().invite(PI, DIGEST, DAY_S)
    consul.away = True
    with pytest.raises(Unavailable):
        await manager().enrol(DIGEST, KEY)
    consul.away = False
    assert (await manager().enrol(DIGEST, KEY))[1]


async def test_a_damaged_record_is_no_absent_one(consul: FakeConsul, manager: Callable[[], Book]) -> None:
    await manager().invite(PI, DIGEST, DAY_S)
    await consul.kv_put("hoploom/workers/pi", b"{")
    with pytest.raises(Unavailable, match="damaged"):
        await manager().enrol(DIGEST, KEY)


async def test_what_is_damaged_keeps_nobody_from_inviting_or_removing(
    consul: FakeConsul, manager: Callable[[], Book]
) -> None:
    await consul.kv_put(invite_key(SECOND), b"{")
    await consul.kv_put("hoploom/workers/other", b"{")
    await manager().invite(PI, DIGEST, DAY_S)
    await manager().enrol(DIGEST, KEY)
    assert [await manager().forget(name) for name in ("pi", "other", "nobody")] == [True, True, False]
    assert await manager().workers() == []
