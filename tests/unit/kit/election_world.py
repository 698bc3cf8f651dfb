"""A world for leaders: candidates as real processes of the kit over a modelled Consul.

Sessions, machines and shells are the real ones; only the network, the clocks and Consul's own timers are modelled.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hoploom.kit import registration
from hoploom.kit.belief import Token
from hoploom.kit.consul_api import ConsulApi, KvEntry
from hoploom.kit.errors import Unavailable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.membership import Mesh
from hoploom.kit.term import Term, TermEnded
from unit.kit.processes import Link, ProcessLoop, World

FENCED, OUTSIDE = "collector", "dyfi"
EFFECTS = "effects/"
CHECK_EVERY_S = 1.0
WATCH_S, WATCH_PATIENCE_S = 8.0, 12.0
UNDER_WAY_S = 1.8
"""The longest that a call to the outside takes: within the margin, less what two clocks differ."""


@dataclass(frozen=True)
class Effect:
    """Something that a leader did, in the order of who saw it.

    Attributes:
        role: Role.
        token: Token of the term.
        life: Process, with the number of its life.
        at_s: World time.
    """

    role: str
    token: Token
    life: str
    at_s: float


class ModelConsul(FakeConsul):
    """Consul with the doubts of the real one: when a TTL strikes, who leads, what lock-delays survive."""

    fences = True

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self.accepted: list[Effect] = []

    async def kv_txn(self, operations: Sequence[Mapping[str, Any]]) -> tuple[KvEntry, ...] | None:
        """Note the effects that come through."""
        effects = [each for each in operations if each["Key"].startswith(EFFECTS)]
        found = await super().kv_txn(operations if self.fences or not effects else effects)
        if found is not None:
            for each in effects:
                role, epoch, index, life = each["Value"].decode().split()
                self.accepted.append(Effect(role, Token(int(epoch), int(index)), life, self._world.now_s))
        return found

    def elect(self, seconds: float, *, forget_delays: bool) -> None:
        """Another server becomes Consul's leader: nothing is answered meanwhile, and every TTL begins anew."""
        self.away = True
        if forget_delays:
            self._delayed_until_s.clear()

        def elected() -> None:
            self.away = False
            for session_id in list(self._sessions):
                self._keep(session_id)

        asyncio.get_running_loop().call_later(seconds, elected)

    def _keep(self, session_id: str) -> None:
        """The TTL strikes between once and twice its length."""
        session = self._sessions[session_id]
        if session.end:
            session.end.cancel()
        strikes_s = session.ttl_s * self._world.chance.uniform(1.0, 2.0)
        session.end = asyncio.get_running_loop().call_later(strikes_s, self.end_session, session_id)

    def by_hand(self, key: str, what: str) -> None:
        """What an operator may do to a lock, held or not."""
        entry = self._keys.get(key)
        if entry is None:
            return
        match what:
            case "delete":
                del self._keys[key]
            case "put":
                self._put(key, b"by hand", None)
            case "release":
                self._unlock(key, b"", entry.session)
        self._change()

    def checked(self, service_id: str, status: str) -> None:
        """Consul's own look at an instance."""
        if service_id in self._checks and self._checks[service_id]["alive"].status != status:
            self.set_check(service_id, "alive", status)


class Remote(ConsulApi):
    """Consul as a process reaches it."""

    def __init__(self, link: Link, far: FakeConsul) -> None:
        self._link, self._far = link, far

    async def kv_watch(self, prefix: str, index: int, wait_s: float = WATCH_S) -> tuple[int, list[KvEntry]]:
        return await self._link.ask(lambda: self._far.kv_watch(prefix, index, wait_s), WATCH_PATIENCE_S)

    async def kv_get(self, key: str, *, consistent: bool = False) -> KvEntry | None:
        return await self._link.ask(lambda: self._far.kv_get(key, consistent=consistent))

    async def kv_txn(self, operations: Sequence[Mapping[str, Any]]) -> tuple[KvEntry, ...] | None:
        return await self._link.ask(lambda: self._far.kv_txn(operations))

    async def session_create(self, session: Mapping[str, Any]) -> str:
        return await self._link.ask(lambda: self._far.session_create(session))

    async def session_renew(self, session_id: str) -> bool:
        return await self._link.ask(lambda: self._far.session_renew(session_id))

    async def session_destroy(self, session_id: str) -> None:
        await self._link.ask(lambda: self._far.session_destroy(session_id))

    async def register(self, service: Mapping[str, Any]) -> None:
        await self._link.ask(lambda: self._far.register(service))

    async def deregister(self, service_id: str) -> None:
        await self._link.ask(lambda: self._far.deregister(service_id))


