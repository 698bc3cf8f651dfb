"""Changes the commands of a worker in the KV store, where every manager sees them: by checked-and-set."""

from collections.abc import Callable

from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import Unavailable
from hoploom.manager.push import feed
from hoploom.wire import commands
from hoploom.wire.commands import Commands

_TRIES = 20


class Commanding:
    """Writes what operators command."""

    def __init__(self, consul: ConsulApi) -> None:
        """Write to this KV store."""
        self._consul = consul

    async def change(self, worker: str, change: Callable[[Commands], Commands]) -> Commands:
        """Change the commands of a worker, or of everybody.

        Args:
            worker: Its name, or `EVERYBODY`.
            change: Takes what is stored; called again when somebody else was quicker.

        Returns:
            What is stored then.

        Raises:
            Unavailable: Consul is away, or what is stored is damaged.
        """
        key = commands.key(worker)
        for _ in range(_TRIES):
            entry = await self._consul.kv_get(key, consistent=True)
            after = change(feed.read(entry))
            if await self._consul.kv_put(key, feed.stored(after), cas=entry.modify_index if entry else 0):
                return after
        raise Unavailable("too many others command the same worker just now")
