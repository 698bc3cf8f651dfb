"""The data set that is collected into: open, nobody else's, and only touched in a thread of its own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol, TypeVar

from hoploom.results import source

T = TypeVar("T")


class Taken(Protocol):
    """What a file has brought."""

    @property
    def batches(self) -> int:
        """New batches."""

    @property
    def rows(self) -> int:
        """Rows of results that came with them."""

    @property
    def duplicates(self) -> int:
        """Batches that were there already."""

    @property
    def conflicts(self) -> int:
        """Batches that were there with other content; they stay as they were."""


class Written(Protocol):
    """What went into Parquet files."""

    @property
    def rows(self) -> int:
        """Rows of results; 0 when all are there."""


class DataSet(Protocol):
    """What results are merged into."""

    @property
    def uuid(self) -> str:
        """Its own UUID."""

    def upto(self, store: str) -> int:
        """How far it has a store."""

    def last_batch(self, store: str) -> str:
        """Id of the batch of a store that `upto` counts to; empty where that is not known."""

    def take(self, path: Path, since: int | None = None) -> Taken:
        """Merge a file of a store that has nothing between `since` and the file's first batch; blocks."""

    def write_parquet(self) -> Written:
        """Write some of what is new in it into its Parquet files; blocks for seconds."""

    def close(self) -> None:
        """Let go of it."""


class Held:
    """An open data set with its thread."""

    def __init__(self, name: str, data_set: DataSet, thread: ThreadPoolExecutor) -> None:
        """For `holding`."""
        self.name, self._data_set, self._thread = name, data_set, thread

    @property
    def uuid(self) -> str:
        """Its UUID."""
        return self._data_set.uuid

    async def upto(self, store: str) -> int:
        """How far it has a store; 0 where it has nothing of it."""
        return await self._run(lambda: self._data_set.upto(store))

    async def last_batch(self, store: str) -> str:
        """Id of the batch of a store that `upto` counts to; empty where that is not known."""
        return await self._run(lambda: self._data_set.last_batch(store))

    async def take(self, path: Path, store: str, since: int) -> Taken:
        """Merge a file of a store that has nothing between `since` and the file's first batch.

        Raises:
            Refused: It is of another store; else as the data set says.
        """

        def work() -> Taken:
            _require_store(path, store)
            return self._data_set.take(path, since)

        return await self._run(work)

    async def write_parquet(self) -> None:
        """Write what is new in it into its Parquet files; raises as the data set does."""
        # A part at a time: whoever stops meanwhile waits for no more, and the next owner goes on.
        while (await self._run(self._data_set.write_parquet)).rows:
            pass

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


@asynccontextmanager
async def holding(name: str, opened: Callable[[], DataSet]) -> AsyncIterator[Held]:
    """A data set that is open for the time of the block; a merge that is under way at its end is let come to its own.

    Args:
        name: Its name.
        opened: Opens it; called in the thread, and raises whatever it likes.
    """
    thread = ThreadPoolExecutor(1, "data-set")
    # The thread's own future: also where this task is cancelled meanwhile, what was opened is closed.
    opening = thread.submit(opened)
    try:
        yield Held(name, await asyncio.wrap_future(opening), thread)
    finally:
        thread.submit(_close, opening)
        await asyncio.to_thread(thread.shutdown)


def _close(opening: "Future[DataSet]") -> None:
    if not opening.cancelled() and not opening.exception():
        opening.result().close()


def _require_store(path: Path, store: str) -> None:
    """A file moves the cursor of the store that it names, so it has to name the one that was asked."""
    with contextlib.closing(source.open_source(path)) as connection, source.translated(path):
        said = connection.execute("SELECT value FROM meta WHERE name = 'store'").get
    if said != store:
        raise source.Refused(f"{path} is of another store than {store}, which was asked for it")
