"""One Consul session a process: what its locks hang on, and until when it may believe in them.

The session binds to this instance's `alive` check and to a TTL, so that a dead process loses its locks in about two
seconds and an unreachable one in at most twice the TTL. What this process believes ends earlier, by its own clock:
`deadline_s` counts from the *start* of the last renewal that was answered. A refused renewal (404) ends the session
now; no answer, or a 5xx, does not. A process that was stopped, or whose event loop hung, believes nothing until a
renewal that began afterwards is answered.

Source: Gray & Cheriton 1989, "Leases"; HashiCorp, "Sessions and Distributed Locks Overview".
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from hoploom.kit import metrics
from hoploom.kit.belief import BEAT_EVERY_S, TTL_S, Belief, Token
from hoploom.kit.clock import boottime_s
from hoploom.kit.consul_api import LOCK_FLAG, ConsulApi, KvEntry
from hoploom.kit.errors import Unavailable

T = TypeVar("T")
log = logging.getLogger(__name__)
RENEW_EVERY_S = 2.5
"""Three renewals may fail before the deadline; they do not touch raft."""

LOCK_DELAY_S = 1.0
"""Session-wide. Enough where every effect is fenced; other roles wait by themselves (`election`)."""

RETRY_EVERY_S = 0.25
TOGETHER = 32
"""Locks in a transaction: two operations each and one for the epoch, of the 128 that Consul takes."""

EPOCH = "hoploom/epoch"
"""Raised when Consul is restored from a snapshot, because indexes may fall back then.

