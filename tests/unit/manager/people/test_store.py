"""What every store of users holds to, whether it is Consul's or a file."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hoploom.kit.errors import Conflict, NotFound, Unavailable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.manager.people import users
from hoploom.manager.people.file_users import FileUsers
from hoploom.manager.people.kv_users import KvUsers
from hoploom.manager.people.store import UserStore
from hoploom.manager.people.users import User
from hoploom.manager.people.users_file import UsersFile
from hoploom.wire.people import Role
from unit.manager.people.records import ANNA, BERT, CARL
from waiting import eventually

Manager = Callable[[], UserStore]


@pytest.fixture(params=["consul", "file"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Manager:
    """Makes the store of one manager after the other, all over the same records."""
    if request.param == "file":
        return lambda: FileUsers(UsersFile(tmp_path / "users.json"))
    consul = FakeConsul()
    return lambda: KvUsers(consul)


async def with_users(store: UserStore, *known: User) -> None:
    for each in known:
        await store.change(each.name, lambda _, each=each: each)  # type: ignore[misc]


def plus_one(user: User | None) -> User | None:
    return replace(user, changed=user.changed + 1) if user else None


async def test_what_one_manager_writes_the_other_reads(manager: Manager) -> None:
    assert await manager().read() == {}
    await with_users(manager(), ANNA, CARL)
    assert await manager().read() == {"anna": ANNA, "carl": CARL}
    assert await manager().change("carl", lambda _: None) is None
    assert await manager().read() == {"anna": ANNA}


async def test_an_edit_that_changes_nothing_writes_nothing(manager: Manager) -> None:
    assert await manager().change("anna", users.with_role(Role.VIEWER)) is None
    await with_users(manager(), ANNA)
    assert await manager().change("anna", lambda user: user) == ANNA


async def test_nobody_is_lost_when_two_managers_write_at_once(manager: Manager) -> None:
    first, second = manager(), manager()
    await with_users(first, ANNA, BERT)
    await asyncio.gather(*(each.change(name, plus_one) for each in (first, second) * 5 for name in ("anna", "bert")))
    found = await first.read()
    assert (found["anna"].changed, found["bert"].changed) == (ANNA.changed + 10, BERT.changed + 10)


async def test_of_two_admins_who_remove_each_other_at_once_one_stays(manager: Manager) -> None:
    first, second = manager(), manager()
    await with_users(first, ANNA, BERT)
    done = await asyncio.gather(
        first.change("anna", lambda _: None),
        second.change("bert", users.with_role(Role.VIEWER)),
        return_exceptions=True,
    )
    assert [isinstance(each, Conflict) for each in done].count(True) == 1
    assert [each.is_usable_admin for each in (await first.read()).values()].count(True) == 1


@pytest.mark.parametrize("edit", [lambda _: None, users.with_role(Role.OPERATOR), users.disabled(on=True)])
async def test_the_last_admin_stays(manager: Manager, edit: users.Edit) -> None:
    await with_users(manager(), ANNA, CARL)
    with pytest.raises(Conflict, match="the only admin who can sign in is anna"):
        await manager().change("anna", edit)
    assert (await manager().read())["anna"] == ANNA


async def test_what_an_edit_refuses_is_not_written(manager: Manager) -> None:
    def refuse(_: User | None) -> User | None:
        raise NotFound("no such user")

    await with_users(manager(), ANNA)
    with pytest.raises(NotFound):
        await manager().change("anna", refuse)
    assert await manager().read() == {"anna": ANNA}


async def test_everybody_is_known_without_waiting_once_followed(manager: Manager) -> None:
    first, second = manager(), manager()
    with pytest.raises(Unavailable):
        first.users()
    async with asyncio.TaskGroup() as group:
        following = [group.create_task(each.follow()) for each in (first, second)]
        await with_users(first, ANNA)
        await eventually("the other manager to know", lambda: known(second) == {"anna": ANNA})
        await eventually("this one too", lambda: known(first) == {"anna": ANNA})
        after = await first.change("anna", users.signed_out())
        assert first.users()["anna"] == after, "what is written here is known here at once"
        await eventually("the other manager to know", lambda: known(second) == {"anna": after})
        for each in following:
            each.cancel()


def known(store: UserStore) -> dict[str, User]:
    try:
        return dict(store.users())
    except Unavailable:
        return {}
