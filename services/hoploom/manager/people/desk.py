"""Where people get their names, roles and passwords: the store of users, the doors and the hashes, brought together."""

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from hoploom.kit.clock import wall_us
from hoploom.kit.errors import Conflict, NotFound
from hoploom.manager.people import doors, password_rules, users
from hoploom.manager.people.door_book import DoorBook
from hoploom.manager.people.doors import PASSWORD, SIGN_IN, Door
from hoploom.manager.people.passwords import Passwords
from hoploom.manager.people.store import UserStore
from hoploom.manager.people.users import Edit, User
from hoploom.wire.people import Role

SIGN_IN_S = 60
"""Time to open a browser in."""

_US = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Desk:
    """One manager's.

    Attributes:
        store: The users.
        book: The doors.
        passwords: Hashes them.
        now_us: The wall clock, microseconds since 1970.
    """

    store: UserStore
    book: DoorBook
    passwords: Passwords
    now_us: Callable[[], int] = wall_us

    async def signs_in(self, name: str, password: str) -> User | None:
        """Who signs in with a name and a password; None for anybody else, after the same time.

        Args:
            name: As it was typed.
            password: As it was typed.

        Raises:
            TooMany: Too many others sign in.
            Unavailable: The store is away.
        """
        # As it is stored now: who has just been invited, and who has just been kept out.
        user = (await self.store.read()).get(name)
        encoded = user.hash if user else ""
        is_right = await self.passwords.is_right(encoded, password)
        if not is_right or user is None or user.disabled:
            return None
        if self.passwords.is_outdated(encoded):
            return await self.store.change(name, users.rehashed(encoded, await self.passwords.hashed(password)))
        return user

    async def invite(self, name: str, role: Role | None, valid_s: int) -> tuple[str, Door]:
        """A key with which a person chooses a password: a new one, or one who has forgotten it.

        Args:
            name: Whose.
            role: What a new person may do, a viewer's where it is None; a known one's has to be the same.
            valid_s: Seconds that the key opens.

        Raises:
            Conflict: The person is known with another role, or disabled.
            Unavailable: The store is away.
        """
        known = (await self.store.read()).get(name)
        if known is not None:
            if role not in (None, known.role):
                raise Conflict(f"the user {name} is {known.role.word} already: change that by `hoploom user role`")
            if known.disabled:
                raise Conflict(f"the user {name} is disabled: `hoploom user enable {name}` first")
            role = known.role
        return await self._open(Door(user=name, role=role or Role.VIEWER, purpose=PASSWORD, **self._for(valid_s)))

    async def door(self, name: str) -> tuple[str, Door]:
        """A key that signs a person in at once, as an admin who is made where there is none; for the mesh's owner.

        Raises:
            Conflict: The person is disabled.
            Unavailable: The store is away.
        """
        known = (await self.store.read()).get(name)
        if known is not None and known.disabled:
            raise Conflict(f"the user {name} is disabled: `hoploom user enable {name}` first")
        return await self._open(Door(user=name, role=Role.ADMIN, purpose=SIGN_IN, **self._for(SIGN_IN_S)))

    async def behind(self, key: str) -> Door:
        """What a key opens, without using it; raises as `doors.opened`, and BadRequest where it is no key at all."""
        door = await self.book.look(key)
        known = (await self.store.read()).get(door.user) if door else None
        return doors.opened(door, door.purpose if door else "", known, self.now_us())

    async def enter(self, key: str) -> User:
        """Who comes through a door that signs in; its key is used up.

        Raises:
            Refused: Nobody, with the reason for the log.
            BadRequest: It is no key at all.
            Unavailable: It cannot be done now.
        """
        return await self._through(key, await self._for_purpose(key, SIGN_IN))

    async def choose_password(self, key: str, password: str) -> User:
        """Who comes through a door with a password of his own choice; the key is used up once that is good enough.

        Raises:
            Unprocessable: The password is not taken; the key still opens.
            Refused: Nobody, with the reason for the log.
            BadRequest: It is no key at all.
            Unavailable: It cannot be done now.
        """
        door = await self._for_purpose(key, PASSWORD)
        password_rules.require(password, door.user)
        return await self._through(key, door, await self.passwords.hashed(password))

    async def set_password(self, name: str, password: str) -> User:
        """Another password for who has just shown to know the present one; all sessions of before end.

        Raises:
            Unprocessable: The password is not taken.
            NotFound: There is no such user any more.
            TooMany: Too many others sign in.
            Unavailable: It cannot be done now.
        """
        password_rules.require(password, name)
        return await self.edit(name, users.with_hash(await self.passwords.hashed(password)))

    async def edit(self, name: str, change: Edit) -> User:
        """Change somebody's record; raises NotFound where there is none, and as `UserStore.change`."""
        found = await self.store.change(name, change)
        if found is None:
            raise NotFound(f"there is no user {name}")
        if found.disabled:
            await self.book.close(name)
        return found

    async def forget(self, name: str) -> None:
        """Leave nothing of a person but what the log says.

        Raises:
            NotFound: There is none, and none is invited.
            Conflict: It is the last admin.
            Unavailable: The store is away.
        """
        was_known = name in await self.store.read()
        # Doors first: who comes through one afterwards would be made anew.
        was_invited = await self.book.close(name)
        await self.store.change(name, lambda _: None)
        if not was_known and not was_invited:
            raise NotFound(f"there is no user {name}, and none is invited")

    async def _for_purpose(self, key: str, purpose: str) -> Door:
        door = await self.book.look(key)
        known = (await self.store.read()).get(door.user) if door else None
        return doors.opened(door, purpose, known, self.now_us())

    async def _through(self, key: str, door: Door, encoded: str = "") -> User:
        await self.book.use(key, door)
        found = await self.store.change(door.user, doors.let_in(door, self.now_us(), encoded))
        assert found is not None, "a door lets somebody in"
        return found

    async def _open(self, door: Door) -> tuple[str, Door]:
        return await self.book.make(door), door

    def _for(self, valid_s: int) -> dict[str, int]:
        now_us = self.now_us()
        return {"made_us": now_us, "until_us": now_us + valid_s * _US}


DESK = web.AppKey("people_desk", Desk)
"""This manager's; there when it starts."""
