"""Who is enrolled in this datacenter: whoever was removed is let in no more, anywhere.

A removed worker's credential is still good for hours, and copies of its ads lie in managers. So every instance that
lets workers in follows the records itself, and sees who is removed; who has a credential of some time before the
records were last read, and no record, was removed unseen. Who joined in another datacenter is on its roll, and is let
in.
"""

import asyncio
import json
from collections.abc import Callable, Collection, Iterable

from hoploom.kit import watch
from hoploom.kit.clock import wall_us
from hoploom.kit.consul_api import ConsulApi, KvEntry
from hoploom.kit.errors import BadRequest, Forbidden
from hoploom.trust.credential import CREDENTIAL_TTL_S, GRACE_S, Credential
from hoploom.wire.enrolment import PUBLIC_KEY
from hoploom.wire.fields import Fields

WORKERS = "hoploom/workers/"
"""The record of each enrolled worker, by its name (`manager.enrolment.records`)."""

PACE_S = 1.0
"""A query for what is not there returns at every write to the store."""

MOST_REMOVED = 10_000
"""Names of removed workers that are remembered, until this process ends."""


class Roll:
    """The enrolled workers, and those that were."""

    def __init__(self, dc: str = "", wall: Callable[[], int] = wall_us) -> None:
        """Know nobody.

        Args:
            dc: The datacenter whose roll this is.
            wall: The wall clock, microseconds since 1970.
        """
        self._dc, self._wall = dc, wall
        self._read_s: float | None = None
        self._listeners: list[Callable[[str], None]] = []
        self._keys: dict[str, str] = {}
        self._removed: dict[str, None] = {}

    def when_gone(self, tell: Callable[[str], None]) -> None:
        """Have somebody told the name of everybody who is removed, or whose name another machine gets."""
        self._listeners.append(tell)

    @property
    def names(self) -> Collection[str]:
        """The enrolled workers, as far as this instance knows."""
        return self._keys.keys()

    def require(self, credential: Credential) -> None:
        """Raises Forbidden for a worker that was removed, or whose name was given to another machine since."""
        key = self._keys.get(credential.worker)
        is_gone = credential.worker in self._removed or (key is None and self._was_here(credential))
        if is_gone or key not in (None, "", credential.key):
            raise Forbidden(f"the worker {credential.worker} was removed from the mesh: it may join again")

    def _was_here(self, credential: Credential) -> bool:
        """Whether a credential was given in this datacenter some time before its records were last read here."""
        given_s = credential.expires_s - CREDENTIAL_TTL_S
        return credential.dc == self._dc and self._read_s is not None and given_s < self._read_s - GRACE_S

    def learn(self, entries: Iterable[KvEntry]) -> None:
        """Take over the records as they stand now."""
        self._read_s = self._wall() / 1e6
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

    def _gone(self, name: str) -> None:
        for tell in self._listeners:
            tell(name)

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
        return Fields(json.loads(entry.value), "an enrolled worker").text("key", PUBLIC_KEY)
    except (BadRequest, ValueError, RecursionError):
        return ""
