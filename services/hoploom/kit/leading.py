"""Leading a role: the shell of `election`.

    async with mesh.leading("dyfi", fenced=False) as term:
        await call_outside(term)

The block is entered when this process leads, and cancelled when its term ends; that surfaces as `TermEnded`.
"""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from hoploom.kit import election, metrics, watch
from hoploom.kit.clock import boottime_s, wall_us
from hoploom.kit.consul_api import ConsulApi, KvEntry
from hoploom.kit.election import Begin, Candidate, Command, End, Event, Phase, Release, Seen, Try, Withdraw
from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.kit.session import Session, Token

log = logging.getLogger(__name__)
TICK_S = 0.1
LOCK = "/.lock"
_ROLE = re.compile("[a-z0-9][a-z0-9-]{0,62}")
_LEADER = metrics.gauge("hoploom_leader", "1 while this instance leads the role, else 0.", ("role",))
_MOVES = metrics.counter("hoploom_leader_transitions_total", "Terms begun and ended here.", ("role", "why"))
_LEFT = metrics.gauge("hoploom_leader_seconds_left", "Seconds until the term ends unless it is renewed.", ("role",))
_REFUSED = metrics.counter("hoploom_fenced_writes_refused_total", "Writes of a term that had ended.", ("role",))


class TermEnded(Unavailable):
    """This process leads no more; whatever was under way for its term is not to be finished."""


@dataclass(frozen=True)
class Role:
    """Who leads a role, for status pages.

    Attributes:
        name: The role.
        instance: Id of the leader; empty while there is none.
        url: Where it answers; empty for one that nobody can reach.
        since_us: Wall clock of its acquisition.
        index: Raft index of its lock, the larger part of its token.
    """

    name: str
    instance: str
    url: str
    since_us: int
    index: int


class Term:
    """One time of leading."""

    def __init__(self, role: str, token: Token, lock: str, session: Session, consul: ConsulApi) -> None:
        """Made by `Leading`."""
        self.role, self.token = role, token
        self._lock, self._session, self._consul = lock, session, consul
        self._session_id = session.id
        self._over = asyncio.Event()
        self.why = ""

    @property
    def deadline_s(self) -> float:
        """Until when it may be believed in, on this process's boottime clock; minus infinity when it is over."""
        return float("-inf") if self._over.is_set() else self._session.deadline_s

    @property
    def valid(self) -> bool:
        """Whether an effect may start now; look at it last before anything that cannot be fenced."""
        return not self._over.is_set() and self._session.id == self._session_id and self._session.valid

    async def ended(self) -> None:
        """Wait until it is over."""
        await self._over.wait()

    async def write(self, operations: Sequence[Mapping[str, Any]]) -> tuple[KvEntry, ...]:
        """Carry out KV operations in one transaction that is refused unless this term still holds the lock.

        Args:
            operations: As `ConsulApi.kv_txn` takes them, at most 127.

        Raises:
            TermEnded: The term is over; nothing was written.
            Unavailable: It is not known whether they were carried out.
        """
        if not self.valid:
            # Suspended after a stall, or over: the next renewal tells.
            await self._confirmed()
        check = {"Verb": "check-session", "Key": self._lock, "Session": self._session_id}
        found = await self._consul.kv_txn([check, *operations])
        if found is None:
            await self._why_refused()
        return found or ()

    def end(self, why: str) -> None:
        """It is over."""
        self.why = self.why or why
        self._over.set()

    async def _confirmed(self) -> None:
        while not self.valid:
            if self._over.is_set() or self._session.id != self._session_id:
                raise TermEnded(f"the term as {self.role} is over: {self.why or 'its session has ended'}")
            await asyncio.sleep(TICK_S / 2)

    async def _why_refused(self) -> None:
        """A lock that is another's ends the term; a compare of the caller's that failed is the caller's affair."""
        entry = await self._consul.kv_get(self._lock, consistent=True)
        if entry is None or entry.session != self._session_id:
            _REFUSED.labels(self.role).inc()
            self.end("a write was refused")
            raise TermEnded(f"the term as {self.role} is over: the lock is another's")
        raise Unavailable("the transaction was refused: a compare failed")


