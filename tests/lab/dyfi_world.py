"""Sixty days of a datacenter's managers and its provider in a second: leaders change, stop, die, and Consul goes away.

Each manager is a process with a clock of its own, which can be stopped between its claim and its request. The updater
is the real one, over the kit's fake Consul and the provider's model; what is modelled here is who leads when: a term is
believed in for up to 8 s more when nobody renews it, and the next begins 10 s after that one's lock was free.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hoploom.kit.belief import Token
from hoploom.kit.consul_api import KvEntry
from hoploom.kit.errors import Unavailable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.term import TermEnded
from hoploom.manager.dyfi.answers import Answer, read
from hoploom.manager.dyfi.provider import TooLate
from hoploom.manager.dyfi.record import KEY, Record, decoded, encoded, resumed
from hoploom.manager.dyfi.updating import Clocks, Outside, Updater
from lab.dyndns import DAY_S, Provider
from unit.kit.processes import BEGIN_S, ProcessLoop, World

NAME, OTHER = "a.dy.fi", "b.dy.fi"
BELIEVES_S, HOLD_OFF_S, NOTICED_S = 8.0, 10.0, (1.0, 12.0)
LOGIN = "Basic bWU6c2VjcmV0"
CALL_S = 5.0
TOO_MUCH = 150
GRACEFUL, KILLED, STOPPED, CUT_OFF = "hands over", "is killed", "is stopped", "is cut off"


@dataclass(frozen=True)
class Sent:
    """A request as its sender has sent it.

    Attributes:
        at_s: World time.
        host: Who sent it.
        leads: Whether that one led then.
    """

    at_s: float
    host: str
    leads: bool


class ModelTerm:
    """A term as the world grants it."""

    def __init__(self, site: "Site", host: "Host", token: Token) -> None:
        self._site, self.host, self.token = site, host, token
        self.last_s, self.over = float("inf"), False

    @property
    def deadline_s(self) -> float:
        """Until when it is believed in: renewed a moment ago, unless nobody renews it any more."""
        return float("-inf") if self.over else min(self.last_s, self._site.world.now_s + BELIEVES_S - 1)

    @property
    def valid(self) -> bool:
        """Whether an effect may start now."""
        return self._site.world.now_s < self.deadline_s

    async def write(self, operations: Sequence[Mapping[str, Any]]) -> tuple[KvEntry, ...]:
        """As `kit.Term.write`."""
        if not self.valid or self._site.token != self.token:
            raise TermEnded("the term is over")
        found = await self._site.consul.kv_txn(operations)
        if found is None:
            raise Unavailable("a compare failed")
        if self._site.chance.random() < self._site.lost_answers:
            raise Unavailable("it was written, and nobody said so")
        # First comes the check of the lock.
        return (KvEntry("hoploom/roles/dyfi/.lock", b"", self.token.index), *found)


class Host:
    """One manager."""

    def __init__(self, site: "Site", name: str, address: str) -> None:
        self.site, self.name, self.address = site, name, address
        self.loop: ProcessLoop = site.world.loop(name)
        self.term: ModelTerm | None = None
        self.wall_ahead_us = int(site.chance.uniform(-3, 3) * 1e6)
        clocks = Clocks(lambda: site.world.now_s, lambda: int(site.world.now_s * 1e6) + self.wall_ahead_us)
        outside = Outside(self._tell, self._own if site.asks else None, self._named)
        self.updater = Updater(site.consul, site.names, outside, random.Random(site.chance.random()), clocks)
        self._saver = self.loop.create_task(self.updater.save())

    def begin(self, token: Token) -> None:
        """Lead."""
        assert self.term is None or self.term.over, "it has heard of the end of its last term"
        self.term = ModelTerm(self.site, self, token)
        self._run = self.loop.create_task(self._lead(self.term))

    def end(self) -> None:
        """The term is over: whatever is under way is cancelled; a stopped process hears of it after it has gone on."""
        if self.loop.stopped and not self.loop.dead:
            self.site.world.after(1.0, self.end)
        elif self.term and not self.loop.dead:
            self.term.over = True
            self.loop.call_soon(self._run.cancel)

    async def _lead(self, term: ModelTerm) -> None:
        with contextlib.suppress(TermEnded, asyncio.CancelledError):
            await self.updater.run(term)

    async def _own(self) -> str:
        return self.site.address_said or self.address

    async def _named(self, names: Sequence[str]) -> dict[str, frozenset[str]]:
        if self.site.dns_says is not None:
            return dict.fromkeys(names, self.site.dns_says)
        return self.site.provider.resolve(names, self.site.world.now_s)

    async def _tell(self, names: Sequence[str], may: Callable[[], bool]) -> tuple[Answer, ...]:
        """As `provider.tell`; what is on its way arrives whatever becomes of the sender."""
        site = self.site
        await asyncio.sleep(site.chance.uniform(0.01, 0.5))
        if site.trap:
            site.trap, site.traps = False, site.traps + 1
            site.stop(self, site.chance.uniform(30, 7200))
            await asyncio.sleep(0.01)
        if not may():
            raise TooLate("its time was over")
        if site.refuses:
            raise Unavailable("nobody is there")
        site.sent.append(Sent(site.world.now_s, self.name, site.leader is self))
        answer: asyncio.Future[tuple[int, str]] = self.loop.create_future()
        site.world.after(site.chance.uniform(0.01, 0.4), lambda: self._arrives(",".join(names), answer))
        try:
            async with asyncio.timeout(CALL_S):
                status, body = await answer
        except TimeoutError as error:
            raise Unavailable("no answer in time") from error
        return read(status, body.encode(), names)

    def _arrives(self, query: str, answer: "asyncio.Future[tuple[int, str]]") -> None:
        site = self.site
        at_call, site.at_call = site.at_call, None
        if at_call:
            at_call()
        status, body = site.provider.asked(query, LOGIN, self.address, "sim", site.world.now_s)
        if site.hangs:
            site.lost += 1
        elif not self.loop.dead:
            self.loop.call_soon(lambda: None if answer.done() else answer.set_result((status, body)))


class Site:
    """A datacenter: its managers, its Consul, its one address to the outside, and the provider."""

    def __init__(
        self, seed: int, *, asks: bool = True, own_addresses: bool = False, names: Sequence[str] = (NAME,)
    ) -> None:
        self.world = World(seed)
        self.chance = self.world.chance
        self.consul, self.provider = FakeConsul(), Provider.of(*names)
        self.asks, self.names = asks, tuple(names)
        self.sent: list[Sent] = []
        self.moved_s: list[float] = []
        self.refuses = self.hangs = self.trap = False
        self.at_call: Callable[[], None] | None = None
        self.address_said = ""
        self.dns_says: frozenset[str] | None = None
        self.lost, self.lost_answers, self.changes, self.traps = 0, 0.0, 0, 0
        self.token = Token()
        self.leader: Host | None = None
        self._index = 0
        self.hosts = [
            Host(self, f"m{number}", f"192.0.2.{number if own_addresses else 1}") for number in range(1, 4)
        ]
        self._elect(self.hosts[0])

    @property
    def now_s(self) -> float:
        """Seconds since the beginning."""
        return self.world.now_s - BEGIN_S

    def record(self) -> Record:
        """What stands in Consul."""
        entry = self.consul._keys.get(KEY)
        return decoded(entry.value) if entry else Record()

    def resume(self) -> None:
        """What an operator does."""
        self.consul._put(KEY, encoded(resumed(self.record())), None)

    def run(self, days: float) -> None:
        """Let time pass, unless the provider has heard far too much already."""
        self.world.run(self.world.now_s + days * DAY_S, lambda: len(self.provider.heard) > TOO_MUCH)

    def move(self, address: str) -> None:
        """The datacenter has another address from now on."""
        self.moved_s.append(self.world.now_s)
        for host in self.hosts:
            host.address = address

    def change(self, kind: str) -> None:
        """The leader leads no more."""
        host = self.leader
        if host is None:
            return
        match kind:
            case "hands over":
                self._lose(host)
                host.end()
                self.world.after(6.0, self._next)
                return
            case "is killed":
                self._kill(host)
            case "is stopped":
                self.stop(host, self.chance.uniform(1, 7200))
                return
            case _:
                self._unrenewed(host)
        self._later()

    def stop(self, host: Host, seconds: float) -> None:
        """SIGSTOP, and SIGCONT some time later."""
        host.loop.stopped = True
        self._unrenewed(host)

        def goes_on() -> None:
            host.loop.stopped = False

        self.world.after(seconds, goes_on)
        self._later()

    def outage(self, seconds: float) -> None:
        """Consul is away: nobody's term is renewed."""
        self.consul.away = True
        if self.leader:
            self._unrenewed(self.leader)

        def back() -> None:
            self.consul.away = False
            self._later()

        self.world.after(seconds, back)

    def end(self) -> None:
        """End all."""
        self.world.end()

    def _unrenewed(self, host: Host) -> None:
        if host.term and host.term.last_s == float("inf"):
            left_s = self.chance.uniform(BELIEVES_S - 3, BELIEVES_S)
            host.term.last_s = self.world.now_s + left_s
            self.world.after(left_s, lambda: self._expire(host))

    def _expire(self, host: Host) -> None:
        host.end()
        self._lose(host)

    def _lose(self, host: Host) -> None:
        if self.leader is host:
            self.leader, self.token = None, Token(0, self._index)

    def _kill(self, host: Host) -> None:
        """Killed, and started again as another process."""
        self._lose(host)
        self.world.bury(host.loop)
        fresh = Host(self, host.name, host.address)
        fresh.wall_ahead_us = host.wall_ahead_us
        self.hosts[self.hosts.index(host)] = fresh

    def _later(self) -> None:
        """Another is elected: it has noticed, and holds off."""
        self.world.after(self.chance.uniform(*NOTICED_S) + HOLD_OFF_S, self._next)

    def _next(self) -> None:
        able = [host for host in self.hosts if not host.loop.stopped and (host.term is None or host.term.over)]
        if self.leader is None and not self.consul.away and able:
            self._elect(self.chance.choice(able))
        elif self.leader is None:
            self.world.after(HOLD_OFF_S, self._next)

    def _elect(self, host: Host) -> None:
        self.changes += 1
        self._index += 1
        self.leader, self.token = host, Token(0, self._index)
        host.begin(self.token)
