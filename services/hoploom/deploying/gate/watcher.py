"""Reads the metrics of routers and instances again and again, and keeps count over their restarts."""

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import replace

import aiohttp

from hoploom.deploying.gate import looks, pages
from hoploom.deploying.gate.looks import Look
from hoploom.deploying.gate.pages import Series
from hoploom.kit.clock import boottime_s
from hoploom.kit.consul_api import Instance
from hoploom.kit.errors import Unavailable
from hoploom.kit.fabio_api import Router
from hoploom.kit.http_client import HttpClient

ASK_TIMEOUT_S = 3.0
BYTES_MOST = 8 * 2**20
"""Of one page: a Fabio with 2,000 targets has 5 MB."""

LOOKS_MOST = 600
"""So many are kept: of more, the first ones are one long step."""

_ON_THE_KIT = "booted_at_us"
"""In the metadata of whoever stands on the kit; Prometheus finds them by it, too."""
_OK = 200


class _Source:
    """One page: what it said at last, and all that it has counted since the first look."""

    def __init__(self) -> None:
        self.total: Series = {}
        self.let_go = Counter[str]()
        self._last: Series | None = None

    def take(self, now: Series, *, from_birth: bool) -> None:
        """Add what is new.

        Args:
            now: What the page says.
            from_birth: Whether what it says at its first time counts: else it was there before, and only silent.
        """
        if self._last is None:
            self.total = dict(now) if from_birth else {key: 0.0 for key in now}
        else:
            self.total = pages.grown(self.total, self._last, now)
            self.let_go.update(pages.let_go(self._last, now))
        self._last = now


class Watcher:
    """Looks at one service. Made before the new version takes requests, so that all of its own are counted."""

    def __init__(self, http: HttpClient, routers: Sequence[Router], instances: Sequence[Instance]) -> None:
        """Know whom to ask.

        Args:
            http: Pool of connections.
            routers: The Fabios; one without an address of metrics is not asked.
            instances: Those of the service, of all versions. Set `instances` anew when some have come or gone.
        """
        self._http, self._routers, self.instances = http, tuple(routers), tuple(instances)
        self._by_router = {(router.name, router.metrics_url): _Source() for router in routers if router.metrics_url}
        self._by_target: dict[str, _Source] = {}
        self._looked = False
        self._course: deque[Look] = deque(maxlen=LOOKS_MOST)

    async def look(self) -> Look:
        """Ask all of them once, each for `ASK_TIMEOUT_S` at most; who does not answer counts on from what it said.

        Routers are asked first: what they have counted as sent has arrived by the time the instances are asked.
        """
        if not self.instances:
            return Look(boottime_s())
        for each in self.instances:
            # One that is restarted comes back there with another id, and with counts of zero.
            self._by_target.setdefault(target(each), _Source())
        silent = await asyncio.gather(*map(self._ask_router, self._by_router))
        silent += await asyncio.gather(*map(self._ask_instance, self.instances))
        self._looked = True
        routed = [each.total for each in self._by_router.values()]
        let_go = sum((each.let_go for each in self._by_router.values()), Counter[str]())
        own = {where: each.total for where, each in self._by_target.items()}
        found = replace(looks.look(boottime_s(), routed, own, let_go, filter(None, silent)), course=self._course)
        self._course.append(found)
        return found

    async def _ask_router(self, which: tuple[str, str]) -> str:
        """Its name where it does not answer."""
        name, url = which
        try:
            said = pages.of_router(await self._page(url), self.instances[0].service, self._by_target.keys())
        except Unavailable:
            return f"fabio {name}"
        self._by_router[which].take(said, from_birth=not self._looked)
        return ""

    async def _ask_instance(self, instance: Instance) -> str:
        if _ON_THE_KIT not in instance.meta:
            return ""
        try:
            said = pages.of_instance(await self._page(_metrics_url(instance)))
        except Unavailable:
            return instance.id
        self._by_target[target(instance)].take(said, from_birth=True)
        return ""

    async def _page(self, url: str) -> str:
        timeout = aiohttp.ClientTimeout(total=ASK_TIMEOUT_S)
        plain = {"Accept-Encoding": "identity"}
        try:
            async with self._http.session.get(url, timeout=timeout, allow_redirects=False, headers=plain) as answer:
                body = await _bounded(answer)
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(f"no metrics from {url} ({str(error) or type(error).__name__})") from error
        if answer.status != _OK:
            raise Unavailable(f"no metrics from {url}: status {answer.status}")
        return body.decode("utf-8", "replace")


def target(instance: Instance) -> str:
    """`address:port` of an instance, as routers name it."""
    return pages.address(instance.url)


def _metrics_url(instance: Instance) -> str:
    port = instance.meta.get("health_port", "")
    base = instance.url.rpartition(":")[0] + f":{port}" if port.isdigit() else instance.url
    return f"{base}/metrics"


async def _bounded(answer: aiohttp.ClientResponse) -> bytes:
    found = bytearray()
    async for part in answer.content.iter_chunked(65536):
        found += part
        if len(found) > BYTES_MOST:
            raise Unavailable(f"a page of metrics of over {BYTES_MOST:,} bytes is none")
    return bytes(found)
