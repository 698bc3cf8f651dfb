"""Leading a role: the shell of `election`.

    async with mesh.leading("dyfi", fenced=False) as term:
        await call_outside(term)

The block is entered when this process leads, and cancelled when its term ends; that surfaces as `TermEnded`.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from hoploom.kit import metrics, watch
from hoploom.kit.belief import Token
from hoploom.kit.clock import boottime_s, wall_us
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.election import (
    CLOSED,
    Begin,
    Candidate,
    Close,
    Command,
    Confirmed,
    End,
    Event,
    Leave,
    Moment,
    Phase,
    Refused,
    Release,
    Seen,
    Tick,
    Try,
    Unknown,
    Want,
    Won,
    step,
)
from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.kit.roles import lock_of, said
from hoploom.kit.session import Session
from hoploom.kit.term import Term, ending_with

log = logging.getLogger(__name__)
TICK_S = 0.1
CONFIRM_EVERY_S, CONFIRM_CAP_S = 1.0, 2.0
"""Two looks in a row may be lost before a term ends for want of them."""

_LEADER = metrics.gauge("hoploom_leader", "1 while this instance leads the role, else 0.", ("role",))
_MOVES = metrics.counter("hoploom_leader_transitions_total", "Terms begun and ended here.", ("role", "why"))
_LEFT = metrics.gauge("hoploom_leader_seconds_left", "Seconds until the term ends unless it is renewed.", ("role",))
Spawn = Callable[[Coroutine[Any, Any, None]], object]


@dataclass(frozen=True)
class Member:
    """This process as a member of the mesh.

    Attributes:
        consul: The local agent.
        session: Its session.
        who: What a lock says of its holder: `instance` and `url`.
    """

    consul: ConsulApi
    session: Session
    who: Mapping[str, Any]


class Leading:
    """One candidate: follows the role's lock, and has the block that wants to lead wait for its terms."""

    def __init__(self, role: str, lock: str, member: Member, *, fenced: bool) -> None:
        """Want nothing yet.

        Args:
            role: The role.
            lock: Key of its lock.
            member: This process.
            fenced: Whether every effect carries its token to somebody who checks it.
        """
        self._role, self._lock, self._who = role, lock, member.who
        self._consul, self._session = member.consul, member.session
        self._state = Candidate(fenced=fenced)
        self._commands: asyncio.Queue[Command] = asyncio.Queue()
        self._resting = asyncio.Event()
        self._begun = asyncio.Event()
        self.term: Term | None = None

    @property
    def fenced(self) -> bool:
        """Whether every effect carries its token to somebody who checks it."""
        return self._state.fenced

    @asynccontextmanager
    async def leading(self) -> AsyncIterator[Term]:
        """A block within a term; see `Leadership.leading`."""
        if self._state.wanted:
            raise ConfigError(f"role {self._role} is wanted twice in this process")
        self._happen(Want())
        try:
            while (term := self.term) is None:
                await self._begun.wait()
            async with ending_with(term):
                yield term
        finally:
            self._over(CLOSED)
            self._happen(Leave())

    async def run(self) -> None:
        """Be a candidate whenever a block wants to lead, for ever."""
        self._session.on_lost(lambda: self._happen(Tick()))
        async with asyncio.TaskGroup() as group:
            group.create_task(watch.follow(f"the lock of {self._role}", self._look, self._happen))
            group.create_task(self._tick())
            if not self.fenced:
                group.create_task(self._confirm())
            while True:
                await self._carry_out(await self._commands.get())
                self._commands.task_done()

    async def close(self) -> None:
        """Lead no more: what is held is released when nothing of its term is under way."""
        self._happen(Close())
        await self._resting.wait()
        await self._commands.join()

    async def _look(self, index: int) -> tuple[int, Seen]:
        at, entries = await self._consul.kv_watch(self._lock, index)
        found = next((entry for entry in entries if entry.key == self._lock), None)
        if found is None:
            return at, Seen(at=at)
        left = not found.session and "left" in said(found.value)
        return at, Seen(found.session, found.modify_index, left, at)

    async def _confirm(self) -> None:
        while True:
            await asyncio.sleep(CONFIRM_EVERY_S)
            began_s, token = boottime_s(), self._state.token
            if self._state.phase is not Phase.HOLDING:
                continue
            with suppress(Unavailable, TimeoutError):
                async with asyncio.timeout(CONFIRM_CAP_S):
                    entry = await self._consul.kv_get(self._lock, consistent=True)
                if entry and entry.modify_index == token.index == self._state.token.index:
                    self._happen(Confirmed(began_s))

    async def _tick(self) -> None:
        while True:
            self._happen(Tick())
            _LEFT.labels(self._role).set(max(0.0, self.term.deadline_s - boottime_s()) if self.term else 0.0)
            await asyncio.sleep(TICK_S)

    def _happen(self, event: Event) -> None:
        """One event, and all that it leads to at once; what takes time is queued."""
        moment = Moment(boottime_s(), self._session.id, self._session.deadline_s)
        self._state, commands = step(self._state, event, moment)
        for command in commands:
            match command:
                case Begin(token):
                    self._begin(token)
                case End(why):
                    self._over(why)
                case _:
                    self._commands.put_nowait(command)
        if self.term:
            self.term.bound_s = self._state.bound_s
        (self._resting.set if self._state.at_rest else self._resting.clear)()

    def _begin(self, token: Token) -> None:
        self.term = Term(self._role, token, self._lock, self._session, self._consul)
        self._begun.set()
        log.info("leads %s, token %s", self._role, token)
        self._count("begun", leads=True)

    def _over(self, why: str) -> None:
        if self.term is None:
            return
        self.term.end(why)
        self.term = None
        self._begun.clear()
        log.info("leads %s no more: %s", self._role, why)
        self._count(why, leads=False)

    def _count(self, why: str, *, leads: bool) -> None:
        _LEADER.labels(self._role).set(leads)
        _MOVES.labels(self._role, why).inc()

    async def _carry_out(self, command: Command) -> None:
        match command:
            case Try(over):
                self._happen(await self._tried(over))
            case Release(over, left):
                value = {"v": 1, "left" if left else "gave": self._who["instance"]}
                with suppress(Unavailable):
                    await self._session.release(self._lock, json.dumps(value).encode(), over)

    async def _tried(self, over: int) -> Event:
        value = json.dumps({"v": 1, **self._who, "at_us": wall_us()}).encode()
        try:
            token = await self._session.acquire(self._lock, value, over)
        except Unavailable:
            return Unknown()
        return Won(token) if token else Refused()


