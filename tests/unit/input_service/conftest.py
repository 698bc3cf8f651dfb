"""Fixtures of the input service's tests."""

from collections.abc import AsyncIterator

import pytest

from hoploom.kit.fake_consul import FakeConsul
from unit.input_service.instances import Instance, running


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
