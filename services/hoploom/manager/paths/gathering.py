"""The graph of all outputs' links, kept in memory: pages read it and never wait for an output.

While somebody looks at a graph, every output is asked now and then for its links, and answers mostly that nothing is
new (304). Whoever is away keeps its last links, and is named. Of outputs that took the same batch both count it: counts
are of the live picture, links are not.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from aiohttp import web

from hoploom import kit
from hoploom.kit import credentials
from hoploom.kit.clock import boottime_s
from hoploom.kit.consul_records import Instance
from hoploom.kit.errors import Unavailable, Unprocessable
from hoploom.manager.paths.drawing import Laid, laid
from hoploom.manager.paths.graph import merged
from hoploom.wire.paths import ROUTE, Topology, unpack

log = logging.getLogger(__name__)
LOOK_S: Final = 5.0
SHARE: Final = 20.0
"""A look that took a second is followed by one after so many: large graphs are renewed less often."""

LOOKED_AT_S: Final = 30.0
"""After the last question a graph is renewed for so long."""

FIRST_S: Final = 1.0
"""How long the first question waits; then the page says that links are being gathered."""

KEPT: Final = 4
"""Graphs that are kept, some 40 MB each at the most; those that nobody asks for go first."""

_TIMEOUT_S: Final = 20.0
_NOT_MODIFIED: Final = 304


@dataclass(frozen=True, eq=False)
class Gathered:
    """What all outputs together know.

    Attributes:
        whole: The graph with its tree.
        version: Grows when something has changed; 0 before anything was heard.
        heard_at_s: When outputs were asked last, by `boottime_s`.
        silent: Outputs that do not answer, and stores of those that are gone; their last links count.
    """

    whole: Laid
    version: int = 0
    heard_at_s: float = 0.0
    silent: tuple[str, ...] = ()


@dataclass
class _Source:
    """What one output said last, and under which tag."""

    said: Topology | None = None
    tag: str = ""


@dataclass
class _Known:
    """A graph that somebody looks at."""

    found: Gathered
    sources: dict[str, _Source] = field(default_factory=dict)
    asked_at_s: float = 0.0
    due_at_s: float = 0.0
    first: asyncio.Event = field(default_factory=asyncio.Event)


class Gathering:
    """The graphs that this manager has."""

    def __init__(self, mesh: kit.Mesh, token: str) -> None:
        """Know nobody's links yet.

        Args:
            mesh: This instance.
            token: The mesh's.
        """
        self._mesh, self._headers = mesh, credentials.header(token)
        self._graphs: OrderedDict[int | None, _Known] = OrderedDict()
        self._wanted = asyncio.Event()
        # Of all together: one that is forgotten and gathered anew is no version that was drawn before.
        self._versions = count(1)

    async def of(self, campaign: int | None) -> Gathered:
        """The graph of a campaign, by its number, or of all; only the first question waits, at most `FIRST_S`."""
        known = self._graphs.get(campaign)
        if known is None:
            known = self._graphs[campaign] = _Known(Gathered(laid(merged([]))))
        self._graphs.move_to_end(campaign)
        known.asked_at_s = boottime_s()
        while len(self._graphs) > KEPT:
            self._graphs.popitem(last=False)
        self._wanted.set()
        if not known.found.version:
            try:
                await asyncio.wait_for(known.first.wait(), FIRST_S)
            except TimeoutError:
                log.info("the links of %s are still being gathered", campaign or "all campaigns")
        return known.found

    async def run(self) -> None:
        """Renew what somebody looks at, for ever."""
        while True:
            await self.refresh()
            now_s = boottime_s()
            attended = [each for each in self._graphs.values() if each.asked_at_s >= now_s - LOOKED_AT_S]
            self._wanted.clear()
            wait_s = min((each.due_at_s for each in attended), default=float("inf")) - now_s
            try:
                await asyncio.wait_for(self._wanted.wait(), None if wait_s == float("inf") else max(0.0, wait_s))
            except TimeoutError:
                pass

    async def refresh(self) -> None:
        """Ask all outputs about the graphs that somebody looks at and that are due."""
        for campaign, known in list(self._graphs.items()):
            began_s = boottime_s()
            if known.due_at_s > began_s or known.asked_at_s < began_s - LOOKED_AT_S:
                continue
            try:
                await self._refresh(campaign, known)
            except Unavailable as error:
                log.info("who has links is not known now: %s", error)
            now_s = boottime_s()
            known.due_at_s = now_s + max(LOOK_S, SHARE * (now_s - began_s))

    async def _refresh(self, campaign: int | None, known: _Known) -> None:
        outputs = {each.meta.get("store", each.id): each for each in await self._mesh.client("output").everyone()}
        for store in outputs:
            known.sources.setdefault(store, _Source())
        changes = await asyncio.gather(
            *(self._ask(each, campaign, known.sources[store]) for store, each in outputs.items())
        )
        found, version = known.found.whole, known.found.version
        if any(changes) or not version:
            version = next(self._versions)
            parts = [each.said for each in known.sources.values() if each.said is not None]
            found = await asyncio.to_thread(lambda: laid(merged(parts)))
        answered = {store for store, change in zip(outputs, changes, strict=True) if change is not None}
        away = known.sources.keys() - answered
        silent = tuple(sorted(outputs[store].id if store in outputs else store for store in away))
        known.found = Gathered(found, version, boottime_s(), silent)
        known.first.set()

    async def _ask(self, output: Instance, campaign: int | None, source: _Source) -> bool | None:
        """Take one output's links: whether something changed, None where it does not answer."""
        headers = {**self._headers, **({"If-None-Match": source.tag} if source.tag else {})}
        query = "" if campaign is None else f"?campaign={campaign}"
        try:
            url = f"{output.url}{ROUTE}{query}"
            answer = await self._mesh.http.request("GET", url, headers=headers, timeout_s=_TIMEOUT_S)
            if answer.status == _NOT_MODIFIED:
                return False
            if not answer.ok:
                raise Unavailable(answer.reason())
            source.said = await asyncio.to_thread(unpack, answer.body)
        except (Unavailable, Unprocessable) as error:
            log.info("the links of %s are as they were: %s", output.id, error)
            return None
        source.tag = answer.headers.get("ETag", "")
        return True


GATHERING = web.AppKey("paths_gathering", Gathering)


def attach(app: web.Application, token: str) -> None:
    """Gather what pages ask for.

    Args:
        app: The manager, on the mesh.
        token: The mesh's.
    """

    async def start(app: web.Application) -> None:
        app[GATHERING] = Gathering(kit.mesh(app), token)

    app.on_startup.append(start)
    kit.background(app, _runs)


async def _runs(app: web.Application) -> None:
    await app[GATHERING].run()
