"""One deploy from its lock to its end: finds what an earlier one left, plans, and runs the course."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from hoploom.deploying import leftover
from hoploom.deploying.gate import Policy, Watcher
from hoploom.deploying.happenings import Begun, Command, Event, Tell
from hoploom.deploying.lock import Lock
from hoploom.deploying.looking import Looker
from hoploom.deploying.nomad_api import NomadApi
from hoploom.deploying.plan import Plan, Survey, Wish
from hoploom.deploying.preparing import prepare
from hoploom.deploying.record import Record, signed
from hoploom.deploying.running import Running
from hoploom.deploying.standing import Course
from hoploom.deploying.surveying import Routers, datacenters, survey
from hoploom.deploying.taking_back import BACK
from hoploom.deploying.world import Change, Gate, Shares, World
from hoploom.kit.clock import boottime_s
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import HoploomError, Unavailable
from hoploom.kit.http_client import HttpClient

REFUSED = 2
SETTLE_S, _LOOK_S = 15.0, 0.5
"""When a version was taken back, Nomad calls it a deployment until the old instances were healthy for their time again:
who deploys the next one meanwhile waits for so long before it is refused."""


@dataclass(frozen=True)
class Engines:
    """Whom a deploy asks.

    Attributes:
        consul: The agent.
        http: For everything else.
        nomad: Has the jobs.
        shares: The weights of a datacenter.
        routers: The Fabios of a datacenter.
        prefix: Of the mesh, by which its own jobs are named.
    """

    consul: ConsulApi
    http: HttpClient
    nomad: NomadApi
    shares: Callable[[str], Shares]
    routers: Routers
    prefix: str


@dataclass(frozen=True)
class Order:
    """What was asked for: of which service, by which job (empty: to be found), how, and what the gate holds."""

    service: str
    wish: Wish
    job: str = ""
    policy: Policy = field(default_factory=Policy)
    rollback: bool = False


class Listener(Protocol):
    """Who is told."""

    def planned(self, plan: Plan) -> None:
        """What will be done, or why nothing."""

    def tell(self, tell: Tell) -> None:
        """What has been done."""

    def begins(self, running: Running) -> None:
        """From now on it can be interrupted."""


async def look(engines: Engines, order: Order, listener: Listener) -> Plan:
    """Plan, and change nothing; raises as `prepare`."""
    known = await Lock(engines.consul, order.service).seen()
    _, found = await _surveyed(engines, order)
    if known and known.job:
        # Its deployment is ours, and the next deploy goes on with it.
        found = replace(found, open_words="")
    plan = (await prepare(engines.nomad, engines.http, found, order.wish)).plan
    if known and known.job:
        plan = replace(plan, warnings=(*plan.warnings, f"{known.told()} ({known.where})"))
    listener.planned(plan)
    return plan


async def deploy(engines: Engines, order: Order, listener: Listener) -> int:
    """Deploy, or take back what an earlier deploy left.

    Returns:
        0 where what was asked for is so, 1 where it was taken back or broke off, 2 where it was refused.

    Raises:
        ConfigError: It is refused, with the reason; nothing was changed.
        Unavailable: Consul or Nomad does not answer; nothing was changed.
    """
    lock = Lock(engines.consul, order.service)
    record = signed(Record(order.wish.version))
    left = await lock.take(record)
    drive = _Drive(engines, order, listener, lock)
    # From now on: an archive takes its time to be looked at, and the lock's session does not wait for it.
    keeper = asyncio.create_task(lock.keep(drive.ousted))
    try:
        if left and left.job:
            code = await drive.left_over(left)
            if code is not None:
                return code
        return await drive.anew(record)
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        await _given_back(lock, listener, forget=not drive.has_begun and not (left and left.job))


async def _given_back(lock: Lock, listener: Listener, *, forget: bool) -> None:
    """Let the lock go; what became of the deploy does not hang on that any more."""
    try:
        if forget:
            await lock.forget()
        await lock.leave()
    except Unavailable as error:
        listener.tell(Tell("lock", {"why": str(error)}))


class _Drive:
    """A deploy that holds its lock."""

    def __init__(self, engines: Engines, order: Order, listener: Listener, lock: Lock) -> None:
        self._engines, self._order, self._listener, self._lock = engines, order, listener, lock
        self.has_begun = False
        self._last = ""
        self._running: Running | None = None
        self._ousted_by: str | None = None

    def ousted(self, by: str) -> None:
        """The lock is somebody else's."""
        self._ousted_by = by
        if self._running is not None:
            self._running.oust(by)

    async def anew(self, record: Record) -> int:
        """Plan and run."""
        looker, found = await self._settled()
        prepared = await prepare(self._engines.nomad, self._engines.http, found, self._order.wish)
        plan = prepared.plan
        self._listener.planned(plan)
        if plan.refused or plan.same:
            return REFUSED
        made = replace(
            record, version=plan.new, old=plan.old, job=plan.job, before=found.job.number, way=plan.way.value,
            datacenters=plan.road.datacenters,
        )  # fmt: skip
        change = Change(plan.new, found.job, prepared.submission)
        return await self._run(looker, change, made, Course(plan.road), Begun())

    async def _settled(self) -> tuple[Looker, Survey]:
        until_s = boottime_s() + SETTLE_S
        while True:
            looker, found = await _surveyed(self._engines, self._order)
            if not found.open_words or boottime_s() >= until_s:
                return looker, found
            await asyncio.sleep(_LOOK_S)

    async def left_over(self, record: Record) -> int | None:
        """Go on with what broke off, or take it back; None where it is out of the way and the order still stands."""
        looker, found = await _surveyed(self._engines, replace(self._order, job=record.job))
        taken = await leftover.taken_up(self._engines.nomad, found, record, self._order.wish, back=self._order.rollback)
        self._listener.tell(Tell("found", {"who": record.told(), "where": record.where, "to": taken.words}))
        if taken.course is None:
            await self._lock.forget()
            return None
        change = Change(record.version, taken.before)
        code = await self._run(looker, change, signed(record), taken.course, taken.first)
        if self._order.rollback:
            # What was promoted already is finished first, and then goes the way of any other.
            return 0 if self._last == "undone" else None if self._last == "done" else code
        return code

    async def _run(
        self, looker: Looker, change: Change, record: Record, course: Course, first: Event | list[Command]
    ) -> int:
        if self._ousted_by is not None:
            raise Unavailable(f"the lock of this deploy is {self._ousted_by}'s by now: nothing was changed, try again")
        self.has_begun, dcs = True, course.road.datacenters
        shares = {dc: self._engines.shares(dc) for dc in dcs}
        world = World(self._engines.nomad, looker, shares, change)
        running = Running(world, self._gates(looker, course), _Kept(self._lock, record), self._told)
        self._running = running
        self._listener.begins(running)
        await looker.instances()
        code = await running.run(course, first)
        if code == 0:
            # Nomad before 1.9 knows no tags, and where it cannot be told now nothing is lost but a way back later.
            with contextlib.suppress(HoploomError):
                await self._engines.nomad.keep(change.before.id, change.before.number)
        return code

    def _told(self, tell: Tell) -> None:
        self._last = tell.what
        self._listener.tell(tell)

    def _gates(self, looker: Looker, course: Course) -> Mapping[str, Gate]:
        if not course.road.is_routed:
            return {}
        http, policy, new = self._engines.http, self._order.policy, course.road.new
        watchers = {dc: Watcher(http, looker.routers.get(dc, ()), ()) for dc in course.road.datacenters}
        return {dc: Gate(watcher, policy, new) for dc, watcher in watchers.items()}


class _Kept:
    """What the next deploy would find of this one."""

    def __init__(self, lock: Lock, record: Record) -> None:
        self._lock, self._record, self._where = lock, record, ""

    async def note(self, where: str) -> None:
        self._where = where
        await self._lock.note(replace(self._record, where=where))

    async def forget(self) -> None:
        _, is_back, why = self._where.partition(BACK)
        ended = f"it was taken back: {why}" if is_back else "it is in"
        await self._lock.forget(replace(self._record, where=ended))


async def _surveyed(engines: Engines, order: Order) -> tuple[Looker, Survey]:
    routers = await datacenters(engines.consul, order.service, engines.routers)
    looker = Looker(engines.consul, engines.http, order.service, routers, engines.routers)
    return looker, await survey(engines.nomad, looker, order.service, order.job, engines.prefix)
