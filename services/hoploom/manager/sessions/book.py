"""The sessions that are open, as this manager knows them: followed in the KV store, so good and ended at all at once.

What is known here answers at once, also while Consul is away. What is not known is looked up, for it may have begun a
moment ago at another manager. A session is good as long as its user's record says what it said when it began.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Never

from aiohttp import web

from hoploom.kit import watch
from hoploom.kit.clock import boottime_s, wall_us
from hoploom.kit.consul_api import ConsulApi, KvEntry
from hoploom.kit.errors import Unavailable
from hoploom.manager.people.store import UserStore
from hoploom.manager.people.users import User
from hoploom.manager.sessions import record
from hoploom.manager.sessions.allowance import Allowance
from hoploom.manager.sessions.record import SEEN_EVERY_S, Session

log = logging.getLogger(__name__)
MOST_A_USER = 30
"""More machines than anybody sits at; the oldest session ends when another one begins."""

MOST_ENDED = 10_000
LOOKS_PER_S, LOOKS_AT_ONCE = 20.0, 100.0
"""Made-up cookies must not become as many reads of the store."""

PACE_S = 1.0
"""A query for what is not there returns at every write to the store."""

WRITE_EVERY_S = 5.0


class Book:
    """Begins, finds and ends sessions."""

    def __init__(self, consul: ConsulApi, users: UserStore, wall: Callable[[], int] = wall_us) -> None:
        """Know nothing yet.

        Args:
            consul: The KV store.
            users: Whose sessions they are.
            wall: The wall clock, microseconds since 1970; records of other managers are compared by it.
        """
        self._consul, self._users, self._wall = consul, users, wall
        self._known: dict[str, Session] = {}
        # Digests, the newest last: an answer of Consul's from before the end must not bring a session back.
        self._ended: dict[str, None] = {}
        self._used: dict[str, int] = {}
        self._last: Mapping[str, User] = {}
        self._looks = Allowance(LOOKS_PER_S, LOOKS_AT_ONCE)

    async def find(self, session_id: str, *, is_use: bool = True) -> Session | None:
        """The session with this id; None where there is none, or it is over.

        Args:
            session_id: As it was sent.
            is_use: Whether somebody does something; an open page that renews itself does not keep a session.

        Raises:
            Unavailable: It is not known here, and Consul is away.
        """
        digest = record.digest(session_id)
        if not record.ID.fullmatch(session_id) or digest in self._ended:
            return None
        found = self._known.get(digest) or await self._look(digest)
        if found is None:
            return None
        if found.is_over(self._wall()) or not await self._is_good(found):
            self._forget(digest)
            return None
        if is_use and self._wall() - found.seen_us > SEEN_EVERY_S * 10**6:
            self._used[digest] = self._wall()
        return found

    def of(self, user: str) -> list[Session]:
        """A person's sessions as known here, the newest first."""
        found = [each for each in self._known.values() if each.user == user and not each.is_over(self._wall())]
        return sorted(found, key=lambda each: -each.created_us)

    async def begin(self, user: User, address: str) -> str:
        """Begin a session, with a new id.

        Args:
            user: Whose, as stored now.
            address: Where the person asks from.

        Returns:
            The id, which is kept nowhere else.

        Raises:
            Unavailable: Consul is away.
        """
        session_id, now_us = secrets.token_urlsafe(32), self._wall()
        session = Session(
            digest=record.digest(session_id), user=user.name, changed=user.changed, role=user.role,
            created_us=now_us, csrf=secrets.token_urlsafe(32), address=address, seen_us=now_us,
        )  # fmt: skip
        for each in self.of(user.name)[MOST_A_USER - 1 :]:
            await self.end(each.digest)
        await self._consul.kv_put(session.key, record.packed(session))
        self._known[session.digest] = session
        return session_id

    async def end(self, digest: str) -> None:
        """End a session, at all managers; raises Unavailable while Consul is away, and then it goes on."""
        await self._consul.kv_delete(f"{record.PREFIX}{digest}")
        self._forget(digest)

    async def end_all(self, user: str, but: str = "") -> int:
        """End all sessions of a person but the one with this digest; how many there were. Raises as `end`."""
        entries = await self._consul.kv_list(record.PREFIX)
        ended = [each.digest for each in _read(entries) if each.user == user and each.digest != but]
        for digest in ended:
            await self.end(digest)
        return len(ended)

    async def sweep(self) -> None:
        """Remove from the store what is over; one manager does so for all. Raises Unavailable."""
        for each in _read(await self._consul.kv_list(record.PREFIX)):
            if each.is_over(self._wall()) or not await self._is_good(each):
                await self.end(each.digest)

    async def run(self) -> None:
        """Follow what other managers begin and end, and say what is used here, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(watch.follow("who has signed in", self._read_on, self.learn))
            group.create_task(self._write())

    def learn(self, found: Iterable[Session]) -> None:
        """What is stored."""
        self._known = {each.digest: each for each in found if each.digest not in self._ended}

    async def write_used(self) -> None:
        """Write down what was used since the last time; raises Unavailable, and the rest waits."""
        while self._used:
            digest, now_us = next(iter(self._used.items()))
            entry = await self._consul.kv_get(f"{record.PREFIX}{digest}")
            if entry:
                used = replace(record.read(entry.key, entry.value), seen_us=now_us)
                # Compared, so that what has ended meanwhile does not begin again.
                await self._consul.kv_put(entry.key, record.packed(used), cas=entry.modify_index)
                if digest in self._known:
                    self._known[digest] = used
            self._used.pop(digest, None)

    async def _write(self) -> Never:
        while True:
            await asyncio.sleep(WRITE_EVERY_S)
            try:
                await self.write_used()
            except Unavailable as error:
                log.info("what sessions are used is written later: %s", error)

    async def _read_on(self, index: int) -> tuple[int, list[Session]]:
        if index and not self._known:
            await asyncio.sleep(PACE_S)
        at, entries = await self._consul.kv_watch(record.PREFIX, index)
        return at, _read(entries)

    async def _look(self, digest: str) -> Session | None:
        if not self._looks.take(boottime_s()):
            raise Unavailable("many sessions are asked for that are not known here: try again in a moment", 2.0)
        entry = await self._consul.kv_get(f"{record.PREFIX}{digest}")
        if entry is None:
            return None
        self._known[digest] = record.read(entry.key, entry.value)
        return self._known[digest]

    async def _is_good(self, session: Session) -> bool:
        user = self._user(session.user)
        if user is None or user.changed < session.changed:
            # This manager may not have heard yet of what was changed at another one.
            user = (await self._read_users(session.user)).get(session.user)
        return user is not None and not user.disabled and user.changed == session.changed

    async def _read_users(self, name: str) -> Mapping[str, User]:
        try:
            self._last = await self._users.read()
        except Unavailable:
            if name not in self._last:
                raise
        return self._last

    def _user(self, name: str) -> User | None:
        try:
            return self._users.users().get(name)
        except Unavailable:
            return None

    def _forget(self, digest: str) -> None:
        self._known.pop(digest, None)
        self._used.pop(digest, None)
        self._ended[digest] = None
        if len(self._ended) > MOST_ENDED:
            del self._ended[next(iter(self._ended))]


BOOK = web.AppKey("sessions_book", Book)


def _read(entries: Iterable[KvEntry]) -> list[Session]:
    """Sessions as stored; what is damaged is nobody's."""
    found = []
    for each in entries:
        try:
            found.append(record.read(each.key, each.value))
        except Unavailable as error:
            log.warning("%s", error)
    return found
