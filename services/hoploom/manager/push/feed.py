"""What everybody who listens is told: the overlay's version, and the commands of operators, followed in the KV store.

Every manager follows the same keys, so it does not matter on which one somebody hangs. While Consul is silent nothing
is confirmed: listeners get comments alone then, and ask the input service themselves.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Sequence

from hoploom.kit import watch
from hoploom.kit.clock import boottime_s
from hoploom.kit.consul_api import ConsulApi, KvEntry
from hoploom.kit.errors import BadRequest, Damaged
from hoploom.manager.push.hub import Hub
from hoploom.wire import commands
from hoploom.wire.commands import EVERYBODY, Commands
from hoploom.wire.overlay import OverlayDocument
from hoploom.wire.overlay_record import KEY, pulled_key, read_stored
from hoploom.wire.push import KEEP_ALIVE, ORDERS, RUN, SETTINGS, encoded

log = logging.getLogger(__name__)
FRESH_S = 40.0
"""A blocking query returns after some 26 s at the latest; without word for longer nobody knows what holds now."""

PACE_S = 1.0
"""A query for what is not there returns at every write to the store."""


class Feed:
    """What holds now, as this manager knows it; each change is said to whom it concerns."""

    def __init__(self, consul: ConsulApi, hub: Hub, home: str = "", clock: Callable[[], float] = boottime_s) -> None:
        """Know nothing yet.

        Args:
            consul: The KV store.
            hub: Who listens.
            home: The datacenter whose overlay holds here too; empty where this one is the home.
            clock: This process's own.
        """
        self._consul, self._hub, self._home, self._clock = consul, hub, home, clock
        self._overlays: dict[str, OverlayDocument] = {}
        self._commands: dict[str, Commands] | None = None
        self._heard_s = float("-inf")

    @property
    def version(self) -> int | None:
        """The overlay's version, as the input service tells it; None while it is not known, also of the home's."""
        keys = [KEY, *([pulled_key(self._home)] if self._home else [])]
        known = [self._overlays.get(key) for key in keys]
        # As `OverlayDocument.joined` adds them up.
        return sum(each.version for each in known if each) if all(known) else None

    def now(self, name: str) -> bytes:
        """All that holds for who begins to listen: events."""
        return b"".join([self._orders(), *map(self._said, (EVERYBODY, name))])

    def keep_alive(self) -> bytes:
        """What to send to who waits: that the orders are the same, or nothing where that is not known any more."""
        return (self._orders() if self._clock() - self._heard_s <= FRESH_S else b"") or KEEP_ALIVE

    def is_revoked(self, name: str) -> bool:
        """Whether a worker is, as far as is known here."""
        return any(each.is_revoked(name) for each in self._overlays.values())

    async def run(self) -> None:
        """Follow both, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(watch.follow("the overlay", self._read_overlays, self.learn_overlays))
            group.create_task(watch.follow("the workers' commands", self._read_commands, self.learn_commands))

    def learn_overlays(self, found: Sequence[tuple[str, OverlayDocument]]) -> None:
        """What is stored, by key: an older version than the known one is passed over, as the input service does."""
        before, self._heard_s = self.version, self._clock()
        for key, each in found:
            if key not in self._overlays or each.version > self._overlays[key].version:
                self._overlays[key] = each
        if self.version != before:
            self._hub.say(self._orders())
            self._hub.drop({name for each in self._overlays.values() for name in each.revoked}, "revoked")

    def learn_commands(self, found: Iterable[tuple[str, Commands]]) -> None:
        """What is stored, by worker."""
        before, self._commands = self._commands or {}, dict(found)
        for name in self._commands:
            if before.get(name) != self._commands[name]:
                self._hub.say(self._said(name), None if name == EVERYBODY else name)

    def _orders(self) -> bytes:
        version = self.version
        return b"" if version is None else encoded(ORDERS, version=version)

    def _said(self, name: str) -> bytes:
        if self._commands is None:
            return b""
        # Also where there are none: who hears a count for the first time does nothing about it.
        known = self._commands.get(name, Commands())
        settings = encoded(SETTINGS, worker=name, rate_pps=known.rate_pps)
        return settings + encoded(RUN, worker=name, run=known.run)

    async def _read_overlays(self, index: int) -> tuple[int, list[tuple[str, OverlayDocument]]]:
        if index and not self._overlays:
            await asyncio.sleep(PACE_S)
        at, entries = await self._consul.kv_watch(KEY, index)
        return at, [(each.key, read_stored(each)) for each in entries]

    async def _read_commands(self, index: int) -> tuple[int, list[tuple[str, Commands]]]:
        at, entries = await self._consul.kv_watch(commands.PREFIX, index)
        if not entries:
            # So that the next query has something to wait for.
            await self._consul.kv_put(commands.key(EVERYBODY), stored(Commands()), cas=0)
        return at, [(each.key.removeprefix(commands.PREFIX), read(each)) for each in entries]


def stored(found: Commands) -> bytes:
    """Commands as they are stored."""
    return json.dumps(found.to_json()).encode()


def read(entry: KvEntry | None) -> Commands:
    """Commands as they are stored, none where there are none; raises Damaged where they are not understood."""
    if entry is None:
        return Commands()
    try:
        return Commands.from_json(json.loads(entry.value))
    except (BadRequest, ValueError, RecursionError) as error:
        raise Damaged(f"the commands stored in Consul at {entry.key} are damaged: delete the key") from error
