"""Changes the commands of a worker in the KV store, where every manager sees them: by checked-and-set."""

from collections.abc import Callable

from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import NotFound, Unavailable
from hoploom.manager.enrolment.records import worker_key
from hoploom.manager.push import feed
from hoploom.wire import commands
from hoploom.wire.commands import EVERYBODY, Commands

_TRIES = 20


class Commanding:
    """Writes what operators command."""

    def __init__(self, consul: ConsulApi) -> None:
        """Write to this KV store."""
        self._consul = consul

    async def require_known(self, worker: str) -> None:
        """Refuse a slip in a name, which must not look like a command that was obeyed.

        Raises:
            NotFound: Nobody of this name has joined, and none of the mesh's own workers has it.
            Unavailable: Consul is away.
        """
        if worker == EVERYBODY or await self._consul.kv_get(worker_key(worker)):
            return
        _, own = await self._consul.instances("ping", passing=False)
        if not any(each.meta.get("worker") == worker for each in own):
            raise NotFound(f"no worker here is called {worker}: `hoploom worker ls` and `hoploom status` name them")

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
