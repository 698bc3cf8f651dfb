"""One time of leading: what the leader may still do, and the block that ends with it."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from hoploom.kit import metrics
from hoploom.kit.belief import Token
from hoploom.kit.clock import boottime_s
from hoploom.kit.consul_api import ConsulApi, KvEntry
from hoploom.kit.errors import Unavailable
from hoploom.kit.session import Session

LOOK_EVERY_S = 0.05
_REFUSED = metrics.counter("hoploom_fenced_writes_refused_total", "Writes of a term that had ended.", ("role",))


class TermEnded(Unavailable):
    """This process leads no more; whatever was under way for its term is not to be finished."""


class Term:
    """One time of leading a role.

    Attributes:
        role: The role.
        token: Its fencing token.
        bound_s: Until when the candidate's last look at the lock lets it lead; its own boottime clock.
        why: Why it ended.
    """

    def __init__(self, role: str, token: Token, lock: str, session: Session, consul: ConsulApi) -> None:
        """Made by `Leading`, while the session holds the lock."""
        self.role, self.token = role, token
        self.bound_s, self.why = float("inf"), ""
        self._lock, self._session, self._consul = lock, session, consul
        self._session_id = session.id
        self._over = asyncio.Event()

    @property
    def deadline_s(self) -> float:
        """Until when it may be believed in, on this process's boottime clock; minus infinity when it is over."""
        return float("-inf") if self._gone else min(self.bound_s, self._session.deadline_s)

    @property
    def valid(self) -> bool:
        """Whether an effect may start now; look at it last before anything that cannot be fenced."""
        return not self._gone and self._session.valid and boottime_s() < self.bound_s

    @property
    def _gone(self) -> bool:
        return self._over.is_set() or self._session.id != self._session_id

    async def ended(self) -> None:
        """Wait until it is over."""
        await self._over.wait()

    async def write(self, operations: Sequence[Mapping[str, Any]]) -> tuple[KvEntry, ...]:
        """Carry out KV operations in one transaction that is refused unless this term still holds the lock, untouched.

        Args:
            operations: As `ConsulApi.kv_txn` takes them, at most 127.

        Raises:
            TermEnded: The term is over; nothing was written.
            Unavailable: It is not known whether they were carried out.
        """
        while not self.valid:
            # Suspended after a stall, or over: the next renewal tells.
            if self._gone:
                raise TermEnded(f"the term as {self.role} is over: {self.why or 'its session has ended'}")
            await asyncio.sleep(LOOK_EVERY_S)
        # Not `check-session`: that would let a late request of an earlier term of the same session through.
        check = {"Verb": "check-index", "Key": self._lock, "Index": self.token.index}
        found = await self._consul.kv_txn([check, *operations])
        if found is None:
            await self._why_refused()
        return found or ()

    def end(self, why: str) -> None:
        """It is over."""
        self.why = self.why or why
        self._over.set()

    async def _why_refused(self) -> None:
        """A lock that is another's ends the term; a compare of the caller's that failed is the caller's affair."""
        entry = await self._consul.kv_get(self._lock, consistent=True)
        if entry is None or entry.modify_index != self.token.index:
            _REFUSED.labels(self.role).inc()
            self.end("a write was refused")
            raise TermEnded(f"the term as {self.role} is over: the lock is not what it was")
        raise Unavailable("the transaction was refused: a compare failed")


@asynccontextmanager
async def ending_with(term: Term) -> AsyncIterator[None]:
    """Cancels the block when the term ends, as `asyncio.timeout` does at its time; raises TermEnded then."""
    task = asyncio.current_task()
    assert task is not None
    before = task.cancelling()
    watcher = asyncio.get_running_loop().create_task(_cancelled_at_end(term, task))
    try:
        yield
    except asyncio.CancelledError:
        if watcher.done() and not watcher.cancelled() and task.uncancel() <= before:
            raise TermEnded(f"the term as {term.role} is over: {term.why}") from None
        raise
    finally:
        watcher.cancel()


async def _cancelled_at_end(term: Term, task: "asyncio.Task[Any]") -> None:
    await term.ended()
    task.cancel()
