"""Turns the canary and looks how soon the routers follow: the shell of `following`.

Bounded: nine looks at each table in ten seconds at most, two small writes to Consul in twenty.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from hoploom.kit import Mesh, fabio_api, metrics
from hoploom.kit.clock import boottime_s
from hoploom.kit.errors import Unavailable
from hoploom.kit.fabio_api import Router
from hoploom.manager.auditing import canary, following, routers
from hoploom.manager.auditing.following import Course, Look

log = logging.getLogger(__name__)
READ_S = 1.0
TICK_S = 0.25
STOOD_STILL_S = 1.5
"""Two ticks further apart than this say that this process stood still, or its machine."""

AGAIN_S, KNOWN_WAIT_S, LEAVE_S = 1.0, 5.0, 2.0
LATELY = 60
"""Times of a router that its p50 and p99 are made of: ten minutes of them."""

CONVERGE = metrics.histogram(
    "hoploom_route_converge_seconds",
    "Time from a change in Consul to the table of a Fabio that shows it, as the canary measures it.",
    ("fabio",),
    (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0),
)


@dataclass(frozen=True)
class Pace:
    """How often, and how patiently.

    Attributes:
        flip_s: Seconds between two flips.
        stall_s: Seconds after which a router that has not followed is stalled.
    """

    flip_s: float
    stall_s: float


class Flipping:
    """One leader's canary."""

    def __init__(self, mesh: Mesh, pace: Pace, clock: Callable[[], float] = boottime_s) -> None:
        """Enter nothing yet.

        Args:
            mesh: This instance.
            pace: How often.
            clock: In seconds; neither set nor stopped by anybody.
        """
        self._mesh, self._pace, self._clock = mesh, pace, clock
        self._id = canary.canary_id(mesh.instance_id, mesh.names)
        self._mark = canary.path(mesh.instance_id).encode() + b'"'
        self._ttl_s = canary.ttl_s(pace.flip_s, pace.stall_s)
        self._woke_s = self._told_s = clock()
        self._routers: dict[str, Router] = {}
        self.course: Course = following.begin(clock())
        self.times: dict[str, deque[float]] = {}
        self.away = ""

    async def run(self) -> None:
        """Flip for ever; what was entered is removed however this ends."""
        try:
            await self._begin()
            while True:
                await self._round()
        finally:
            await self._leave()

    async def _begin(self) -> None:
        """Enter it down, and take out what a manager before has left at this agent."""
        while True:
            try:
                for each in (await self._mesh.consul.instances(fabio_api.CANARY, passing=False))[1]:
                    # Those of other agents end there by their own time; removed from the catalogue they would return.
                    if each.id != self._id and await self._mesh.consul.service(each.id):
                        await self._mesh.consul.deregister(each.id)
                await self._enter()
                break
            except Unavailable as error:
                self._is_away(error)
                await asyncio.sleep(AGAIN_S)
        self.course = following.begin(self._now())

    async def _enter(self) -> None:
        up = self.course.flip.up
        await self._mesh.consul.register(canary.record(self._mesh.instance_id, self._mesh.names, self._ttl_s, up=up))

    async def _round(self) -> None:
        """One flip, and all that follows from it until the next."""
        with suppress(Unavailable):
            self._routers = {each.name: each for each in await routers.registered(self._mesh.consul)}
        self.course = following.joined(self.course, self._routers)
        for gone in self.times.keys() - self._routers.keys():
            del self.times[gone]
        await self._turn()
        async with asyncio.TaskGroup() as group:
            work = [self._know(), *map(self._follow, self._routers)]
            tasks = [group.create_task(each) for each in work]
            while not following.due(self.course, self._now(), self._pace.flip_s):
                await asyncio.sleep(TICK_S)
                now_s = self._now()
                self.course = following.judged(self.course, now_s, self._pace.stall_s)
                await self._renew()
            for each in tasks:
                each.cancel()

    async def _turn(self) -> None:
        counts = True
        while True:
            at_s = self._now()
            if at_s - self._told_s > self._ttl_s:
                # Its check has turned critical by itself.
                self.course = following.slept(self.course, at_s)
            try:
                await self._tell(up=not self.course.flip.up)
                self.course = following.flipped(self.course, at_s, counts=counts)
                self.away = ""
                return
            except Unavailable as error:
                self._is_away(error)
                counts = False
                await asyncio.sleep(AGAIN_S)

    async def _tell(self, *, up: bool) -> None:
        try:
            await self._mesh.consul.heartbeat(canary.check_id(self._id), "passing" if up else "critical", canary.SAID)
        except Unavailable:
            if await self._mesh.consul.service(self._id) is not None:
                raise
            # An agent that was set up anew, or has thrown it out.
            await self._enter()
            await self._mesh.consul.heartbeat(canary.check_id(self._id), "passing" if up else "critical", canary.SAID)
        self._told_s = self._clock()

    async def _renew(self) -> None:
        """Say the same again while a flip waits, or the check would turn critical by itself."""
        if self._clock() - self._told_s > self._ttl_s / 3:
            with suppress(Unavailable):
                await self._tell(up=self.course.flip.up)

    async def _know(self) -> None:
        """Wait until Consul's catalogue has the flip: an agent without servers takes it and tells nobody."""
        index = 0
        while True:
            try:
                index, found = await self._mesh.consul.instances(
                    fabio_api.CANARY, passing=False, index=index, wait_s=KNOWN_WAIT_S
                )
            except Unavailable as error:
                self._is_away(error)
                index = 0
                await asyncio.sleep(AGAIN_S)
                continue
            if any(each.id == self._id and (each.status == "passing") == self.course.flip.up for each in found):
                now_s = self._now()
                self.course = following.known(self.course, now_s)
                self.away = ""
                return

    async def _follow(self, name: str) -> None:
        began_s = self.course.flip.at_s
        while True:
            await asyncio.sleep(following.next_read_s(self._now() - began_s))
            if not following.wants_reading(self.course, name):
                return
            look = await self._look(name)
            self.course, seconds = following.looked(self.course, name, look)
            if seconds is not None:
                CONVERGE.labels(name).observe(seconds)
                self.times.setdefault(name, deque(maxlen=LATELY)).append(seconds)

    async def _look(self, name: str) -> Look:
        began_s = self._now()
        try:
            found = await fabio_api.text(self._mesh.http.session, self._routers[name].url, READ_S)
        except Unavailable as error:
            return Look(began_s, self._now(), why=str(error))
        return Look(began_s, self._now(), self._mark in found)

    def _now(self) -> float:
        now_s = self._clock()
        if now_s - self._woke_s > STOOD_STILL_S:
            log.info("stood still for %.1f s: the routers are not judged by it", now_s - self._woke_s)
            self.course = following.slept(self.course, now_s)
        self._woke_s = now_s
        return now_s

    def _is_away(self, error: Unavailable) -> None:
        if not self.away:
            log.info("the canary does not turn: %s", error)
        self.away = str(error)

    async def _leave(self) -> None:
        """Take it out, so that no table keeps it; without Consul it ends by its own time."""
        with suppress(TimeoutError, Unavailable):
            async with asyncio.timeout(LEAVE_S):
                await self._mesh.consul.deregister(self._id)
