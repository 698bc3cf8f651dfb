"""Blocking queries: follow a part of Consul's state and keep the last that is known.

The rules are Consul's ("Blocking Queries" in its manual): begin with index 0, go back to 0 when the index falls, do not
take a return for a change. A failed read keeps the last known state, waits with jitter, and begins again.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Never, TypeVar

from hoploom.kit.errors import Unavailable

T = TypeVar("T")
log = logging.getLogger(__name__)
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.25, 5.0


def next_index(known: int, found: int) -> int:
    """The index for the next query: 0 when it went backwards (restored or restarted servers).

    Otherwise at least 1: with an index of 0 the query would return at once, again and again.
    """
    return 0 if found < known else max(1, found)


def pause_s(failures: int, chance: float) -> float:
    """Seconds to wait after so many failures in a row; `chance` in [0, 1) spreads the askers out."""
    return min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0**failures) * (0.5 + chance / 2)


async def follow(
    what: str, read: Callable[[int], Awaitable[tuple[int, T]]], learn: Callable[[T], None]
) -> Never:
    """Call `learn` with every state that `read` finds, for ever.

    Args:
        what: Name for the log, such as "instances of output".
        read: Takes the index, returns the new index and the state; raises Unavailable when Consul is away.
        learn: Is given the state; called again with an equal state now and then.
    """
    index, failures = 0, 0
    while True:
        try:
            found, state = await read(index)
        except Unavailable as error:
            if not failures:
                log.warning("%s: last known state is kept: %s", what, error)
            await asyncio.sleep(pause_s(failures, random.random()))
            index, failures = 0, min(failures + 1, 10)
            continue
        index, failures = next_index(index, found), 0
        learn(state)
