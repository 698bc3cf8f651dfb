"""A data set in its own thread: whatever happens to the task, it is closed at the end, and nothing is cut short."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from hoploom.kit.errors import ConfigError
from hoploom.output_service.collecting import held
from hoploom.results.source import Refused
from lab.result_files import STORE, write
from unit.wire.batches import make


class Slow:
    """A data set whose opening and merging wait for a sign."""

    uuid = "u"

    def __init__(self) -> None:
        self.sign, self.begun = threading.Event(), threading.Event()
        self.said: list[str] = []

    def open(self) -> "Slow":
        self._wait("opened")
        return self

    def upto(self, store: str) -> int:
        return 0

    def last_batch(self, store: str) -> str:
        return ""

    def take(self, path: Path, since: int | None = None) -> "Slow":
        self._wait("taken")
        return self

    batches = rows = duplicates = conflicts = 0

    def write_parquet(self) -> "Slow":
        """The last of the rows, as if there were some."""
        self.rows = max(0, self.rows - 1)
        self.said.append("written")
        return self

    def close(self) -> None:
        self.said.append("closed")

    def _wait(self, word: str) -> None:
        self.begun.set()
        assert self.sign.wait(10)
        self.said.append(word)


async def test_who_is_cancelled_while_it_opens_closes_it() -> None:
    slow = Slow()

    async def work() -> None:
        async with held.holding("main", slow.open):
            pytest.fail("it was cancelled before")

    await cancelled(work, slow)
    assert slow.said == ["opened", "closed"]


async def test_who_is_cancelled_while_it_merges_lets_that_come_to_its_end(tmp_path: Path) -> None:
    slow = Slow()
    path = write(tmp_path / "a.db", STORE, [make(0)])

    async def work() -> None:
        async with held.holding("main", lambda: slow) as found:
            await found.take(path, STORE, 0)

    await cancelled(work, slow)
    assert slow.said == ["taken", "closed"]


async def test_parquet_files_are_written_part_by_part_until_all_is_there() -> None:
    data_set = Slow()
    data_set.sign.set()
    data_set.rows = 3
    async with held.holding("main", data_set.open) as found:
        await found.write_parquet()
    assert data_set.said == ["opened", "written", "written", "written", "closed"]


async def cancelled(work: Callable[[], Coroutine[Any, Any, None]], slow: Slow) -> None:
    """Cancel a task at its first wait, and only then let that end."""
    task = asyncio.ensure_future(work())
    await asyncio.to_thread(slow.begun.wait, 10)
    task.cancel()
    slow.sign.set()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_cannot_be_opened_is_said() -> None:
    def refused() -> Slow:
        raise ConfigError("it is another's")

    with pytest.raises(ConfigError, match="another's"):
        async with held.holding("main", refused):
            pytest.fail("it is not open")


async def test_a_file_of_another_store_is_refused_before_it_is_taken(tmp_path: Path) -> None:
    slow = Slow()
    path = write(tmp_path / "a.db", STORE, [make(0)])
    with pytest.raises(Refused, match="another store"):
        async with held.holding("main", lambda: slow) as found:
            await found.take(path, STORE.replace("1", "2"), 0)
    assert slow.said == ["closed"]
