"""A worker's credential: issued, verified, and recognised by an instance that has verified it before."""

from __future__ import annotations

import asyncio
import time
import timeit
from collections.abc import Callable

from hoploom.cli.bench import Figure, at_most
from hoploom.kit.fake_consul import FakeConsul
from hoploom.trust.credential import issue, read
from hoploom.trust.key_set import KeySet
from unit.trust.issuing import KID, MANAGER, NOW_S, credential, publish

ROUNDS, REPEATS, KNOWN = 7, 200, 20_000


def measure() -> list[Figure]:
    """The best of seven rounds of each, beside one bare signature."""
    text, keys = issue(MANAGER, credential()), {KID: MANAGER.public}
    anchor = ("a bare signature", _us(lambda: MANAGER.sign(b"x" * 200)))
    return [
        at_most("a credential issued", _us(lambda: issue(MANAGER, credential())), "us", 500, anchor),
        at_most("a credential verified", _us(lambda: read(text, keys, NOW_S)), "us", 1_000, anchor),
        at_most("one that was verified before", asyncio.run(_known_us(text)), "us", 10, anchor),
    ]


def _us(task: Callable[[], object]) -> float:
    return min(timeit.repeat(task, number=REPEATS, repeat=ROUNDS, timer=time.process_time)) / REPEATS * 1e6


async def _known_us(text: str) -> float:
    consul = FakeConsul()
    await publish(consul)
    keys = KeySet(consul, lambda: NOW_S * 10**6)
    await keys.read(text)
    began_s = time.process_time()
    for _ in range(KNOWN):
        await keys.read(text)
    return (time.process_time() - began_s) / KNOWN * 1e6
