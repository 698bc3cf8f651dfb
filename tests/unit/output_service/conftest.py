"""Fixtures of the output service's tests."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hoploom.output_service.store import Store
from unit.output_service.folders import ALWAYS, stepped
from unit.wire.batches import make


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An open, empty store."""
    folder = tmp_path / "db"
    folder.mkdir()
    opened = Store(folder, 64)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def three_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a store with a batch in each of two closed files, and one in the file that is written to."""
    folder = tmp_path_factory.mktemp("three_files")

    async def fill() -> None:
        for number in range(2):
            await opened.append(make(number, 600))
            await stepped(opened, ALWAYS)
        await opened.append(make(2, 600))

    opened = Store(folder, 8)
    asyncio.run(fill())
    opened.close()
    return folder


@pytest.fixture
def filled(three_files: Path, tmp_path: Path) -> Iterator[Store]:
    """A store like that."""
    opened = Store(shutil.copytree(three_files, tmp_path / "filled"), 64)
    yield opened
    opened.close()
