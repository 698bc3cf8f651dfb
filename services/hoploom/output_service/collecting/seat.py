"""A folder's right to be collected into under a name: what it holds, what stands in Consul, and how both meet."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.output_service.collecting import held, pinning
from hoploom.output_service.collecting.held import Held
from hoploom.output_service.collecting.pinning import Pin, Verdict
from hoploom.results.data_set import FILE, DataSet

_BUSY_MS = 1000
Write = Callable[[Mapping[str, Any]], Awaitable[bool]]
"""Carries out one operation of `ConsulApi.kv_txn`; False where another was quicker."""


@dataclass(frozen=True)
class Seat:
    """A folder and the name that it is to have.

    Attributes:
        name: Name of the data set.
        folder: Its folder.
        given_up: UUID of the data set that the operator gives up for it; empty for none.
    """

    name: str
    folder: Path
    given_up: str = ""

    def __post_init__(self) -> None:
        """Raises ConfigError where the name cannot be part of a role."""
        if not pinning.NAME.fullmatch(self.name):
            raise ConfigError(f"a data set is named by lower-case letters, digits and dashes, not {self.name[:40]!r}")

    @property
    def key(self) -> str:
        """Where it is entered in Consul."""
        return f"{pinning.PREFIX}{self.name}"

    async def judged(self, consul: ConsulApi) -> Verdict:
        """Whether the folder may be collected into, as of now; the folder need not be free.

        Raises:
            Unavailable: Consul is away, or the folder is being written to, so nobody knows.
            ConfigError: The folder cannot be read, or Consul holds something that is not understood.
        """
        known, _ = await self._known(consul)
        own = await asyncio.to_thread(held_in, self.folder)
        return pinning.judged(self.name, known, own, self.given_up)

    async def enter(self, consul: ConsulApi, uuid: str, cursors: Mapping[str, int], write: Write) -> None:
        """Write into Consul that this folder is the data set, and how far it is.

        Raises:
            Unavailable: Consul is away, or somebody else has entered one meanwhile.
            ConfigError: Another data set has the name, and was not given up.
        """
        known, index = await self._known(consul)
        if known and known.uuid not in (uuid, self.given_up):
            raise ConfigError(pinning.judged(self.name, known, Pin(uuid), self.given_up).why_not)
        merged = {**(known.cursors if known and known.uuid == uuid else {}), **cursors}
        pin = Pin(uuid, socket.gethostname(), str(self.folder.absolute()), merged)
        if pin != known:
            operation = {"Verb": "cas", "Key": self.key, "Value": pin.to_bytes(), "Index": index}
            if not await write(operation):
                raise Unavailable(f"somebody else has just entered the data set {self.name}")

    async def _known(self, consul: ConsulApi) -> tuple[Pin | None, int]:
        entry = await consul.kv_get(self.key, consistent=True)
        if entry is None:
            return None, 0
        pin = Pin.from_bytes(entry.value)
        if pin is None:
            # Taking it for free could prune what only the set that it names has.
            raise ConfigError(f"the key {self.key} in Consul is not understood; remove it by hand if it may go")
        return pin, entry.modify_index


@asynccontextmanager
async def holding(seat: Seat, consul: ConsulApi, wait_s: float = 0.0) -> AsyncIterator[Held]:
    """The folder's data set, open for the time of the block, and made where there is none.

    Args:
        seat: The folder and its name.
        consul: The local agent.
        wait_s: Seconds to wait for another process to let go of the folder.

    Raises:
        ConfigError: The folder may not be collected into, or belongs to another process; says why.
        Unavailable: Consul is away, or the disk is full.
    """
    verdict = await seat.judged(consul)
    if verdict.why_not:
        raise ConfigError(verdict.why_not)

    def opened() -> DataSet:
        data_set = DataSet.open(seat.folder, seat.name, wait_s)
        if verdict.renews:
            data_set.renew()
        return data_set

    async with held.holding(seat.name, opened) as found:
        yield found


def held_in(folder: Path) -> Pin | None:
    """The data set in a folder, as it is on the disk now, whoever has it open; None where there is none.

    Raises:
        ConfigError: It cannot be read.
        Unavailable: Whoever has it open writes to it just now.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        # Not to write: whoever was killed may have left it half-written, and only a writer may put that right.
        with contextlib.closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)) as connection:
            connection.set_busy_timeout(_BUSY_MS)
            if not connection.execute("SELECT count(*) FROM sqlite_schema").get:
                return None
            found = connection.execute("SELECT value FROM meta WHERE name = 'data_set'").get
            cursors = {str(store): int(upto) for store, upto in connection.execute("SELECT store, upto FROM cursors")}
    except (apsw.BusyError, apsw.LockedError) as error:
        raise Unavailable(f"{path} is being written to just now") from error
    except apsw.Error as error:
        raise ConfigError(f"{path} cannot be read as a data set: {error}") from error
    return Pin(str(found), folder=str(folder), cursors=cursors) if found else None
