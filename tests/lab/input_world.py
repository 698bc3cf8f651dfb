"""A world for the input service on virtual time: instances, workers, stores, one Consul, and all that goes wrong.

The instances are the real ones (sessions, ownership, journal, rounds, desk) over the fake Consul; links to it delay,
lose and repeat. Chance is one seeded generator, so a failing seed replays exactly.
"""

import asyncio
import contextlib
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from hoploom.input_service import keys
from hoploom.input_service.desk import Desk
from hoploom.input_service.ownership import Owner
from hoploom.input_service.relay import Relay
from hoploom.input_service.work import Wanted
from hoploom.kit import registration
from hoploom.kit.consul_api import ConsulApi, KvEntry
from hoploom.kit.consul_api import Instance as Registered
from hoploom.kit.errors import BadRequest, Unavailable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.http_client import Answer
from hoploom.targets.ranges import Range, count, intersect, merge, subtract
from hoploom.wire.campaign import Campaign, FamilySet
from hoploom.wire.lease import Lease, LeaseDone, LeaseRenewal
from hoploom.wire.probe import Probe
from unit.input_service.instances import Instance, lease_request

T = TypeVar("T")
CALL_S = 5.0
PassKey = tuple[str, int, int]
"""Group, round, family."""


def boottime(offset_s: float = 0.0) -> Callable[[], float]:
    """The virtual loop's time as a boottime clock."""
    return lambda: asyncio.get_running_loop().time() + offset_s


class Link(ConsulApi):
    """One instance's way to Consul: slow, lossy, sometimes cut, and held back while its process is stopped."""

    def __init__(self, consul: FakeConsul, chance: random.Random) -> None:
        self._far, self._chance = consul, chance
        self.cut = False
        self.trouble = 0.0
        self.running = asyncio.Event()
        self.running.set()

    async def close(self) -> None:
        """Nothing is open."""

    async def kv_get(self, key: str, *, consistent: bool = False) -> KvEntry | None:
        return await self._call(lambda: self._far.kv_get(key, consistent=consistent))

    async def kv_watch(self, prefix: str, index: int, wait_s: float = 25.0) -> tuple[int, list[KvEntry]]:
        return await self._call(lambda: self._far.kv_watch(prefix, index, wait_s), lossy=False)

    async def kv_put(self, key: str, value: bytes, *, cas: int | None = None) -> bool:
        return await self._call(lambda: self._far.kv_put(key, value, cas=cas))

    async def kv_delete(self, key: str, *, recurse: bool = False) -> None:
        await self._call(lambda: self._far.kv_delete(key, recurse=recurse))

    async def kv_txn(self, operations: Sequence[Mapping[str, Any]]) -> tuple[KvEntry, ...] | None:
        if self.trouble and self._chance.random() < self.trouble / 4:
            asyncio.get_running_loop().create_task(self._again(list(operations)))
        return await self._call(lambda: self._far.kv_txn(operations))

    async def register(self, service: Mapping[str, Any]) -> None:
        await self._far.register(service)

    async def instances(
        self, service: str, *, passing: bool = True, index: int = 0, wait_s: float = 25.0, dc: str = ""
    ) -> tuple[int, list[Registered]]:
        return await self._call(
            lambda: self._far.instances(service, passing=passing, index=index, wait_s=wait_s, dc=dc), lossy=False
        )

    async def session_create(self, session: Mapping[str, Any]) -> str:
        return await self._call(lambda: self._far.session_create(session))

    async def session_renew(self, session_id: str) -> bool:
        return await self._call(lambda: self._far.session_renew(session_id))

    async def session_destroy(self, session_id: str) -> None:
        await self._call(lambda: self._far.session_destroy(session_id))

    async def _call(self, call: Callable[[], Awaitable[T]], *, lossy: bool = True) -> T:
        await self.running.wait()
        await asyncio.sleep(self._chance.uniform(0.001, 0.02))
        # A process that is stopped here has decided, and its request arrives when it goes on.
        await self.running.wait()
        lost = self.trouble if lossy else 0.0
        if self._loses(lost):
            await asyncio.sleep(self._chance.uniform(0.1, CALL_S))
            raise Unavailable("the request was lost")
        answer = await call()
        await self.running.wait()
        if self._loses(lost):
            await asyncio.sleep(self._chance.uniform(0.1, CALL_S))
            raise Unavailable("the answer was lost")
        return answer

    def _loses(self, lost: float) -> bool:
        return self.cut or self._chance.random() < lost / 2

    async def _again(self, operations: list[Mapping[str, Any]]) -> None:
        """The network delivers a transaction a second time, later."""
        await asyncio.sleep(self._chance.uniform(0.0, 3.0))
        with contextlib.suppress(Unavailable):
            await self._far.kv_txn(operations)


