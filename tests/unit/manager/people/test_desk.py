"""The desk: invited, a password chosen once, signed in, forgotten; a key is good for one person, once, for a while."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from hoploom.kit.errors import BadRequest, Conflict, NotFound, Unavailable, Unprocessable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.manager.people import users
from hoploom.manager.people.desk import Desk
from hoploom.manager.people.door_book import DoorBook
from hoploom.manager.people.doors import PASSWORD, Refused
from hoploom.manager.people.kv_users import KvUsers
from hoploom.manager.people.passwords import Cost, Passwords
from hoploom.manager.people.users import User
from hoploom.wire.people import Role
from waiting import eventually

GOOD, OTHER, HOUR_S = "correct horse battery staple", "eleven lemons in a bag", 3600


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
def manager(consul: FakeConsul, clock: Clock) -> Callable[[], Desk]:
    """Makes the desk of one manager after the other."""
    cheap = Passwords(Cost(memory_kib=8, passes=1))
    return lambda: Desk(store=KvUsers(consul), book=DoorBook(consul), passwords=cheap, now_us=clock)


@asynccontextmanager
async def followed(desk: Desk) -> AsyncIterator[Desk]:
    """The desk of a manager that knows the users."""
    following = asyncio.create_task(desk.store.follow())
    await eventually("the users", lambda: knows(desk))
    yield desk
    following.cancel()


def knows(desk: Desk) -> bool:
    try:
        desk.store.users()
    except Unavailable:
        return False
    return True


async def signs_in(desk: Desk, name: str, password: str) -> User | None:
    async with followed(desk) as serving:
        return await serving.signs_in(name, password)


async def test_an_invited_person_chooses_a_password_at_one_manager_and_signs_in_at_another(
    manager: Callable[[], Desk],
) -> None:
    key, door = await manager().invite("anna", Role.ADMIN, HOUR_S)
    assert await manager().behind(key) == door
    anna = await manager().choose_password(key.lower().replace("-", " "), GOOD)
    assert (anna.name, anna.role, anna.disabled) == ("anna", Role.ADMIN, False)
    assert await signs_in(manager(), "anna", GOOD) == anna
    assert await signs_in(manager(), "anna", OTHER) is None
    assert await signs_in(manager(), "nobody", GOOD) is None


async def test_a_key_is_stored_nowhere(manager: Callable[[], Desk], consul: FakeConsul) -> None:
    key, _ = await manager().invite("anna", None, HOUR_S)
    stored = "".join(f"{each.key}{each.value!r}" for each in await consul.kv_list(""))
    assert "anna" in stored and not any(each in stored for each in (key, key.replace("-", ""), key[:9]))


async def test_of_many_who_use_one_key_at_once_one_comes_in(manager: Callable[[], Desk]) -> None:
    key, _ = await manager().invite("anna", None, HOUR_S)
    chosen = (manager().choose_password(key, f"{GOOD} {number}") for number in range(8))
    found = await asyncio.gather(*chosen, return_exceptions=True)
    assert [isinstance(each, User) for each in found].count(True) == 1
    assert [isinstance(each, Refused) for each in found].count(True) == 7


async def test_a_password_that_is_refused_does_not_use_the_key_up(manager: Callable[[], Desk]) -> None:
    key, _ = await manager().invite("anna", None, HOUR_S)
    with pytest.raises(Unprocessable, match="at least 12"):
        await manager().choose_password(key, "short")
    await manager().choose_password(key, GOOD)
    with pytest.raises(Refused):
        await manager().choose_password(key, GOOD)


async def test_a_key_ends_with_its_time_and_when_the_next_one_is_made(
    manager: Callable[[], Desk], clock: Clock
) -> None:
    first, _ = await manager().invite("anna", None, HOUR_S)
    second, _ = await manager().invite("anna", None, HOUR_S)
    with pytest.raises(Refused):
        await manager().behind(first)
    clock.now_us += HOUR_S * 1_000_000
    with pytest.raises(Refused):
        await manager().choose_password(second, GOOD)
    assert await manager().store.read() == {}


@pytest.mark.parametrize("key", ["", "x", "0000-0000-0000-000", "../../../hoploom"])
async def test_what_is_no_key_at_all_is_said(manager: Callable[[], Desk], key: str) -> None:
    with pytest.raises(BadRequest, match="16 letters and digits"):
        await manager().enter(key)


async def test_the_owner_comes_in_as_an_admin_without_a_password_and_for_no_other_purpose(
    manager: Callable[[], Desk],
) -> None:
    key, _ = await manager().door("owner")
    with pytest.raises(Refused):
        await manager().choose_password(key, GOOD)
    owner = await manager().enter(key)
    assert (owner.name, owner.role, owner.hash) == ("owner", Role.ADMIN, "")
    with pytest.raises(Refused):
        await manager().enter(key)
    assert await signs_in(manager(), "owner", "") is None
    again, _ = await manager().door("owner")
    assert await manager().enter(again) == owner


async def test_an_invitation_does_not_sign_in(manager: Callable[[], Desk]) -> None:
    key, door = await manager().invite("anna", Role.ADMIN, HOUR_S)
    with pytest.raises(Refused):
        await manager().enter(key)
    assert (await manager().behind(key)).purpose == door.purpose == PASSWORD


async def test_who_forgot_the_password_is_invited_again_with_the_role_of_now(manager: Callable[[], Desk]) -> None:
    key, _ = await manager().invite("anna", Role.OPERATOR, HOUR_S)
    before = await manager().choose_password(key, GOOD)
    with pytest.raises(Conflict, match="anna is operator already"):
        await manager().invite("anna", Role.ADMIN, HOUR_S)
    again, _ = await manager().invite("anna", None, HOUR_S)
    await manager().edit("anna", users.with_role(Role.VIEWER))
    after = await manager().choose_password(again, OTHER)
    assert after.role is Role.VIEWER and after.changed > before.changed
    assert await signs_in(manager(), "anna", GOOD) is None
    assert await signs_in(manager(), "anna", OTHER) == after


async def test_a_disabled_person_neither_signs_in_nor_comes_through_a_door(manager: Callable[[], Desk]) -> None:
    key, _ = await manager().invite("anna", None, HOUR_S)
    await manager().choose_password(key, GOOD)
    again, _ = await manager().invite("anna", None, HOUR_S)
    await manager().edit("anna", users.disabled(on=True))
    assert await signs_in(manager(), "anna", GOOD) is None
    with pytest.raises(Refused):
        await manager().choose_password(again, OTHER)
    for invited in (manager().invite("anna", None, HOUR_S), manager().door("anna")):
        with pytest.raises(Conflict, match="anna is disabled"):
            await invited


async def test_another_password_ends_the_sessions_of_before(manager: Callable[[], Desk]) -> None:
    key, _ = await manager().invite("anna", None, HOUR_S)
    before = await manager().choose_password(key, GOOD)
    with pytest.raises(Unprocessable, match="at least"):
        await manager().set_password("anna", "short")
    after = await manager().set_password("anna", OTHER)
    assert after.changed == before.changed + 1
    assert await signs_in(manager(), "anna", OTHER) == after and await signs_in(manager(), "anna", GOOD) is None
    with pytest.raises(NotFound):
        await manager().set_password("nobody", OTHER)


async def test_a_hash_is_renewed_when_parameters_rise_and_sessions_go_on(manager: Callable[[], Desk]) -> None:
    key, _ = await manager().invite("anna", None, HOUR_S)
    before = await manager().choose_password(key, GOOD)
    dearer = replace(manager(), passwords=Passwords(Cost(memory_kib=16, passes=1)))
    after = await signs_in(dearer, "anna", GOOD)
    assert after is not None and after.changed == before.changed and "m=16,t=1" in after.hash
    assert await signs_in(dearer, "anna", GOOD) == after


async def test_of_who_is_forgotten_nothing_is_left(manager: Callable[[], Desk], consul: FakeConsul) -> None:
    for name in ("anna", "bert"):
        key, _ = await manager().invite(name, None, HOUR_S)
        await manager().choose_password(key, GOOD)
    open_key, _ = await manager().invite("anna", None, HOUR_S)
    await manager().forget("anna")
    with pytest.raises(Refused):
        await manager().choose_password(open_key, GOOD)
    assert [each.key for each in await consul.kv_list("hoploom/")] == ["hoploom/users/bert"]
    for gone in (manager().forget("anna"), manager().edit("anna", users.signed_out())):
        with pytest.raises(NotFound, match="no user anna"):
            await gone


async def test_an_invitation_is_taken_back(manager: Callable[[], Desk]) -> None:
    key, door = await manager().invite("anna", None, HOUR_S)
    assert await manager().book.open_doors(0) == [door]
    await manager().forget("anna")
    assert await manager().book.open_doors(0) == []
    with pytest.raises(Refused):
        await manager().behind(key)


async def test_a_damaged_door_harms_no_other(manager: Callable[[], Desk], consul: FakeConsul) -> None:
    await consul.kv_put("hoploom/doors/x", b"{")
    key, door = await manager().invite("anna", None, HOUR_S)
    assert await manager().book.open_doors(0) == [door]
    assert (await manager().choose_password(key, GOOD)).name == "anna"
