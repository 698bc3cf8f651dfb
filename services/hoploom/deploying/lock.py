"""One deploy of a service at a time, and what is known of one that broke off.

The lock is a key `hoploom/deploys/SERVICE/.lock` that hangs on a Consul session, as those of `consul lock` do (they
exclude each other). Its value says who, since when, to what and how far. A deploy that comes to an end removes it; one
that was killed leaves it without a session, and the next deploy of that service finds it.
"""

import asyncio
import getpass
import json
import os
import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hoploom.kit.consul_api import LOCK_FLAG, ConsulApi, KvEntry
from hoploom.kit.errors import ConfigError, Unavailable

FOLDER = "hoploom/deploys/"
TTL_S = 10
"""The shortest that Consul knows; it ends a session after at most twice that."""

RENEW_EVERY_S = 3.0
_TRIES, _AGAIN_S = 20, 0.25
"""A lock whose session has ended may be taken after its delay of a second."""


@dataclass(frozen=True)
class Record:
    """What a deploy keeps of itself."""

    version: str
    old: tuple[str, ...] = ()
    job: str = ""
    before: int = 0
    way: str = ""
    datacenters: tuple[str, ...] = ()
    where: str = ""
    who: str = ""
    since: str = ""
    process: str = ""
    v: int = field(default=1)

    def told(self) -> str:
        """For a person."""
        return f"{self.who} has been deploying {self.version} since {self.since}"

    def as_bytes(self) -> bytes:
        """For the key."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def of(cls, value: bytes) -> "Record | None":
        """What stands in the key; None where it is nothing of ours, such as what `consul lock` writes."""
        try:
            found = json.loads(value)
            known = {each.name for each in fields(cls)}
            given: dict[str, Any] = {name: _hashable(said) for name, said in found.items() if name in known}
            return cls(**given)
        except (ValueError, TypeError, AttributeError):
            return None


def _hashable(said: object) -> object:
    return tuple(said) if isinstance(said, list) else said


class Lock:
    """The lock of one service."""

    def __init__(self, consul: ConsulApi, service: str) -> None:
        """Hold nothing yet."""
        self._consul, self._service = consul, service
        self._key = f"{FOLDER}{service}/.lock"
        self._session = ""

    async def seen(self) -> Record | None:
        """What is known of a deploy that is going on, or broke off."""
        entry = await self._consul.kv_get(self._key)
        return Record.of(entry.value) if entry else None

    async def take(self, record: Record) -> Record | None:
        """Take the lock.

        Args:
            record: What to write there.

        Returns:
            What an earlier deploy left that broke off; None where none did.

        Raises:
            ConfigError: Another deploy of this service is going on.
        """
        entry = await self._consul.kv_get(self._key, consistent=True)
        if entry and entry.session:
            entry = await self._freed(entry)
        left = Record.of(entry.value) if entry else None
        self._session = await self._consul.session_create(
            # No checks: it shall outlive a restart of the agent's node check.
            {"Name": f"deploy of {self._service}", "TTL": f"{TTL_S}s", "LockDelay": "1s", "Behavior": "release",
             "NodeChecks": [], "ServiceChecks": []}
        )  # fmt: skip
        for _ in range(_TRIES):
            if await self._written(left or record):
                return left
            holder = await self._consul.kv_get(self._key, consistent=True)
            if holder and holder.session:
                await self.leave()
                raise ConfigError(_refusal(self._service, holder))
            await asyncio.sleep(_AGAIN_S)
        raise Unavailable(f"Consul does not give the lock {self._key}, which nobody holds")

    async def _freed(self, entry: KvEntry) -> KvEntry:
        """The entry, of which the holder has died on this machine; else the refusal."""
        record = Record.of(entry.value)
        if record is None or not record.process or not _has_died(record.process):
            raise ConfigError(_refusal(self._service, entry))
        await self._consul.session_destroy(entry.session)
        return replace(entry, session="")

    async def note(self, record: Record) -> None:
        """Write how far it is; raises Unavailable where the lock is not ours any more."""
        if not await self._written(record):
            raise Unavailable("the lock of this deploy is not ours any more")

    async def _written(self, record: Record) -> bool:
        take = {"Verb": "lock", "Key": self._key, "Value": record.as_bytes(), "Flags": LOCK_FLAG}
        return bool(await self._consul.kv_txn([{**take, "Session": self._session}]))

    async def keep(self, lost: Callable[[str], None]) -> None:
        """Renew the session for ever; calls `lost` with who has it instead, and ends, when it has ended."""
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            try:
                if not await self._consul.session_renew(self._session):
                    entry = await self._consul.kv_get(self._key, consistent=True)
                    record = Record.of(entry.value) if entry and entry.session else None
                    lost(record.who if record else "nobody")
                    return
            except Unavailable:
                continue

    async def forget(self) -> None:
        """Nothing is left to go on with: the key goes, if it still is ours."""
        check = {"Verb": "check-session", "Key": self._key, "Session": self._session}
        await self._consul.kv_txn([check, {"Verb": "delete", "Key": self._key}])

    async def leave(self) -> None:
        """End the session; what stands in the key stays."""
        if self._session:
            await self._consul.session_destroy(self._session)
            self._session = ""


def _refusal(service: str, entry: KvEntry) -> str:
    record = Record.of(entry.value)
    who = record.told() if record else f"somebody else holds its lock (session {entry.session})"
    return f"{service} is being deployed already: {who}; wait for its end (one that died frees it in {2 * TTL_S} s)"


def signed(record: Record) -> Record:
    """A record with who deploys, since when, and by which process."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    host = socket.gethostname()
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    process = f"{host} {os.getpid()} {_started(os.getpid())}"
    return replace(record, who=f"{user}@{host}", since=now, process=process)


def _has_died(process: str) -> bool:
    """Whether a process of this machine is known to have ended."""
    host, _, rest = process.partition(" ")
    pid, _, started = rest.partition(" ")
    return host == socket.gethostname() and pid.isdigit() and bool(started) and _started(int(pid)) != started


def _started(pid: int) -> str:
    """When a process began, in ticks since the machine did; empty where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