class LossyWire(Relay):
    """Passes requests on between instances of the world."""

    def __init__(self, world: "World") -> None:
        self._world = world

    async def post(self, owner: Owner, path: str, document: Mapping[str, Any]) -> Answer:
        other = next((each for each in self._world.alive if each.instance.url == owner.url), None)
        if other is None:
            raise Unavailable(f"{owner.url} does not answer")
        return await self._world.over_http(other, lambda: other.instance.answer(path, document))


@dataclass
class Ledger:
    """What the outputs have stored, and what was acknowledged: the truth that the end is compared with."""

    stored: dict[PassKey, list[Range]] = field(default_factory=dict)
    accepted: dict[PassKey, dict[str, Range]] = field(default_factory=dict)
    reopened: dict[PassKey, list[Range]] = field(default_factory=dict)
    audited: dict[PassKey, list[Range]] = field(default_factory=dict)
    probed: Counter[PassKey] = field(default_factory=Counter)
    away: bool = False

    def store(self, key: PassKey, found: Range) -> None:
        """A batch is on the disk."""
        self.stored[key] = merge([*self.stored.get(key, []), found])

    def losable(self) -> dict[PassKey, list[Range]]:
        """What is stored and no audit has seen yet: nobody promises that disks live for ever."""
        found = {key: subtract(each, self.audited.get(key, [])) for key, each in self.stored.items()}
        return {key: each for key, each in found.items() if each}

    def lose(self, key: PassKey, found: Range) -> None:
        """A disk died."""
        self.stored[key] = subtract(self.stored.get(key, []), [found])

    async def missing(
        self, campaign: Campaign, round_number: int, group: str, family: int, done: Sequence[Range]
    ) -> list[Range]:
        """The audit's question; see `closing.Audit`."""
        await asyncio.sleep(0.01)
        if self.away:
            raise Unavailable("a store is away")
        key = (group, round_number, family)
        lacking = subtract(done, self.stored.get(key, []))
        self.reopened[key] = merge([*self.reopened.get(key, []), *lacking])
        self.audited[key] = merge([*self.audited.get(key, []), *subtract(done, lacking)])
        return lacking