class Leadership:
    """The roles of one process."""

    def __init__(self, prefix: str, member: Member, spawn: Spawn) -> None:
        """Want no role yet.

        Args:
            prefix: Of the roles' locks in the KV store, with a slash at its end.
            member: This process.
            spawn: Starts the background task of a candidate.
        """
        self._prefix, self._member, self._spawn = prefix, member, spawn
        self._candidates: dict[str, Leading] = {}
        self._closed = False

    @asynccontextmanager
    async def leading(self, role: str, *, fenced: bool = True) -> AsyncIterator[Term]:
        """Wait until this process leads a role, and lead it for the time of the block.

        Args:
            role: Name of the role: lower-case letters, digits and dashes.
            fenced: Whether every effect is a `Term.write`, or carries the token to somebody who checks it. Otherwise
                a new leader begins only when the former one has stopped believing.

        Raises:
            TermEnded: The term ended within the block.
            ConfigError: The role's name cannot be part of a key, or is wanted twice here.
        """
        lock = lock_of(self._prefix, role)
        if self._closed:
            await asyncio.Event().wait()
        candidate = self._candidates.get(role)
        if candidate is None:
            candidate = self._candidates[role] = Leading(role, lock, self._member, fenced=fenced)
            self._spawn(candidate.run())
        if candidate.fenced != fenced:
            raise ConfigError(f"role {role} is wanted with effects that are fenced, and with others")
        async with candidate.leading() as term:
            yield term

    async def hand_over(self) -> None:
        """Give every role back, as the first step of stopping; who wants one now waits for ever."""
        self._closed = True
        await asyncio.gather(*(each.close() for each in self._candidates.values()))

    def report(self) -> str:
        """What this instance leads, for the Consul UI."""
        led = [f"leads {role} with token {each.term.token}" for role, each in self._candidates.items() if each.term]
        return "; ".join(led)
