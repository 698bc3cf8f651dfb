"""A state that is read anew for whoever asks, and of which the last stands for a while where it cannot be read.

For what is looked at: a list is worth more a few seconds old than not at all, while Consul beside an instance restarts
or its servers elect a leader. What decides is read consistently, and fails where nobody can say.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from hoploom.kit.clock import boottime_s
from hoploom.kit.errors import Damaged, Unavailable

T = TypeVar("T")
log = logging.getLogger(__name__)
WAIT_S = 1.0
"""A read may take so long while something is known; Consul alone holds one for seven seconds without a leader."""

AGAIN_S = 1.0
"""After a read that failed nobody waits for another one for so long."""


class LastKnown(Generic[T]):
    """One state."""

    def __init__(self, read: Callable[[], Awaitable[T]], kept_s: float) -> None:
        """Know nothing yet.

        Args:
            read: Reads the state; raises Unavailable where that does not do now.
            kept_s: A state that was read longer ago is not told any more, in seconds.
        """
        self._read, self._kept_s = read, kept_s
        self._known: tuple[T, float] | None = None
        self._again_at_s = float("-inf")

    async def get(self) -> tuple[T, float]:
        """The state, and how many seconds ago it was read (0.0 for just now).

        Raises:
            Unavailable: It cannot be read, and nothing is known that is young enough.
            Damaged: It is not understood.
        """
        began_s, known = boottime_s(), self._kept()
        if known is not None and began_s < self._again_at_s:
            return known
        try:
            async with asyncio.timeout(WAIT_S if known else None):
                state = await self._read()
        except Damaged:
            raise
        except (Unavailable, TimeoutError):
            self._again_at_s = boottime_s() + AGAIN_S
            if (known := self._kept()) is None:
                raise
            return known
        if self._known is None or self._known[1] <= began_s:
            # Else a read that began later has ended sooner.
            self._known = state, began_s
        return state, 0.0

    async def learn(self) -> None:
        """Read it, unless it was read before: whoever is ready after that can answer while it cannot be read.

        Raises:
            Unavailable: It cannot be read; nothing is raised where it can, and is not understood.
        """
        if self._known is None:
            try:
                await self.get()
            except Damaged as error:
                log.warning("%s", error)

    def _kept(self) -> tuple[T, float] | None:
        if self._known is None:
            return None
        state, read_at_s = self._known
        age_s = boottime_s() - read_at_s
        return (state, age_s) if age_s <= self._kept_s else None