It is read in the very transaction that takes a lock: a session may be in the snapshot, and outlive the restore.
"""

_RENEWALS = metrics.counter("hoploom_session_renewals_total", "Renewals of the session.", ("result",))
_LEFT = metrics.gauge("hoploom_session_seconds_left", "Seconds until the session's deadline by this process's clock.")
_STALLS = metrics.counter("hoploom_session_stalls_total", "Stalls of the event loop that suspended all roles.")


class LockWrite(NamedTuple):
    """What is to become of a lock.

    Attributes:
        lock: Its key, `.../.lock`.
        value: What stands there then.
        over: Its modify index as it was seen; 0 where there was no such key.
    """

    lock: str
    value: bytes
    over: int


class Session:
    """The session of this process. `run` makes it, renews it, and makes another when it has ended."""

    def __init__(self, consul: Callable[[], ConsulApi], name: str, check: str) -> None:
        """Have none yet.

        Args:
            consul: Gives the local agent.
            name: Name of the session, for people.
            check: Id of the check that it binds to.
        """
        self._consul, self._name, self._check = consul, name, check
        self._belief = Belief()
        self._lost: list[Callable[[], None]] = []
        self._urgent = asyncio.Event()
        self._made = asyncio.Event()

    @property
    def id(self) -> str:
        """Its id; empty while there is none."""
        return self._belief.id

    @property
    def deadline_s(self) -> float:
        """Until when it is believed in, on this process's boottime clock; minus infinity without a session."""
        return self._belief.deadline_s

    @property
    def valid(self) -> bool:
        """Whether an effect that hangs on it may start now."""
        return self._belief.valid(boottime_s())

    def on_lost(self, call: Callable[[], None]) -> None:
        """Have a function called whenever a session has ended; its locks are gone then."""
        self._lost.append(call)

    def check(self, lock: str) -> Mapping[str, Any]:
        """The operation that refuses a transaction unless this session holds a lock."""
        return {"Verb": "check-session", "Key": lock, "Session": self.id}

    async def ready(self) -> None:
        """Wait until there is a session that may be believed in."""
        while not self.valid:
            await self._made.wait()
            if not self.valid:
                await asyncio.sleep(BEAT_EVERY_S)

    async def acquire(self, lock: str, value: bytes, over: int) -> Token | None:
        """Try once to take a lock as it was seen; a request that comes late or twice takes nothing.

        Args:
            lock: Key of the lock, `.../.lock`.
            value: Who takes it, for people and for the others.
            over: Modify index of the lock when it was looked at; 0 where there was no such key.

        Returns:
            The fencing token; None where another has the lock, its delay runs, or it has changed since.

        Raises:
            Unavailable: It is not known what became of the try.
        """
        [token] = await self.acquire_all([LockWrite(lock, value, over)])
        return token

    async def acquire_all(self, writes: Sequence[LockWrite]) -> list[Token | None]:
        """As `acquire` of each, in as few transactions as do: whoever watches them is woken once, and not for each."""
        tokens: list[Token | None] = []
        for some in _parts(writes):
            found = await self._write("lock", some, {"Verb": "get-or-empty", "Key": EPOCH}) if self.valid else None
            if found is not None:
                epoch = _epoch(found)
                tokens += [Token(epoch, found[each.lock].modify_index) for each in some]
            elif len(some) > 1 and self.valid:
                # One of them is refused, and nobody says which.
                tokens += await _each(self.acquire(*each) for each in some)
            else:
                tokens += [None] * len(some)
        return tokens

    async def release(self, lock: str, value: bytes, over: int) -> None:
        """Give a lock back, unless somebody has touched it; no delay keeps the next one from taking it.

        Args:
            lock: Key of the lock.
            value: What stands there then, such as who left.
            over: Modify index at its acquisition, which is that of its token.
        """
        await self.release_all([LockWrite(lock, value, over)])

    async def release_all(self, writes: Sequence[LockWrite]) -> None:
        """As `release` of each, in as few transactions as do."""
        for some in _parts(writes):
            if self.id and await self._write("unlock", some) is None and len(some) > 1:
                await _each(self.release(*each) for each in some)

    async def _write(
        self, verb: str, writes: Sequence[LockWrite], *more: Mapping[str, Any]
    ) -> dict[str, KvEntry] | None:
        """Each lock with its new index, and what more is asked for; None where one is not what it was, or another's."""
        operations: list[Mapping[str, Any]] = []
        for lock, value, over in writes:
            operations.append(_unchanged(lock, over))
            operations.append({"Verb": verb, "Key": lock, "Value": value, "Flags": LOCK_FLAG, "Session": self.id})
        found = await self._consul().kv_txn([*operations, *more])
        # What was only looked at is told too, and before what was written.
        return None if found is None else {each.key: each for each in found}

    async def run(self) -> None:
        """Keep a session, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._beat())
            while True:
                try:
                    await (self._renew() if self.id else self._make())
                except Unavailable as error:
                    _RENEWALS.labels("unanswered").inc()
                    log.debug("the session is not kept just now: %s", error)
                    await self._pause(RETRY_EVERY_S)
                else:
                    await self._pause(RENEW_EVERY_S * random.uniform(0.9, 1.0))

    async def destroy(self) -> None:
        """End it, as the last thing that a stopping process does."""
        session_id = self.id
        self._end()
        if session_id:
            await self._consul().session_destroy(session_id)

    async def _make(self) -> None:
        began_s = boottime_s()
        body = {
            "Name": self._name,
            "TTL": f"{TTL_S:g}s",
            "LockDelay": f"{LOCK_DELAY_S:g}s",
            "Behavior": "release",
            # Not the node's own health: an agent that is restarted would take every role from its instances.
            "NodeChecks": [],
            "ServiceChecks": [{"ID": self._check}],
        }
        session_id = await self._consul().session_create(body)
        self._belief = self._belief.made(session_id, began_s)
        self._made.set()
        log.info("has session %s", session_id)

    async def _renew(self) -> None:
        began_s, session_id = boottime_s(), self.id
        alive = await self._consul().session_renew(session_id)
        if session_id != self.id:
            return
        _RENEWALS.labels("kept" if alive else "refused").inc()
        if alive:
            self._belief = self._belief.renewed(began_s)
        else:
            log.warning("session %s has ended: its check failed, or it was not renewed in time", session_id)
            self._end()
            # A new one is made at once.
            self._urgent.set()

    def _end(self) -> None:
        self._belief = self._belief.ended()
        self._made.clear()
        for call in self._lost:
            call()

    async def _beat(self) -> None:
        while True:
            before, now_s = self._belief, boottime_s()
            self._belief = before.beat(now_s)
            _LEFT.set(max(0.0, self.deadline_s - now_s))
            if self._belief.stalled_s > before.stalled_s:
                _STALLS.inc()
                log.warning("the event loop hung; every role waits until the session is confirmed")
                self._urgent.set()
            await asyncio.sleep(BEAT_EVERY_S)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._urgent.wait()
        except TimeoutError:
            return
        self._urgent.clear()


def _unchanged(key: str, index: int) -> Mapping[str, Any]:
    """The operation that refuses a transaction unless a key is what it was at that index (0: not there)."""
    return {"Verb": "check-index", "Key": key, "Index": index} if index else {"Verb": "check-not-exists", "Key": key}


def _epoch(found: Mapping[str, KvEntry]) -> int:
    """The epoch as a transaction has read it; raises Unavailable where it could not."""
    if EPOCH not in found:
        # Consul leaves out what a token may not read.
        raise Unavailable(f"Consul refused the token: it may not read {EPOCH}")
    value = found[EPOCH].value
    return int(value) if value.isdigit() else 0


def _parts(writes: Sequence[LockWrite]) -> Iterator[Sequence[LockWrite]]:
    return (writes[first : first + TOGETHER] for first in range(0, len(writes), TOGETHER))


async def _each(calls: Iterable[Awaitable[T]]) -> list[T]:
    """What they return, when all have ended; the first error, if there was one."""
    ended = await asyncio.gather(*calls, return_exceptions=True)
    found = []
    for each in ended:
        if isinstance(each, BaseException):
            raise each
        found.append(each)
    return found
