"""The thread that writes: works that wait together share one commit, and whoever asked hears when it is on the disk."""

import asyncio
import logging
import queue
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import apsw

from hoploom.kit import metrics
from hoploom.kit.errors import OutOfSpace, Unavailable

T = TypeVar("T")
log = logging.getLogger(__name__)
# Enough to share a commit among all workers of a middling mesh, and few enough to bound a transaction's memory.
MAX_PER_COMMIT = 16
_COMMIT = metrics.histogram("hoploom_output_commit_seconds", "Time to commit a group of batches to the disk.")


@dataclass(frozen=True)
class _Job:
    """Something to do in the writer's thread; `done` hears what came of it, or why nothing did.

    In a transaction with others, or `alone` between two commits.
    """

    work: Callable[[], Any]
    done: Callable[[Any], None]
    alone: bool = False


class Writer:
    """The one connection that writes and its thread.

    Attributes:
        connection: To the file that is written to; only works use it, and only one that is alone may replace it.
        seq: The newest batch; what a transaction adds and does not commit is taken back.
    """

    def __init__(self, connection: apsw.Connection, seq: int) -> None:
        """Start the thread."""
        self.connection, self.seq = connection, seq
        self._jobs: queue.Queue[_Job | None] = queue.Queue()
        self._executor = ThreadPoolExecutor(1, "store-writer")
        self._writing = self._executor.submit(self._write_all)

    @property
    def waiting(self) -> int:
        """Works that wait."""
        return self._jobs.qsize()

    @property
    def has_ended(self) -> bool:
        """Whether the thread is gone: after `close`, or by a bug."""
        return self._writing.done()

    async def ended(self) -> None:
        """Wait until the thread has ended: after `close`, or by raising the bug that ended it."""
        await asyncio.wrap_future(self._writing)

    async def together(self, work: Callable[[], T | Exception], heard: Callable[[T | Exception], None]) -> T:
        """What a work comes to that shares a transaction with others, when it is on the disk.

        Args:
            work: It returns what is not to be raised as an error of the database.
            heard: Is told the same in the writer's thread.

        Raises:
            Unavailable: The thread has ended, or the database does not take it now.
            OutOfSpace: The disk is full; nothing of the transaction is stored.
        """
        return await self._done(work, heard, alone=False)

    async def between(self, work: Callable[[], T | Exception]) -> T:
        """What a work comes to that runs between two commits; raises what it returns, and ends the thread by a bug."""
        return await self._done(work, lambda _: None, alone=True)

    def close(self) -> None:
        """Write what waits, and close."""
        self._jobs.put(None)
        self._executor.shutdown()
        self.connection.close()

    async def _done(
        self, work: Callable[[], T | Exception], heard: Callable[[T | Exception], None], *, alone: bool
    ) -> T:
        if self.has_ended:
            raise _ended()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def done(result: T | Exception) -> None:
            heard(result)
            loop.call_soon_threadsafe(_settle, future, result)

        self._jobs.put(_Job(work, done, alone))
        return await future

    def _write_all(self) -> None:
        jobs: list[_Job | None] = []
        try:
            while None not in jobs:
                jobs = self._next()
                self._commit([job for job in jobs if job is not None and not job.alone])
                for job in jobs:
                    if job is not None and job.alone:
                        job.done(job.work())
        finally:
            # Whoever was answered is past this; after a bug, nobody waits for ever.
            while not self._jobs.empty():
                jobs.append(self._jobs.get())
            for job in jobs:
                if job is not None:
                    job.done(_ended())

    def _next(self) -> list[_Job | None]:
        """The works that wait, up to one that does not share a transaction."""
        jobs = [self._jobs.get()]
        while len(jobs) < MAX_PER_COMMIT and not self._jobs.empty():
            last = jobs[-1]
            if last is None or last.alone:
                break
            jobs.append(self._jobs.get())
        return jobs

    def _commit(self, jobs: list[_Job]) -> None:
        if not jobs:
            return
        before, results = self.seq, list[Any]()
        try:
            with _COMMIT.time():
                self.connection.execute("BEGIN IMMEDIATE")
                results = [job.work() for job in jobs]
                self.connection.execute("COMMIT")
        except apsw.Error as error:
            self.seq = before
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            log.warning("nothing written of %s that waited together: %s", len(jobs), error)
            results = [translated(error)] * len(jobs)
        for job, result in zip(jobs, results, strict=True):
            job.done(result)


def translated(error: Exception) -> Exception:
    """An error of the database or the disk as one of ours."""
    if isinstance(error, apsw.FullError | apsw.IOError | OSError):
        return OutOfSpace(f"the disk takes no more: {error}", retry_after_s=30.0)
    return Unavailable(f"the database does not take it now: {error}", retry_after_s=2.0)


def _ended() -> Unavailable:
    return Unavailable("the writer of this instance has ended; another instance may take it")


def _settle(future: "asyncio.Future[T]", result: T | Exception) -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
