"""Who is enrolled in this datacenter, as far as ads are concerned: whoever was removed is heard no more, anywhere.

A removed worker's credential is still good for hours, and copies of its ads lie in other managers. So every manager
follows the records itself. Who was never enrolled here may be so in another datacenter, and is heard.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable

from hoploom.kit import watch
from hoploom.kit.consul_api import ConsulApi, KvEntry
from hoploom.kit.errors import Forbidden, Unavailable
from hoploom.manager.enrolment.records import WORKERS, read_worker
from hoploom.trust.credential import Credential

PACE_S = 1.0
"""A query for what is not there returns at every write to the store."""

MOST_REMOVED = 10_000
"""Names of removed workers that are remembered, until this process ends."""


class Enrolled:
    """The enrolled workers, and those that were."""

    def __init__(self, gone: Callable[[str], None]) -> None:
        """Know nobody; `gone` is told the name of everybody who is removed."""
        self._gone = gone
        self._keys: dict[str, str] = {}
        self._removed: dict[str, None] = {}

    @property
    def names(self) -> Collection[str]:
        """The enrolled workers, as far as this manager knows."""
        return self._keys.keys()

    def require(self, credential: Credential) -> None:
        """Raises Forbidden for a worker that was removed, or whose name was given to another machine since."""
        key = self._keys.get(credential.worker)
        if credential.worker in self._removed or key not in (None, "", credential.key):
            raise Forbidden(f"the worker {credential.worker} was removed from the mesh: it may join again")

    def learn(self, entries: Iterable[KvEntry]) -> None:
        """Take over the records as they stand now."""
        before, self._keys = self._keys, {each.key.removeprefix(WORKERS): _key(each) for each in entries}
        for name in before.keys() - self._keys.keys():
            self._removed[name] = None
            self._gone(name)
        for name in self._keys:
            self._removed.pop(name, None)
            if before.get(name) not in (None, "", self._keys[name]):
                self._gone(name)
        while len(self._removed) > MOST_REMOVED:
            del self._removed[next(iter(self._removed))]

    async def follow(self, consul: ConsulApi) -> None:
        """Learn for ever."""

        async def read(index: int) -> tuple[int, list[KvEntry]]:
            if index and not self._keys:
                await asyncio.sleep(PACE_S)
            return await consul.kv_watch(WORKERS, index)

        await watch.follow("who is enrolled", read, self.learn)


def _key(entry: KvEntry) -> str:
    """The key in a record; empty where that is damaged: then the name alone counts."""
    try:
        return read_worker(entry.value).key
    except Unavailable:
        return ""