@dataclass
class Process:
    """An instance with its way to Consul."""

    instance: Instance
    link: Link


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How large the world is, and how bad.

    Attributes:
        targets: Targets by family.
        rounds: Rounds of each group.
        groups: Workers of each group.
        instances: Input instances.
        faults_s: Virtual seconds of faults, before everything calms down.
        kinds: Names of the faults that happen; empty for all.
        ack_before_store: Whether workers acknowledge before their results are stored, which must be found out.
        rate_pps: The campaign's rate over the whole mesh; 0 for none.
        network_pps: Its cap per network; 0 for none.
    """

    targets: Mapping[int, int] = field(default_factory=lambda: {4: 3 * 4096 + 100, 6: 50})
    rounds: int = 2
    groups: Mapping[str, int] = field(default_factory=lambda: {"shared": 4, "alone": 1})
    instances: int = 3
    faults_s: float = 150.0
    kinds: Collection[str] = ()
    ack_before_store: bool = False
    rate_pps: int = 0
    network_pps: int = 0


class World:
    """Everything together, and the chance that drives it."""

    def __init__(self, seed: int, shape: Shape) -> None:
        self.chance = random.Random(seed)
        self.shape = shape
        self.consul = FakeConsul()
        self.ledger = Ledger()
        self.alive: list[Process] = []
        self.log: list[str] = []
        self._names = iter(range(10_000))
        self._tasks: set[asyncio.Task[None]] = set()
        self.campaign = Campaign(
            id="demo",
            number=2_000_000_000,
            measurement=2_000_000_001,
            name="demo",
            sets={family: FamilySet(sha256=f"{family}" * 64, size=size) for family, size in shape.targets.items()},
            rate_pps=shape.rate_pps,
            network_pps=shape.network_pps,
            allow_private=True,
            contact="",
            probe=Probe(),
            content_sha256="c" * 64,
            created_at_us=0,
            rounds=shape.rounds,
        )

    async def begin(self) -> None:
        """The campaign stands, and the instances come up."""
        value = json.dumps(self.campaign.to_json()).encode()
        await self.consul.kv_put(keys.campaign("demo"), value)
        await self.consul.kv_put(keys.edition("demo", 1), value)
        for _ in range(self.shape.instances):
            await self.add_instance()

    async def add_instance(self) -> None:
        """One more instance, with a new name."""
        link = Link(self.consul, self.chance)
        name = f"input-{next(self._names)}"
        instance = Instance.over(link, {}, audit=self.ledger, relay=LossyWire(self), name=name)
        await self.consul.register(registration.record(instance.mesh))
        for check in ("alive", "ready"):
            self.consul.set_check(instance.mesh.id, check, "passing")
        instance.begin()
        self.alive.append(Process(instance, link))

    async def kill(self, process: Process) -> None:
        """Kill -9; Consul notices within two seconds, and the scheduler starts another."""
        self.alive.remove(process)
        await process.instance.stop()
        await asyncio.sleep(self.chance.uniform(0.2, 2.0))
        await self._gone(process)
        await asyncio.sleep(self.chance.uniform(0.1, 3.0))
        await self.add_instance()

    async def drain(self, process: Process) -> None:
        """A rolling restart: the successor is there first."""
        await self.add_instance()
        await asyncio.sleep(self.chance.uniform(0.5, 2.0))
        # A hand-over that fails is passed over: the stop order goes on, and the session's end frees the rest.
        with contextlib.suppress(Unavailable):
            await process.instance.parts.ownership.hand_over()
        if process in self.alive:
            self.alive.remove(process)
            await process.instance.stop()
            await self._gone(process)

    async def stop_and_continue(self, process: Process) -> None:
        """SIGSTOP, and SIGCONT later; Consul's check notices a long one."""
        process.link.running.clear()
        seconds = self.chance.choice([0.4, 2.0, 25.0])
        await asyncio.sleep(min(seconds, 2.0))
        if seconds > 2.0 and process in self.alive:
            self.consul.set_check(process.instance.mesh.id, "alive", "critical")
            await asyncio.sleep(seconds - 2.0)
        process.link.running.set()
        if process in self.alive:
            self.consul.set_check(process.instance.mesh.id, "alive", "passing")

    async def partition(self, process: Process) -> None:
        """Away from Consul for a while; the agent is with the servers, so its checks go on."""
        process.link.cut = True
        await asyncio.sleep(self.chance.choice([1.0, 6.0, 30.0]))
        process.link.cut = False

    async def consul_away(self) -> None:
        """All of Consul is away for a while."""
        self.consul.away = True
        await asyncio.sleep(self.chance.choice([0.5, 3.0, 12.0]))
        self.consul.away = False

    async def store_away(self) -> None:
        """An output is away, and then back."""
        self.ledger.away = True
        await asyncio.sleep(self.chance.uniform(1.0, 20.0))
        self.ledger.away = False

    async def disk_lost(self) -> None:
        """A part of what was stored is gone, before an audit has seen it."""
        losable = self.ledger.losable()
        if losable:
            key = self.chance.choice(list(losable))
            first, last = self.chance.choice(losable[key])
            self.ledger.lose(key, (first, (first + last) // 2))

    async def faults(self) -> None:
        """Things go wrong, until they do not any more."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + self.shape.faults_s
        while loop.time() < until_s:
            await asyncio.sleep(self.chance.expovariate(1 / 4.0))
            if self.alive:
                self._one_fault(self.chance.choice(self.alive))
        while self._tasks:
            await asyncio.wait(self._tasks)
        for each in self.alive:
            each.link.trouble, each.link.cut = 0.0, False

    def _one_fault(self, victim: Process) -> None:
        victim.link.trouble = self.chance.choice([0.0, 0.0, 0.05, 0.3])
        kinds: list[tuple[str, Callable[[], Awaitable[None]]]] = [
            ("kill", lambda: self.kill(victim)),
            ("drain", lambda: self.drain(victim)),
            ("stop", lambda: self.stop_and_continue(victim)),
            ("partition", lambda: self.partition(victim)),
            ("consul away", self.consul_away),
            ("store away", self.store_away),
            ("disk lost", self.disk_lost),
        ]
        name, work = self.chance.choice([each for each in kinds if not self.shape.kinds or each[0] in self.shape.kinds])
        if name in ("kill", "drain") and (len(self.alive) < 2 or not victim.link.running.is_set()):
            return
        self.log.append(f"{asyncio.get_running_loop().time():.2f} {name} {victim.instance.mesh.id}")
        self._spawn(self._calm(work()))

    async def _calm(self, work: Awaitable[None]) -> None:
        with contextlib.suppress(Unavailable, ValueError):
            await work

    async def work(self, worker: str, group: str) -> None:
        """A worker's life: leases, results, acknowledgements; dies now and then with what it holds."""
        loop = asyncio.get_running_loop()
        for turn in range(100_000):
            request = lease_request(worker, f"{worker}-{turn}", group, run=f"run-{worker}")
            lease = await self._ask(_leasing(Wanted(request=request)))
            if lease is None:
                if self.consul_says_finished(group):
                    return
                await asyncio.sleep(1.0)
                continue
            if loop.time() < self.shape.faults_s and self.chance.random() < 0.1:
                # It dies; its successor of the same name knows nothing.
                await asyncio.sleep(self.chance.uniform(0, 5))
                continue
            await self._carry_out(lease, worker)

    def consul_says_finished(self, group: str) -> bool:
        """Whether the stored round of a group has ended."""
        entry = self.consul._keys.get(keys.round_of("demo", 1, group))
        return entry is not None and b'"ended":true' in entry.value

    async def _carry_out(self, lease: Lease, worker: str) -> None:
        key = (lease.group, lease.round, lease.family)
        message = LeaseDone(worker=worker, campaign="demo", group=lease.group, token=lease.token)
        if self.shape.ack_before_store:
            await self._said(lease, message, key)
            if self.chance.random() < 0.2:
                return
        # Some say nothing for longer than a lease lives, and come with their results all the same.
        slow = asyncio.get_running_loop().time() < self.shape.faults_s and self.chance.random() < 0.1
        if slow:
            await asyncio.sleep(self.chance.uniform(20.0, 60.0))
        middle = (lease.start + lease.stop) // 2
        for first, stop in ((lease.start, middle), (middle, lease.stop)):
            if first == stop:
                continue
            await asyncio.sleep(self.chance.uniform(0.1, 8.0))
            self.ledger.probed[key] += stop - first
            self.ledger.store(key, (first, stop - 1))
            renewal = LeaseRenewal(
                worker=worker, campaign="demo", group=lease.group, token=lease.token, stored_upto=stop
            )
            if not slow and not await self._heard(lease, renewal):
                return
        await self._said(lease, message, key)

    async def _heard(self, lease: Lease, renewal: LeaseRenewal) -> bool:
        try:
            async with asyncio.timeout(lease.ttl_s):
                await self._tell(lease, renewal)
        except (BadRequest, TimeoutError):
            return False
        return True

    async def _said(self, lease: Lease, message: LeaseDone, key: PassKey) -> None:
        try:
            await self._tell(lease, message)
        except BadRequest:
            return
        self.ledger.accepted.setdefault(key, {})[lease.id] = (lease.start, lease.stop - 1)

    async def _tell(self, lease: Lease, message: LeaseDone) -> None:
        """Say something of a lease; raises BadRequest where the owner refuses, also through another instance."""
        answer = await self._ask(lambda desk: desk.said(lease.id, message, relayed=False))
        if isinstance(answer, Answer) and not answer.ok:
            raise BadRequest(answer.reason())

    async def _ask(self, call: Callable[[Desk], Awaitable[T]]) -> T:
        while True:
            if self.alive:
                process = self.chance.choice(self.alive)
                with contextlib.suppress(Unavailable):
                    return await self._ask_at(process, call)
            await asyncio.sleep(self.chance.uniform(0.05, 0.5))

    async def _ask_at(self, process: Process, call: Callable[[Desk], Awaitable[T]]) -> T:
        return await self.over_http(process, lambda: call(process.instance.desk))

    async def over_http(self, process: Process, call: Callable[[], Awaitable[T]]) -> T:
        """A call to an instance that takes time, and may be lost on either way."""
        await asyncio.sleep(self.chance.uniform(0.001, 0.01))
        if process not in self.alive:
            raise Unavailable("refused")
        try:
            async with asyncio.timeout(CALL_S):
                answer = await call()
                await process.link.running.wait()
        except TimeoutError as error:
            raise Unavailable("no answer in time") from error
        if process not in self.alive or self.chance.random() < process.link.trouble:
            raise Unavailable("the answer was lost")
        return answer

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _gone(self, process: Process) -> None:
        for check in ("alive", "ready"):
            self.consul.set_check(process.instance.mesh.id, check, "critical")
        away, self.consul.away = self.consul.away, False
        await self.consul.deregister(process.instance.mesh.id)
        self.consul.away = away


def _leasing(wanted: Wanted) -> Callable[[Desk], Awaitable[Lease | None]]:
    return lambda desk: desk.lease(wanted)


async def live(seed: int, shape: Shape) -> World:
    """One run to its end: faults, then calm, until every group has ended all rounds."""
    world = World(seed, shape)
    await world.begin()
    async with asyncio.TaskGroup() as group:
        group.create_task(world.faults())
        for name, number in shape.groups.items():
            for each in range(number):
                group.create_task(world.work(f"{name}-{each}", name))
    for process in list(world.alive):
        await process.instance.stop()
    return world


def findings(world: World) -> list[str]:
    """What went against the promises; empty when nothing did."""
    found = []
    for group in world.shape.groups:
        for number in range(world.shape.rounds):
            for family, size in world.shape.targets.items():
                key = (group, number, family)
                lost = subtract([(0, size - 1)], world.ledger.stored.get(key, []))
                if lost:
                    found.append(f"{key}: {count(lost)} targets were never stored: {lost[:3]}")
                found += _doubles(key, world.ledger)
    return found


def _doubles(key: PassKey, ledger: Ledger) -> list[str]:
    """Positions that two leases completed, where the audit had not opened them again."""
    leases = sorted(ledger.accepted.get(key, {}).values())
    allowed = ledger.reopened.get(key, [])
    seen: list[Range] = []
    found = []
    for lease in leases:
        double = subtract(intersect(seen, [lease]), allowed)
        if double:
            found.append(f"{key}: {double[:3]} were completed twice")
        seen = merge([*seen, lease])
    return found
