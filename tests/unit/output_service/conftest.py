"""Fixtures of the output service's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hoploom.output_service.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An open, empty store."""
    folder = tmp_path / "db"
    folder.mkdir()
    opened = Store(folder, 64)
    yield opened
    opened.close()
