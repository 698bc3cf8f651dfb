"""What a manager sees of the mesh, kept in memory: pages are made of it and wait for nobody.

One look asks all parts at once. While somebody has a page open or has just asked for one there is a look every two
seconds, else every ten. A part that does not answer keeps what it said last, and says why it is old.
"""

import asyncio
import hashlib
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from aiohttp import web

from hoploom import kit
from hoploom.kit import Mesh, metrics
from hoploom.kit.clock import boottime_s, wall_us
from hoploom.kit.errors import Unavailable
from hoploom.manager.auditing import attaching as auditing
from hoploom.manager.auditing import verdicts
from hoploom.manager.auditing.standing import Standing
from hoploom.manager.dyfi import handlers as dyfi
from hoploom.manager.events import ring
from hoploom.manager.events.comparing import happened
from hoploom.manager.push.handlers import HUB
from hoploom.manager.registry import REGISTRY, Registry
from hoploom.manager.seeing import asking
from hoploom.manager.seeing.problems import problems
from hoploom.manager.seeing.seen import Event, Part, SeenMesh
from hoploom.wire.push import PAGE, encoded

EVERY_S, IDLE_S = 2.0, 10.0
ATTENDED_S = 30.0
"""So long after somebody has asked for a page somebody may be looking at it."""

AT_HAND_S = 0.4
"""A page whose manager has not looked for a while waits so long at most for what is so now."""

PART_S = 4.0
"""A part that has not answered by then is away; the rest of the look does not wait for it any longer."""

SHOWN_ONLY = frozenset({"results", "tables"})
"""Parts that nothing happens in: nobody is asked for them while nobody looks."""

_WHO = {
    "instances": "Consul", "leaders": "Consul", "tables": "Consul", "events": "Consul", "names": "Consul",
    "routers": "Consul", "deploys": "Consul",
    "campaigns": "the input service", "overlay": "the input service", "owners": "the input service",
    "results": "the output service",
}  # fmt: skip
OWN_EVENTS = ring.KEPT
_LOOKS = metrics.histogram("hoploom_sight_look_seconds", "Time that a manager's look at the mesh takes.")
Reader = Callable[[], Awaitable[Any]]


class Sight:
    """What one manager sees."""

    def __init__(
        self,
        first: SeenMesh,
        readers: Mapping[str, Reader],
        registry: Registry,
        clock: Callable[[], float] = boottime_s,
    ) -> None:
        """See nothing yet.

        Args:
            first: Who looks.
            readers: How the parts are asked, by their names in `SeenMesh`; each raises Unavailable.
            registry: Who is heard elsewhere.
            clock: This process's own, in seconds.
        """
        self._readers, self._registry, self._clock = readers, registry, clock
        self._seen, self._face = first, b""
        self._asked_s = float("-inf")
        self._bell = asyncio.Event()
        self._turn, self._looked = asyncio.Lock(), asyncio.Event()
        self._begun = self._finished = 0
        self.own_events: deque[Event] = deque(maxlen=OWN_EVENTS)

    def now(self) -> SeenMesh:
        """What was seen last, at once; looks follow each other faster from now on."""
        now_s = self._clock()
        if now_s - self._asked_s > ATTENDED_S:
            self._bell.set()
        self._asked_s = now_s
        return replace(self._seen, now_s=now_s)

    async def fresh(self, *, is_attended: bool = True) -> SeenMesh:
        """What is seen by a look that begins from now on; all who wait share it.

        Args:
            is_attended: Whether somebody waits for it; else what only is shown is not asked for.
        """
        begun = self._begun
        async with self._turn:
            # The one that was under way when we were asked had perhaps asked already what has changed since.
            if self._finished <= begun:
                self._begun += 1
                await self._look(self._readers if is_attended else self._readers.keys() - SHOWN_ONLY)
                self._finished = self._begun
        return replace(self._seen, now_s=self._clock())

    async def at_hand(self, overlay: int | None = None) -> None:
        """Wait for a moment where what is seen is old; pages do before they are made.

        Args:
            overlay: Version of the overlay that is known to hold; what is seen shall not be older: another manager
                may have been told of a pause, and sent its person here.
        """
        now_s = self._clock()
        was_idle, self._asked_s = now_s - self._asked_s > ATTENDED_S, now_s
        # While people look it is as old as its parts let it be.
        least_s = now_s - EVERY_S if was_idle else self._seen.at_s
        with suppress(TimeoutError):
            async with asyncio.timeout(AT_HAND_S):
                while self._is_old(least_s, overlay):
                    self._bell.set()
                    await self._looked.wait()

    def _is_old(self, least_s: float, overlay: int | None) -> bool:
        known = self._seen.overlay.found
        is_behind = overlay is not None and known is not None and known.get("version", overlay) < overlay
        return is_behind or self._seen.is_first or self._seen.at_s < least_s

    async def run(self, listening: Callable[[], int], told: Callable[[], None]) -> None:
        """Look again and again, for ever.

        Args:
            listening: How many pages are open.
            told: Called when there is something else to see.
        """
        while True:
            version = self._seen.version
            self._bell.clear()
            is_attended = bool(listening()) or self._clock() - self._asked_s <= ATTENDED_S
            await self.fresh(is_attended=is_attended)
            if self._seen.version != version:
                told()
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S if is_attended else IDLE_S):
                    await self._bell.wait()

    async def _look(self, wanted: Iterable[str]) -> None:
        began_s = self._clock()
        names = sorted(wanted)
        parts = await asyncio.gather(*(self._part(name) for name in names))
        self._learn(dict(zip(names, parts, strict=True)))
        _LOOKS.observe(self._clock() - began_s)

    async def _part(self, name: str) -> Part[Any]:
        known: Part[Any] = getattr(self._seen, name)
        began_s = self._clock()
        try:
            async with asyncio.timeout(PART_S):
                return Part(await self._readers[name](), began_s)
        except TimeoutError:
            return replace(known, away=f"{_WHO.get(name, name)} did not answer within {PART_S:g} s")
        except Unavailable as error:
            return replace(known, away=str(error))

    def _learn(self, parts: Mapping[str, Part[Any]]) -> None:
        before, workers = self._seen, tuple(self._registry.workers())
        known: Mapping[str, Any] = {**parts, "workers": workers, "at_s": self._clock()}
        seen = replace(before, **known)
        self.own_events.extend(happened(before, seen, wall_us()))
        events = ring.merged(seen.events.found, self.own_events)
        seen = replace(seen, events=replace(seen.events, found=tuple(events)), problems=problems(seen))
        face = _face(seen)
        self._seen = replace(seen, version=before.version + (face != self._face))
        self._face = face
        self._looked.set()
        self._looked = asyncio.Event()


