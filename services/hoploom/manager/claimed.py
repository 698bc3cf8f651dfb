"""Which service a path belongs to that came to a manager: who is away is no stranger.

Fabio sends a path of whom it knows no instance to the next shorter route, which in the end is a manager's `/`. That the
path has an owner stands in Consul's catalogue, which lists sick instances too, and is remembered for a while here.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence

from aiohttp import web

from hoploom import kit
from hoploom.kit import tags
from hoploom.kit.clock import boottime_s
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import Unavailable
from hoploom.kit.names import Names
from hoploom.kit.tags import Route, TagError

log = logging.getLogger(__name__)
EVERY_S = 10.0
"""Time between two looks at the catalogue; an instance that has died stands there for a minute."""

FRESH_S = 1.0
"""Somebody who asks for what nobody has makes a look at most so often, whoever it is."""

REMEMBERED_S = 300.0
"""A service that was stopped is missed for so long, and unknown afterwards: a new start takes seconds."""

_ME = "manager"
Catalogue = Mapping[str, Sequence[str]]


class Claims:
    """The paths of other services, as one manager knows them."""

    def __init__(self, consul: ConsulApi, names: Names, clock: Callable[[], float] = boottime_s) -> None:
        """Know no path yet.

        Args:
            consul: Whose catalogue is read.
            names: How services and routes are written there.
            clock: This process's own, in seconds.
        """
        self._consul, self._names, self._clock = consul, names, clock
        self._seen_s: dict[tuple[str, str, str], float] = {}
        self._looked_s = float("-inf")
        self._turn = asyncio.Lock()

    async def owner(self, host: str, path: str) -> str:
        """The service with the longest claim to a request, or an empty text where nobody claims it.

        Args:
            host: Host that was asked for, with or without a port.
            path: Path as it came here.
        """
        async with self._turn:
            if self._clock() - self._looked_s > FRESH_S:
                await self.look()
        asked, full = host.partition(":")[0].lower(), f"{self._names.route_prefix}{path}"
        claims = [
            (len(beginning), service)
            for service, wanted, beginning in self._seen_s
            if wanted in ("", asked) and full.startswith(beginning)
        ]
        return self._names.plain_service(max(claims)[1]) if claims else ""

    async def look(self) -> None:
        """Read the catalogue; without it, what was known before stays."""
        now_s = self._looked_s = self._clock()
        try:
            found = await self._consul.services()
        except Unavailable as error:
            log.info("whose paths are whose is not read now: %s", error)
            return
        kept = {claim: at_s for claim, at_s in self._seen_s.items() if now_s - at_s <= REMEMBERED_S}
        mine = self._names.service(_ME)
        self._seen_s = kept | {
            (service, route.host, route.path): now_s
            for service, words in found.items() if service != mine
            for route in _routes(words)
        }  # fmt: skip

    async def run(self) -> None:
        """Look now and then, for ever, so that who goes is missed."""
        while True:
            await self.look()
            await asyncio.sleep(EVERY_S)


def _routes(words: Sequence[str]) -> Iterator[Route]:
    """What is routed by path, but for all paths: those are nobody's more than a manager's."""
    for word in words:
        if word.startswith(tags.PREFIX):
            try:
                found = tags.parse(word)
            except TagError:
                continue
            if found.path not in ("", "/"):
                yield found


CLAIMS = web.AppKey("claims", Claims)


def attach(app: web.Application) -> None:
    """Have a manager know the paths of other services."""

    async def known(app: web.Application) -> AsyncIterator[None]:
        mesh = kit.mesh(app)
        app[CLAIMS] = Claims(mesh.consul, mesh.names)
        yield

    async def follow(app: web.Application) -> None:
        await app[CLAIMS].run()

    app.cleanup_ctx.append(known)
    kit.background(app, follow)
