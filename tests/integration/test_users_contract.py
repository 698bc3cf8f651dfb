"""Users and doors in a real Consul: as in the fake, no change is lost, one admin stays, and a door opens once."""

import asyncio
from dataclasses import replace

from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import Conflict
from hoploom.manager.people import users
from hoploom.manager.people.desk import Desk
from hoploom.manager.people.door_book import DoorBook
from hoploom.manager.people.doors import Refused
from hoploom.manager.people.kv_users import KvUsers
from hoploom.manager.people.passwords import Cost, Passwords
from hoploom.manager.people.users import User
from hoploom.wire.people import Role
from unit.manager.people.records import ANNA, BERT
from waiting import eventually

MANAGERS, WRITES = 4, 25


async def with_users(store: KvUsers, *known: User) -> None:
    for each in known:
        await store.change(each.name, lambda _, each=each: each)  # type: ignore[misc]


def plus_one(user: User | None) -> User | None:
    return replace(user, changed=user.changed + 1) if user else None


async def test_no_change_of_many_managers_at_once_is_lost(consul: ConsulApi) -> None:
    stores = [KvUsers(consul) for _ in range(MANAGERS)]
    await with_users(stores[0], ANNA, BERT)

    async def write(store: KvUsers) -> None:
        for number in range(WRITES):
            await store.change(("anna", "bert")[number % 2], plus_one)

    await asyncio.gather(*map(write, stores))
    found = await stores[0].read()
    assert sum(each.changed for each in found.values()) == ANNA.changed + BERT.changed + MANAGERS * WRITES


async def test_admins_who_remove_each_other_at_once_leave_one(consul: ConsulApi) -> None:
    for _ in range(10):
        await with_users(KvUsers(consul), ANNA, BERT)
        done = await asyncio.gather(
            KvUsers(consul).change("anna", users.disabled(on=True)),
            KvUsers(consul).change("bert", lambda _: None),
            return_exceptions=True,
        )
        assert [isinstance(each, Conflict) for each in done].count(True) == 1, done
        left = [each for each in (await KvUsers(consul).read()).values() if each.is_usable_admin]
        assert len(left) == 1
        await consul.kv_delete("hoploom/users/", recurse=True)


async def test_a_door_opens_once_and_who_came_through_is_known_everywhere(consul: ConsulApi) -> None:
    desks = [Desk(store=KvUsers(consul), book=DoorBook(consul), passwords=Passwords(Cost(8, 1))) for _ in range(4)]
    key, _ = await desks[0].invite("anna", Role.ADMIN, 3600)
    chosen = (desk.choose_password(key, f"correct horse battery {number}") for number, desk in enumerate(desks))
    found = await asyncio.gather(*chosen, return_exceptions=True)
    came = [each for each in found if isinstance(each, User)]
    assert len(came) == 1 and all(isinstance(each, User | Refused) for each in found)
    following = asyncio.create_task(desks[1].store.follow())
    await eventually("another manager knows", lambda: came[0].name in knows(desks[1]))
    after = await desks[0].edit("anna", users.signed_out())
    await eventually("it knows the change", lambda: knows(desks[1])["anna"] == after)
    following.cancel()


def knows(desk: Desk) -> dict[str, User]:
    store = desk.store
    assert isinstance(store, KvUsers)
    return dict(store._known or {})
