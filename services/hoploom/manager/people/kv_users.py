"""Users in Consul's KV store: every manager knows a change as soon as Consul tells it, and none overwrites another's.

A change is one transaction: it compares the record, and where it takes an admin away, also that of the admin who stays.
"""

import asyncio
import logging
import random
from collections.abc import Mapping
from typing import Any, Never

from hoploom.kit import watch
from hoploom.kit.consul_api import ConsulApi, KvEntry
from hoploom.kit.errors import Unavailable
from hoploom.manager.people.users import Edit, User, keep_an_admin, packed, read

log = logging.getLogger(__name__)
PREFIX = "hoploom/users/"
PACE_S = 1.0
"""A query for what is not there returns at every write to the store."""

# Lost races in a row; each means that another manager has just changed the same person.
_TRIES, _LONGEST_PAUSE_S = 32, 0.02


class KvUsers:
    """The users of this datacenter."""

    def __init__(self, consul: ConsulApi) -> None:
        """Know the store, and nobody yet."""
        self._consul = consul
        self._known: dict[str, User] | None = None
        # Index of our last write: an answer from before it is passed over once.
        self._written = 0

    def users(self) -> Mapping[str, User]:
        """See `UserStore.users`."""
        if self._known is None:
            raise Unavailable("who the users are is not known here yet")
        return self._known

    async def read(self) -> Mapping[str, User]:
        """See `UserStore.read`."""
        return understood(await self._consul.kv_list(PREFIX))

    async def change(self, name: str, edit: Edit) -> User | None:
        """See `UserStore.change`."""
        for _ in range(_TRIES):
            entries = {each.key.removeprefix(PREFIX): each for each in await self._consul.kv_list(PREFIX)}
            entry = entries.get(name)
            before = read(entry.value) if entry else None
            after = edit(before)
            if after == before:
                return before
            everybody = understood(entries.values())
            relied = keep_an_admin(before, after, [each for each in everybody.values() if each.name != name])
            operations = [_write(name, entry, after), *(_check(entries[each]) for each in relied[:1])]
            written = await self._consul.kv_txn([one for each in operations for one in each])
            if written is not None:
                self._learn_own(name, after, max((each.modify_index for each in written), default=0))
                return after
            # Spread out: two that go on in step would lose to each other again and again.
            await asyncio.sleep(random.uniform(0, _LONGEST_PAUSE_S))
        raise Unavailable("too many others change the users just now")

    async def follow(self) -> Never:
        """See `UserStore.follow`."""

        async def look(index: int) -> tuple[int, tuple[int, list[KvEntry]]]:
            if index and not self._known:
                await asyncio.sleep(PACE_S)
            found, entries = await self._consul.kv_watch(PREFIX, index)
            return found, (found, entries)

        await watch.follow("who the users are", look, self._learn)

    def _learn(self, told: tuple[int, list[KvEntry]]) -> None:
        index, entries = told
        if index < self._written:
            # Asked before our own write, answered after it: the next answer has it.
            self._written = 0
            return
        self._known = understood(entries)

    def _learn_own(self, name: str, user: User | None, index: int) -> None:
        """What was written here is known here at once, so that a session that is made for it is good."""
        if self._known is None:
            return
        self._written = max(index, self._written)
        kept = {key: each for key, each in self._known.items() if key != name}
        self._known = kept if user is None else {**kept, name: user}


def understood(entries: Any) -> dict[str, User]:
    """The users of records; nobody signs in by a damaged one."""
    found = {}
    for each in entries:
        try:
            user = read(each.value)
        except Unavailable as error:
            log.warning("%s is passed over: %s", each.key, error)
            continue
        found[each.key.removeprefix(PREFIX)] = user
    return found


def _write(name: str, entry: KvEntry | None, after: User | None) -> list[dict[str, Any]]:
    key, index = f"{PREFIX}{name}", entry.modify_index if entry else 0
    if after is not None:
        return [{"Verb": "cas", "Key": key, "Value": packed(after), "Index": index}]
    return [{"Verb": "check-index", "Key": key, "Index": index}, {"Verb": "delete", "Key": key}]


def _check(entry: KvEntry) -> list[dict[str, Any]]:
    return [{"Verb": "check-index", "Key": entry.key, "Index": entry.modify_index}]
