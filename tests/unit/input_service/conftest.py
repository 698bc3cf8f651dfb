"""Fixtures of the input service's tests."""

import inspect
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from hoploom.kit.fake_consul import FakeConsul
from unit.input_service.instances import Instance, running

HERE = Path(__file__).parent
REAL_TIME_S = 1.0
"""Sessions, watches and leases of instances that are no simulation go on by real time."""


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Whoever runs instances in an event loop has no time to stand still."""
    for item in items:
        if item.path.is_relative_to(HERE) and inspect.iscoroutinefunction(getattr(item, "function", None)):
            item.add_marker(pytest.mark.timed(REAL_TIME_S))


@pytest.fixture
async def instances(fake_consul: FakeConsul) -> AsyncIterator[list[Instance]]:
    """Three instances that share nothing but Consul."""
    async with running([fake_consul] * 3) as found:
        yield found


@pytest.fixture
async def instance(fake_consul: FakeConsul) -> AsyncIterator[Instance]:
    """One alone."""
    async with running([fake_consul] * 1) as found:
        yield found[0]