class Process:
    """One life of a candidate for both roles."""

    def __init__(self, leaders: "Leaders", name: str, boot: int) -> None:
        """Start it."""
        self.leaders, self.world, self.name, self.boot = leaders, leaders.world, name, boot
        self.loop = self.world.loop(self.life)
        self.link = Link(self.world, self.loop, leaders.server)
        self.mesh = Mesh("w")
        self.mesh.instance_id = self.life
        self.mesh.consul = Remote(self.link, leaders.consul)
        self.loop.call_soon(self._start)

    @property
    def life(self) -> str:
        """Its name with the number of its life."""
        return f"{self.name}.{self.boot}"

    @property
    def believes_for_s(self) -> float:
        """How long it goes on believing in its session when it hears nothing any more."""
        return self.mesh.session.deadline_s - self.world.now_s if self.mesh.has_session else 0.0

    @property
    def quiet(self) -> bool:
        """Whether it answers no check."""
        return self.loop.stopped or self.loop.dead

    def leave(self) -> None:
        """Stop in the stop order."""
        if self.loop.dead:
            return
        self.world.note(f"{self.life} is asked to end")
        self.loop.call_soon(lambda: self.mesh.spawn and self.mesh.spawn(self._leave()))

    def _start(self) -> None:
        self.loop.main = self.loop.create_task(self._live())
        self.loop.main.add_done_callback(self._died)

    def _died(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and not self.loop.dead:
            self.leaders.bugs.append(f"{self.life} ended by itself: {task.exception()!r}")

    async def _live(self) -> None:
        async with asyncio.TaskGroup() as group:
            self.mesh.spawn = group.create_task
            while True:
                if await _told(self.mesh.consul.register(registration.record(self.mesh))):
                    break
                await asyncio.sleep(0.3)
            group.create_task(self._lead(FENCED, self._write))
            group.create_task(self._lead(OUTSIDE, self._call))

    async def _lead(self, role: str, work: Any) -> None:
        while True:
            with contextlib.suppress(TermEnded):
                async with self.mesh.leading(role, fenced=role == FENCED) as term:
                    self.world.note(f"{self.life} leads {role}, token {term.token}")
                    self.leaders.begun.append(Effect(role, term.token, self.life, self.world.now_s))
                    await work(term)
            self.world.note(f"{self.life} leads {role} no more")

    async def _write(self, term: Term) -> None:
        count = 0
        while True:
            count += 1
            value = f"{FENCED} {term.token.epoch} {term.token.index} {self.life}".encode()
            try:
                await term.write([{"Verb": "set", "Key": f"{EFFECTS}{self.life}-{count}", "Value": value}])
            except TermEnded:
                raise
            except Unavailable:
                # Whether it was written, nobody knows; the next one is another key.
                pass
            await asyncio.sleep(self.world.chance.uniform(0.1, 1.0))

    async def _call(self, term: Term) -> None:
        """Calls to the outside; one that is under way arrives whatever becomes of who made it."""
        while True:
            if term.valid:
                await self._through(term)
            await asyncio.sleep(self.world.chance.uniform(0.05, 0.3))

    async def _through(self, term: Term) -> None:
        """One call, waited for also when cancelled: nothing of a term goes on after its block."""
        landed, cancelled = asyncio.Event(), None
        takes_s = self.world.chance.choice([0.01, UNDER_WAY_S])
        self.world.after(takes_s, lambda: self._land(term, landed))
        while not landed.is_set() and not self.loop.dead:
            try:
                await landed.wait()
            except asyncio.CancelledError as each:
                cancelled = each
        if cancelled:
            raise cancelled

    def _land(self, term: Term, landed: asyncio.Event) -> None:
        self.leaders.calls.append(Effect(OUTSIDE, term.token, self.life, self.world.now_s))
        if not self.loop.dead:
            self.loop.call_soon(landed.set)

    async def _leave(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                await self.mesh.leadership.hand_over()
        await _told(self.mesh.consul.deregister(self.mesh.id))
        await _told(self.mesh.session.destroy())
        self.leaders.kill(self, "has left")


async def _told(call: Any) -> bool:
    try:
        await call
    except Unavailable:
        return False
    return True


class Leaders:
    """Candidates and Consul, and what must not be."""

    def __init__(self, seed: int, candidates: int = 3) -> None:
        """Start them all."""
        self.world = World(seed)
        self.server: ProcessLoop = self.world.loop("consul")
        self.consul = ModelConsul(self.world)
        self.begun: list[Effect] = []
        self.calls: list[Effect] = []
        self.bugs: list[str] = []
        self.processes = [Process(self, f"p{number}", 1) for number in range(candidates)]
        self.world.after(CHECK_EVERY_S, self._check)

    def findings(self) -> list[str]:
        """What must not have happened."""
        written = self.consul.accepted
        return [*self.bugs, *_disordered(written), *_disordered(self.calls)]

    def led_since(self, since_s: float) -> bool:
        """Whether both roles have had an effect since then."""
        return all(effects and effects[-1].at_s > since_s for effects in (self.consul.accepted, self.calls))

    def kill(self, process: Process, why: str = "is killed") -> None:
        """End a process, and start its next life a while later."""
        if process.loop.dead:
            return
        self.world.note(f"{process.life} {why}")
        process.loop.dead = True
        self.world.after(0.0, lambda: self.world.bury(process.loop))
        at = self.processes.index(process)

        def again() -> None:
            self.processes[at] = Process(self, process.name, process.boot + 1)

        self.world.after(self.world.chance.uniform(0.5, 8.0), again)

    def _check(self) -> None:
        """Consul looks at every process once a second."""
        for process in self.processes:
            if not process.link.cut:
                status = "critical" if process.quiet else "passing"
                self.server.call_soon(self.consul.checked, process.life, status)
        self.world.after(CHECK_EVERY_S, self._check)


def _disordered(effects: Sequence[Effect]) -> list[str]:
    """Effects after one of a newer token, and tokens that two processes had."""
    found, newest, lives = [], Token(), dict[Token, str]()
    for each in effects:
        if each.token < newest:
            found.append(f"{each} came after {newest}")
        newest = max(newest, each.token)
        if lives.setdefault(each.token, each.life) != each.life:
            found.append(f"{each} has the token of {lives[each.token]}")
    return found
