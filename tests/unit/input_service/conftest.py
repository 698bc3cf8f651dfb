"""Fixtures of the input service's tests."""

import pytest

from hoploom.kit.fake_consul import FakeConsul
from unit.input_service.instances import Instance


@pytest.fixture
def instances(fake_consul: FakeConsul) -> list[Instance]:
    """Three instances that share nothing but Consul."""
    return [Instance.over(fake_consul) for _ in range(3)]


@pytest.fixture
def instance(instances: list[Instance]) -> Instance:
    """One of them."""
    return instances[0]
