"""Waiting for something to become true, bounded."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from hoploom.kit.errors import ConfigError, Unavailable

POLL_S = 0.1


async def until(what: str, true: Callable[[], Awaitable[bool]], timeout_s: float, way_out: str = "") -> None:
    """Ask again and again until `true` says so; an `Unavailable` counts as not yet.

    Args:
        what: Completes "... was not seen within N s".
        true: The question.
        timeout_s: Longest wait in seconds.
        way_out: What a person can do, for the message.

    Raises:
        ConfigError: It did not become true in time; says why, and the way out.
    """
    deadline, reason = time.monotonic() + timeout_s, ""
    while time.monotonic() < deadline:
        try:
            if await true():
                return
            reason = ""
        except Unavailable as error:
            reason = f" ({error})"
        await asyncio.sleep(POLL_S)
    raise ConfigError(f"{what} was not seen within {timeout_s:.0f} s{reason}{'; ' if way_out else ''}{way_out}")
