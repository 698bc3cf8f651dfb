"""Tells all readers that wait for new results that there are some, or that this instance stops."""

from __future__ import annotations

import asyncio
from contextlib import suppress


class News:
    """What waits here costs nothing until something is stored.

    Attributes:
        count: How often something was stored.
        is_over: Whether this instance stops.
    """

    def __init__(self) -> None:
        """Nothing was stored yet."""
        self.count, self.is_over = 0, False
        self._changed = asyncio.Event()

    def ring(self) -> None:
        """Something was stored."""
        self.count += 1
        self._wake()

    def end(self) -> None:
        """This instance stops: nobody waits from now on."""
        self.is_over = True
        self._wake()

    async def after(self, count: int, limit_s: float) -> None:
        """Wait until `count` is past, or this instance stops, or so many seconds have gone by.

        Args:
            count: As it was before the reader looked, so that nothing slips through in between.
            limit_s: The seconds.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                while self.count == count and not self.is_over:
                    await self._changed.wait()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