SIGHT = web.AppKey("manager_sight", Sight)


def attach(app: web.Application, latest: int) -> None:
    """Let a manager look; call it after whatever it asks was attached.

    Args:
        app: The application, on the mesh.
        latest: How many of the newest results are seen.
    """
    mesh = kit.mesh(app)
    first = SeenMesh(manager=mesh.id, dc=mesh.dc, mesh=mesh.names.prefix)
    app[SIGHT] = Sight(first, readers(app, mesh, latest), app[REGISTRY])
    kit.background(app, _run)


def readers(app: web.Application, mesh: Mesh, latest: int) -> Mapping[str, Reader]:
    """How each part is asked, by its name in `SeenMesh`."""

    async def events() -> tuple[Event, ...]:
        entry = await mesh.consul.kv_get(ring.KEY)
        return tuple(ring.decoded(entry.value)) if entry else ()

    async def names() -> Mapping[str, Any] | None:
        return await dyfi.seen(mesh, app[dyfi.NAMES]) if app[dyfi.NAMES] else None

    return {
        "instances": lambda: asking.instances(mesh),
        "campaigns": lambda: asking.campaigns(mesh),
        "overlay": lambda: asking.overlay(mesh),
        "leaders": lambda: asking.leaders(mesh),
        "owners": lambda: asking.owners(mesh),
        "tables": lambda: asking.tables(mesh),
        "results": lambda: asking.latest_results(mesh, latest),
        "events": events,
        "names": names,
        "routers": lambda: auditing.seen(mesh),
        "deploys": lambda: asking.deploys(mesh),
    }


async def _run(app: web.Application) -> None:
    hub = app[HUB]
    await app[SIGHT].run(lambda: hub.unnamed, lambda: hub.say(encoded(PAGE), to=""))


def _face(seen: SeenMesh) -> bytes:
    """What pages show, without ages: another one is something else to see."""
    workers = [
        (each.id, each.status, each.clash, replace(each.body, uptime_s=0, wall_us=0, spool_oldest_s=0))
        for each in seen.workers
    ]
    parts = [
        (part.found, part.away)
        for part in (
            seen.instances, seen.campaigns, seen.overlay, seen.leaders, seen.owners, seen.tables, seen.results,
            seen.names, seen.events, _calm(seen.routers),
        )
    ]  # fmt: skip
    return hashlib.sha256(repr((workers, parts, seen.problems)).encode()).digest()


def _calm(routers: Part[Standing | None]) -> Part[Standing | None]:
    """Without figures that are others each time; a page that is read again shows the newest."""
    return replace(routers, found=verdicts.face(routers.found)) if routers.found else routers
