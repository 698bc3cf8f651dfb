"""Rules that an output breaks on demand, so that the checks of lost, doubled and altered results are seen red."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import apsw

from hoploom.output_service import closing, store
from hoploom.output_service.extract import Extracted, Wanted, extract
from hoploom.output_service.files import Source
from hoploom.output_service.store import Store, Stored
from hoploom.wire.batch import Batch

LATE_S = 0.1


def ack_before_commit() -> None:
    """Break a rule: say that a batch is stored while it still waits to be written."""
    append, tasks = Store.append, set[asyncio.Task[Stored]]()

    async def late(whole: Store, batch: Batch) -> Stored:
        await asyncio.sleep(LATE_S)
        return await append(whole, batch)

    async def hasty(whole: Store, batch: Batch) -> Stored:
        tasks.add(asyncio.ensure_future(late(whole, batch)))
        return Stored(1, duplicate=False)

    Store.append = hasty  # type: ignore[method-assign, assignment]


def relaxed_sync() -> None:
    """Break a rule: leave it to the system when the newest commits come to the disk."""

    class Relaxed(apsw.Connection):
        def pragma(self, name: str, value: Any = None, **options: Any) -> Any:
            if name == "synchronous":
                value = "NORMAL"
            return super().pragma(name, value, **options) if value is not None else super().pragma(name, **options)

    apsw.Connection = Relaxed  # type: ignore[misc]


def forget_digest() -> None:
    """Break a rule: whatever comes under a known id is what was there."""
    store._judged = lambda batch_id, digest, known: Stored(int(known[0]), duplicate=True)


def incomplete_close() -> None:
    """Break a rule: leave the first batch of all out of the closed form of its file."""
    whole = extract

    def less(sources: Sequence[Source], target: Path, wanted: Wanted, gives_up: Callable[[], bool]) -> Extracted:
        return whole(sources, target, wanted._replace(since=1), gives_up)

    closing.extract = less  # type: ignore[attr-defined]


FAULTS: Mapping[str, Callable[[], None]] = {
    each.__name__: each for each in (ack_before_commit, relaxed_sync, forget_digest, incomplete_close)
}
