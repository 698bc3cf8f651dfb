"""The shell of a deploy's course: looks, judges, carries out, and feeds what comes of it back to the machine."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from hoploom.deploying.course import step
from hoploom.deploying.gate import Verdict
from hoploom.deploying.happenings import (
    Blind,
    Command,
    End,
    Event,
    Forget,
    Interrupted,
    Judged,
    Note,
    Ousted,
    Seen,
    Stop,
    Tell,
    Watch,
)
from hoploom.deploying.sight import Sight
from hoploom.deploying.standing import Course
from hoploom.kit.clock import boottime_s
from hoploom.kit.consul_api import Instance
from hoploom.kit.errors import HoploomError

LOOK_EVERY_S = 0.3
JUDGE_EVERY_S = 0.5
"""A breach is acted on within this and the time of two looks."""

BLIND_S = 10.0
"""So long an engine may say nothing, as at an election, before the deploy does not go on without eyes."""


class Carrying(Protocol):
    """What is moved; `world.World` is one."""

    async def sight(self) -> Sight:
        """The service as it is now; raises Unavailable."""

    def instances(self, dc: str) -> list[Instance]:
        """Its instances in a datacenter at the last sight."""

    async def carry(self, command: Command) -> Event | None:
        """Carry a command out; what comes of it."""


class Judging(Protocol):
    """The gate of a datacenter; `world.Gate` is one."""

    async def begin(self, instances: list[Instance]) -> None:
        """Count from now on."""

    async def judged(self, instances: list[Instance]) -> Verdict | None:
        """What has been counted since."""


class Keeping(Protocol):
    """What the next deploy finds of this one."""

    async def note(self, where: str) -> None:
        """How far it is."""

    async def forget(self) -> None:
        """It came to its end."""


class Running:
    """One deploy while it runs."""

    def __init__(
        self, world: Carrying, gates: Mapping[str, Judging], keeping: Keeping, tell: Callable[[Tell], None]
    ) -> None:
        """Know what is moved, who judges by datacenter, who remembers, and who is told."""
        self._world, self._gates, self._keeping, self._tell = world, gates, keeping, tell
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._watched: list[str] = []
        self._hands: set[asyncio.Task[None]] = set()

    def interrupt(self) -> None:
        """A person wants it to end."""
        self._events.put_nowait(Interrupted())

    def oust(self, by: str) -> None:
        """The lock is somebody else's."""
        self._events.put_nowait(Ousted(by))

    async def run(self, course: Course, first: Event | list[Command]) -> int:
        """Go on until it is over.

        Args:
            course: Where it stands.
            first: What happens first, or what is to be done first.

        Returns:
            0 where the new version is in, 1 where it is not.
        """
        # A watcher that has not looked before would not know what its new instances have counted since they are born.
        for dc, gate in self._gates.items():
            await gate.begin(self._world.instances(dc))
        async with asyncio.TaskGroup() as group:
            eyes = [group.create_task(self._look()), group.create_task(self._judge())]
            course, commands = (course, first) if isinstance(first, list) else step(course, first, boottime_s())
            while (code := await self._carry(commands, group)) is None:
                course, commands = step(course, await self._events.get(), boottime_s())
            for each in (*eyes, *self._hands):
                each.cancel()
        return code

    async def _carry(self, commands: list[Command], group: asyncio.TaskGroup) -> int | None:
        """Begin all of them, in their order; the exit code where it is over."""
        for command in commands:
            match command:
                case End(code):
                    return code
                case Tell():
                    self._tell(command)
                case Stop():
                    await self._stop()
                case Note(where):
                    await _if_it_can(self._keeping.note(where))
                case Forget():
                    await self._forget()
                case _:
                    hand = group.create_task(self._hand(command))
                    self._hands.add(hand)
                    hand.add_done_callback(self._hands.discard)
        return None

    async def _forget(self) -> None:
        try:
            await self._keeping.forget()
        except HoploomError as error:
            self._tell(Tell("lock", {"why": str(error)}))

    async def _stop(self) -> None:
        # What is under way must not be written after what comes now.
        hands = list(self._hands)
        for each in hands:
            each.cancel()
        await asyncio.gather(*hands, return_exceptions=True)

    async def _hand(self, command: Command) -> None:
        if isinstance(command, Watch):
            await self._gates[command.dc].begin(self._world.instances(command.dc))
            if command.dc not in self._watched:
                self._watched.append(command.dc)
            return
        event = await self._world.carry(command)
        if event is not None:
            self._events.put_nowait(event)

    async def _look(self) -> None:
        seen_s = boottime_s()
        while True:
            try:
                self._events.put_nowait(Seen(await self._world.sight()))
                seen_s = boottime_s()
            except HoploomError as error:
                if boottime_s() - seen_s > BLIND_S:
                    self._events.put_nowait(Blind(f"nothing was seen of it for {BLIND_S:g} s: {error}"))
                    seen_s = boottime_s()
            await asyncio.sleep(LOOK_EVERY_S)

    async def _judge(self) -> None:
        while True:
            for dc in list(self._watched):
                verdict = await self._gates[dc].judged(self._world.instances(dc))
                if verdict is not None:
                    self._events.put_nowait(Judged(dc, verdict))
            await asyncio.sleep(JUDGE_EVERY_S)


async def _if_it_can(call: Awaitable[None]) -> None:
    """What is kept for the next deploy is worth less than this one's going on."""
    try:
        await call
    except HoploomError:
        return
