"""The newest lines of the audit, in one key of the KV store that all managers write and read.

Each manager adds what it has in batches, by checked-and-set. The whole of it is in the managers' logs.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Never

from aiohttp import web

from hoploom import kit
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import BadRequest, Unavailable
from hoploom.wire.fields import MAX_INTEGER, PRINTABLE, VERSION, Fields

log = logging.getLogger(__name__)
KEY = "hoploom/audit"
MOST = 300
LONGEST = {"who": 80, "action": 40, "what": 200, "request": 64}
"""So many lines are kept; with the longest ones, of four bytes a letter, 480 kB of the 512 that a value may have."""

WRITE_EVERY_S = 2.0
_TRIES = 20
_MOST_WAITING = 4 * MOST


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Something that somebody has changed.

    Attributes:
        at_us: When, in microseconds since 1970.
        who: Name and role.
        action: What was done.
        what: To what.
        request: Id of the request, by which the log has more.
    """

    at_us: int
    who: str
    action: str
    what: str
    request: str = ""

    def document(self) -> dict[str, Any]:
        """As JSON."""
        known = asdict(self)
        return {"at_us": self.at_us, **{name: _plain(known[name][:longest]) for name, longest in LONGEST.items()}}


class Ring:
    """Takes lines, and writes them."""

    def __init__(self, consul: ConsulApi) -> None:
        """Have nothing to write."""
        self._consul = consul
        self._waiting: list[Entry] = []

    def add(self, entry: Entry) -> None:
        """Write it soon; what waits while Consul is away for long stands in the log alone."""
        self._waiting.append(entry)
        del self._waiting[:-_MOST_WAITING]

    async def newest(self) -> list[dict[str, Any]]:
        """All lines, the newest first; raises Unavailable."""
        entry = await self._consul.kv_get(KEY)
        return list(reversed(_read(entry.value))) if entry else []

    async def write(self) -> None:
        """Write what waits; raises Unavailable, and then it goes on waiting."""
        added, self._waiting = self._waiting, []
        try:
            await self._append(added)
        except Unavailable:
            self._waiting = [*added, *self._waiting][-_MOST_WAITING:]
            raise

    async def _append(self, added: Sequence[Entry]) -> None:
        if not added:
            return
        for _ in range(_TRIES):
            entry = await self._consul.kv_get(KEY, consistent=True)
            lines = [*(_read(entry.value) if entry else ()), *(each.document() for each in added)]
            # Managers write at different moments.
            lines.sort(key=lambda each: int(each["at_us"]))
            told = {"v": VERSION, "lines": lines[-MOST:]}
            body = json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()
            if await self._consul.kv_put(KEY, body, cas=entry.modify_index if entry else 0):
                return
        raise Unavailable("too many managers write the audit just now")

    async def run(self) -> Never:
        """Write for ever."""
        while True:
            await asyncio.sleep(WRITE_EVERY_S)
            await self.write_if_possible()

    async def write_if_possible(self) -> None:
        """As `write`, and later where it cannot be now."""
        try:
            await self.write()
        except Unavailable as error:
            log.info("the audit is written later: %s", error)


RING = web.AppKey("audit_ring", Ring)


def attach(app: web.Application) -> None:
    """Give an application `RING`, there when it starts."""

    async def opened(app: web.Application) -> AsyncIterator[None]:
        app[RING] = Ring(kit.mesh(app).consul)
        yield

    async def run(app: web.Application) -> None:
        await app[RING].run()

    async def leave(app: web.Application) -> None:
        await app[RING].write_if_possible()

    app.cleanup_ctx.append(opened)
    kit.background(app, run)
    kit.on_drain(app, leave)


async def get_audit(request: web.Request) -> web.Response:
    """The newest lines."""
    return web.json_response({"v": VERSION, "lines": await request.app[RING].newest()})


def _plain(text: str) -> str:
    """Without what would break a line, or the reading of it."""
    return "".join(each if each.isprintable() else "·" for each in text)


def _read(value: bytes) -> list[dict[str, Any]]:
    """Lines as stored; none where they are damaged, so that what comes is written all the same."""
    try:
        return [_line(each) for each in Fields(json.loads(value), "the audit").objects("lines")]
    except (BadRequest, ValueError, RecursionError) as error:
        log.warning("%s in Consul is damaged and begins anew: %s", KEY, error)
        return []


def _line(found: object) -> dict[str, Any]:
    known = Fields(found, "a line of the audit", versioned=False)
    texts = {name: known.text(name, PRINTABLE, "", longest=longest) for name, longest in LONGEST.items()}
    return {"at_us": known.integer("at_us", range(MAX_INTEGER)), **texts}