class Leading:
    """One candidate: follows the role's lock, and tells when a term begins and ends."""

    def __init__(self, role: str, lock: str, consul: ConsulApi, session: Session, who: Mapping[str, Any]) -> None:
        """Follow nothing yet.

        Args:
            role: The role.
            lock: Key of its lock.
            consul: The local agent.
            session: This process's session.
            who: What the lock says of its holder: `instance` and `url`.
        """
        self._role, self._lock, self._consul, self._session, self._who = role, lock, consul, session, who
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._state = Candidate(fenced=True)
        self._began, self._done = asyncio.Event(), asyncio.Event()
        self._term: Term | None = None

    @property
    def term(self) -> Term | None:
        """The term that runs now."""
        return self._term

    async def begun(self) -> Term:
        """Wait for the term that runs, or the next."""
        while self._term is None:
            await self._began.wait()
        return self._term

    async def run(self, *, fenced: bool) -> None:
        """Be a candidate until `withdraw`."""
        self._state = Candidate(fenced=fenced)
        async with asyncio.TaskGroup() as group:
            beside = [group.create_task(self._follow()), group.create_task(self._tick())]
            while self._state.phase is not Phase.WITHDRAWN:
                await self._happen(await self._events.get())
            for task in beside:
                task.cancel()
        self._done.set()

    async def withdraw(self) -> None:
        """Lead no more: what is held is released with a word that this instance left."""
        self._events.put_nowait(Withdraw())
        await self._done.wait()

    async def _follow(self) -> None:
        await watch.follow(
            f"the lock of {self._role}", lambda index: self._consul.kv_watch(self._lock, index), self._learn
        )

    def _learn(self, entries: list[KvEntry]) -> None:
        found = next((entry for entry in entries if entry.key == self._lock), None)
        if found is None:
            self._events.put_nowait(Seen())
            return
        said = _said(found.value)
        graceful = "left" in said or said.get("instance") == self._who["instance"]
        self._events.put_nowait(Seen(found.session, found.modify_index, graceful))

    async def _tick(self) -> None:
        while True:
            self._events.put_nowait(election.Session(self._session.id, self._session.deadline_s))
            _LEFT.labels(self._role).set(max(0.0, self._session.deadline_s - boottime_s()) if self._term else 0.0)
            await asyncio.sleep(TICK_S)

    async def _happen(self, event: Event | None) -> None:
        """One event, and all that it leads to."""
        while event is not None:
            self._state, commands = election.step(self._state, event, boottime_s())
            event = None
            for command in commands:
                event = await self._carry_out(command) or event

    async def _carry_out(self, command: Command) -> Event | None:
        match command:
            case Begin(token):
                self._term = Term(self._role, token, self._lock, self._session, self._consul)
                self._began.set()
                log.info("leads %s, token %s", self._role, token)
                self._count("begun", leads=True)
            case End(why):
                self._over(why)
            case Release():
                value = json.dumps({"v": 1, "left": self._who["instance"]}).encode()
                with suppress(Unavailable):
                    await self._session.release(self._lock, value)
            case Try():
                return await self._tried()
        return None

    def _over(self, why: str) -> None:
        if self._term is not None:
            self._term.end(why)
        self._term = None
        self._began.clear()
        log.info("leads %s no more: %s", self._role, why)
        self._count(why, leads=False)

    def _count(self, why: str, *, leads: bool) -> None:
        _LEADER.labels(self._role).set(leads)
        _MOVES.labels(self._role, why).inc()

    async def _tried(self) -> Event:
        value = json.dumps({"v": 1, **self._who, "at_us": wall_us()}).encode()
        try:
            token = await self._session.acquire(self._lock, value)
        except Unavailable:
            return election.Unknown()
        return election.Won(token) if token else election.Refused()


class Leadership:
    """The roles of one process."""

    def __init__(self, prefix: str, consul: ConsulApi, session: Session, who: Mapping[str, Any]) -> None:
        """Want no role yet.

        Args:
            prefix: Of the roles' locks in the KV store, with a slash at its end.
            consul: The local agent.
            session: This process's session.
            who: What a lock says of its holder: `instance` and `url`.
        """
        self._prefix, self._consul, self._session, self._who = prefix, consul, session, who
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
        if self._closed:
            await asyncio.Event().wait()
        lock = f"{self._prefix}{_checked(role)}{LOCK}"
        if role in self._candidates:
            raise ConfigError(f"role {role} is wanted twice in this process")
        candidate = self._candidates[role] = Leading(role, lock, self._consul, self._session, self._who)
        runner = asyncio.get_running_loop().create_task(candidate.run(fenced=fenced))
        try:
            term = await candidate.begun()
            async with _while_valid(term):
                yield term
        finally:
            del self._candidates[role]
            await asyncio.shield(self._withdrawn(candidate, runner))

    async def hand_over(self) -> None:
        """Give every role back, as the first step of stopping; who wants one now waits for ever."""
        self._closed = True
        await asyncio.gather(*(each.withdraw() for each in self._candidates.values()))

    def report(self) -> str:
        """What this instance leads, for the Consul UI."""
        led = [f"leads {role} with token {each.term.token}" for role, each in self._candidates.items() if each.term]
        return "; ".join(led)

    async def _withdrawn(self, candidate: Leading, runner: "asyncio.Task[None]") -> None:
        await candidate.withdraw()
        await runner


@asynccontextmanager
async def _while_valid(term: Term) -> AsyncIterator[None]:
    """Cancels the block when the term ends, as `asyncio.timeout` does at its time; raises TermEnded then."""
    task = asyncio.current_task()
    assert task is not None
    before = task.cancelling()
    watcher = asyncio.get_running_loop().create_task(_cancelled_at_end(term, task))
    try:
        yield
    except asyncio.CancelledError:
        if watcher.done() and task.uncancel() <= before:
            raise TermEnded(f"the term as {term.role} is over: {term.why}") from None
        raise
    finally:
        watcher.cancel()


async def _cancelled_at_end(term: Term, task: "asyncio.Task[Any]") -> None:
    await term.ended()
    task.cancel()


async def roles(consul: ConsulApi, prefix: str) -> list[Role]:
    """Every role that was ever led, with its leader; raises Unavailable when Consul is away."""
    entries = await consul.kv_list(prefix)
    return [_role(entry, prefix) for entry in entries if entry.key.endswith(LOCK)]


def _role(entry: KvEntry, prefix: str) -> Role:
    said = _said(entry.value) if entry.session else {}
    name = entry.key.removeprefix(prefix).removesuffix(LOCK)
    instance = str(said.get("instance", "consul lock" if entry.session else ""))
    return Role(name, instance, str(said.get("url", "")), int(said.get("at_us", 0)), entry.modify_index)


def _said(value: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(value)
    except ValueError:
        # `consul lock` on the command line writes nothing that is ours.
        return {}
    return said if isinstance(said, dict) else {}


def _checked(role: str) -> str:
    if not _ROLE.fullmatch(role):
        raise ConfigError(f"a role is named by lower-case letters, digits and dashes, not {role[:40]!r}")
    return role
