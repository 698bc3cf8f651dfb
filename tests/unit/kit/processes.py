"""Several processes on one virtual clock, each with an event loop of its own: one can be stopped while others run.

The world hands out the time: it always lets that loop run one turn which is due first. Whoever is stopped keeps what
has reached it for later, as a process does under SIGSTOP; whoever is killed does nothing any more. Chance is one
seeded generator, so a seed gives the same history every time.
"""

import asyncio
import heapq
import itertools
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from hoploom.kit.errors import HoploomError, Unavailable

T = TypeVar("T")
BEGIN_S = 1000.0
"""No process may take the beginning for zero."""


class _NoSockets:
    """Stands where a loop waits for sockets: there are none."""

    def select(self, _: float | None) -> list[Any]:
        return []


class ProcessLoop(asyncio.BaseEventLoop):
    """The event loop of one process; the world turns it."""

    def __init__(self, world: "World", name: str) -> None:
        super().__init__()
        self.world, self.name = world, name
        self._selector = _NoSockets()
        self.wall_ahead_us = 0
        self.stopped = self.dead = False
        self.main: asyncio.Task[None] | None = None

    def time(self) -> float:
        """The world's time in seconds."""
        return self.world.now_s

    def due_s(self) -> float:
        """When it has something to do."""
        if self.stopped or self.dead:
            return float("inf")
        if self._ready:  # type: ignore[attr-defined]
            return self.world.now_s
        timers = self._scheduled  # type: ignore[attr-defined]
        return float(timers[0].when()) if timers else float("inf")

    def turn(self) -> None:
        """Run what is due, once; `run_forever` would do more for its beginning and its end than for the turn."""
        asyncio._set_running_loop(self)
        try:
            self._run_once()  # type: ignore[attr-defined]
        finally:
            asyncio._set_running_loop(None)

    def _process_events(self, event_list: list[Any]) -> None:
        """No sockets, no events."""

    def _write_to_self(self) -> None:
        """Nobody sleeps in a selector."""


class World:
    """The clock, the loops and the messages between them."""

    def __init__(self, seed: int) -> None:
        """Begin."""
        self.chance = random.Random(seed)
        self.now_s = BEGIN_S
        self.loops: list[ProcessLoop] = []
        self.log: list[str] = []
        self._events: list[tuple[float, int, Callable[[], object]]] = []
        self._count = itertools.count()

    def loop(self, name: str) -> ProcessLoop:
        """A new process."""
        self.loops.append(ProcessLoop(self, name))
        return self.loops[-1]

    def note(self, words: str) -> None:
        """A line for whoever looks at a failing seed."""
        self.log.append(f"{self.now_s - BEGIN_S:8.3f} {words}")

    def after(self, seconds: float, action: Callable[[], object]) -> None:
        """Have something happen later."""
        heapq.heappush(self._events, (self.now_s + seconds, next(self._count), action))

    def run(self, until_s: float, done: Callable[[], bool] = lambda: False) -> bool:
        """Let time pass up to a moment, or until something is so; returns whether it became so."""
        while not done():
            event_s = self._events[0][0] if self._events else float("inf")
            due_s, _, first = min((each.due_s(), at, each) for at, each in enumerate(self.loops))
            next_s = min(event_s, due_s)
            if next_s > until_s:
                self.now_s = until_s
                return done()
            self.now_s = max(self.now_s, next_s)
            if event_s <= self.now_s:
                heapq.heappop(self._events)[2]()
            else:
                first.turn()
        return True

    def bury(self, loop: ProcessLoop) -> None:
        """End all that a process was doing, without a word to anybody, and close its loop."""
        loop.stopped = loop.dead = True
        self.loops.remove(loop)
        if not asyncio.all_tasks(loop):
            # It has not even begun.
            loop._ready.clear()  # type: ignore[attr-defined]
        for task in [loop.main] if loop.main else asyncio.all_tasks(loop):
            task.cancel()
        for _ in range(100):
            if not loop._ready:  # type: ignore[attr-defined]
                break
            loop.turn()
        assert not asyncio.all_tasks(loop), f"{loop.name} goes on after its end: {asyncio.all_tasks(loop)}"
        loop.close()

    def end(self) -> None:
        """Bury all who are left."""
        self._events.clear()
        for loop in list(self.loops):
            self.bury(loop)


class Link:
    """The way of one process to a server process: slow, lossy, cut; requests and answers are lost and repeated."""

    PATIENCE_S = 5.0
    SWIFT_S = 0.002

    def __init__(self, world: World, near: ProcessLoop, far: ProcessLoop) -> None:
        """Join two processes."""
        self._world, self._near, self._far = world, near, far
        self.cut = False
        self.mend()

    def mend(self) -> None:
        """Neither lossy nor slow."""
        self.loss = self.repeats = 0.0
        self.slowest_s = self.SWIFT_S

    async def ask(self, work: Callable[[], Coroutine[Any, Any, T]], patience_s: float = PATIENCE_S) -> T:
        """Have the server carry something out; raises Unavailable where no answer comes in time."""
        answer: asyncio.Future[T] = self._near.create_future()
        chance = self._world.chance
        for _ in range(2 if chance.random() < self.repeats else 1):
            if chance.random() >= self.loss:
                self._send(lambda: self._serve(work, answer))
        try:
            async with asyncio.timeout(patience_s):
                return await answer
        except TimeoutError:
            raise Unavailable("no answer came in time") from None

    def _send(self, arrive: Callable[[], object]) -> None:
        delay_s = self._world.chance.uniform(self.SWIFT_S / 10, self.slowest_s)
        self._world.after(delay_s, lambda: None if self.cut else arrive())

    def _serve(self, work: Callable[[], Coroutine[Any, Any, T]], answer: "asyncio.Future[T]") -> None:
        self._far.call_soon(lambda: self._far.create_task(self._answer(work(), answer)))

    async def _answer(self, work: Awaitable[T], answer: "asyncio.Future[T]") -> None:
        try:
            found = await work
        except HoploomError as error:
            refusal = type(error)(str(error))
            self._reply(answer, lambda: answer.set_exception(refusal))
        else:
            self._reply(answer, lambda: answer.set_result(found))

    def _reply(self, answer: "asyncio.Future[T]", settle: Callable[[], None]) -> None:
        def arrive() -> None:
            if not self._near.dead:
                self._near.call_soon(lambda: None if answer.done() else settle())

        if self._world.chance.random() >= self.loss:
            self._send(arrive)
