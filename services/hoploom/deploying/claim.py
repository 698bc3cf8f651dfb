"""Which of the deploys of a service counts that were begun in different datacenters: one datacenter's key decides.

A deploy from elsewhere cannot hang a session on that key. It sets it by compare-and-set, and names there its own
datacenter, where its lock shows whether it lives. So neither rights to sessions on somebody else's nodes are needed nor
a clock, and where the other datacenter does not answer nobody takes its place.
"""

from dataclasses import dataclass, replace

from hoploom.deploying.record import Record
from hoploom.kit.consul_api import ConsulApi, KvEntry
from hoploom.kit.errors import ConfigError, Unavailable

_TRIES = 20
_FREED_S = 20
"""Consul ends a session after at most twice its TTL."""


@dataclass(frozen=True)
class Seat:
    """From where a deploy is done (`own`), and the datacenter whose key decides (`home`)."""

    consul: ConsulApi
    key: str
    own: str
    home: str

    async def read(self, dc: str) -> KvEntry | None:
        """The key of a datacenter; raises Unavailable."""
        _, found = await self.consul.kv_of("" if dc == self.own else dc, self.key)
        return next((each for each in found if each.key == self.key), None)


async def require_free(seat: Seat, service: str, entry: KvEntry | None) -> None:
    """Raise where the deploy that an entry tells of is going on.

    Raises:
        ConfigError: It is.
        Unavailable: The datacenter from which it was begun does not answer.
    """
    record = Record.of(entry.value) if entry else None
    if entry and entry.session:
        raise ConfigError(refusal(service, entry))
    # Of those from the own datacenter the own lock has told already.
    if entry and record and record.dc not in ("", seat.own, seat.home):
        await _require_dead(seat, service, record, entry)


async def _require_dead(seat: Seat, service: str, record: Record, entry: KvEntry) -> None:
    try:
        there = await seat.read(record.dc)
    except Unavailable as error:
        raise Unavailable(f"{record.told()} from datacenter {record.dc}, which does not answer, so nobody knows "
                          f"whether it still does: {error}") from error  # fmt: skip
    if there and there.session:
        raise ConfigError(refusal(service, entry))


class Claim:
    """The key of the datacenter that decides, set by a deploy from another one, which holds the lock there."""

    def __init__(self, seat: Seat, service: str, record: Record) -> None:
        """Claim nothing yet; the record names this deploy."""
        self._seat, self._service, self._record = seat, service, record

    async def take(self) -> Record | None:
        """Claim it; results and errors as of `Lock.take`."""
        left: Record | None = None
        for _ in range(_TRIES):
            entry = await self._seat.read(self._seat.home)
            if self._is_ours(entry):
                return left
            await require_free(self._seat, self._service, entry)
            left = Record.of(entry.value) if entry else None
            kept = replace(left, process=self._record.process, dc=self._seat.own) if left else self._record
            if await self._put(kept, entry):
                return left
        raise Unavailable(f"{self._seat.key} changes all the time in datacenter {self._seat.home}")

    async def write(self, record: Record) -> bool:
        """Write how far it is; False where it is not ours any more."""
        entry = await self._seat.read(self._seat.home)
        return self._is_ours(entry) and await self._put(replace(record, dc=self._seat.own), entry)

    async def other(self) -> str | None:
        """Who has it instead; None while it is ours."""
        entry = await self._seat.read(self._seat.home)
        record = Record.of(entry.value) if entry else None
        return None if self._is_ours(entry) else record.who if record else "nobody"

    async def forget(self, ended: Record | None = None) -> None:
        """The key goes, if it still is ours, and how it ended is kept beside it."""
        entry = await self._seat.read(self._seat.home)
        if entry and self._is_ours(entry):
            if ended:
                await self._seat.consul.kv_put_of(self._seat.home, last(self._seat.key), ended.as_bytes())
            await self._seat.consul.kv_delete_of(self._seat.home, self._seat.key, cas=entry.modify_index)

    def _is_ours(self, entry: KvEntry | None) -> bool:
        record = Record.of(entry.value) if entry and not entry.session else None
        return record is not None and (record.dc, record.process) == (self._seat.own, self._record.process)

    async def _put(self, record: Record, entry: KvEntry | None) -> bool:
        index = entry.modify_index if entry else 0
        return await self._seat.consul.kv_put_of(self._seat.home, self._seat.key, record.as_bytes(), cas=index)


def last(key: str) -> str:
    """The key beside a lock's in which stands how the last deploy ended, for managers to tell."""
    return f"{key.rpartition('/')[0]}/last"


def refusal(service: str, entry: KvEntry) -> str:
    """Why nobody else may deploy now."""
    record = Record.of(entry.value)
    who = record.told() if record else f"somebody else holds its lock (session {entry.session})"
    return f"{service} is being deployed already: {who}; wait for its end (one that died frees it in {_FREED_S} s)"
