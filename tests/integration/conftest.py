"""What the integration tests share: the real engines, and a Consul agent beside the fake that keeps its contract."""

import json
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from engine_processes import ConsulAgent, FabioRouter
from hoploom import engines
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.fake_consul import FakeConsul


@pytest.fixture(scope="session")
def engine_paths() -> dict[str, Path]:
    """Where Consul and Fabio are; they are fetched or built when they are not there."""
    made = engines.ensure(["consul", "fabio"], report=print)
    return {name: engine.path for name, engine in made.items()}


@pytest.fixture(scope="module")
def agent(engine_paths: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsulAgent]:
    """A Consul of its own for each module."""
    agent = ConsulAgent(engine_paths["consul"], tmp_path_factory.mktemp("consul"))
    try:
        agent.start()
        yield agent
    finally:
        agent.stop()


@pytest.fixture(scope="module")
def engines_up(
    engine_paths: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[ConsulAgent, list[FabioRouter]]]:
    """A Consul, and two Fabios that route by it."""
    folder = tmp_path_factory.mktemp("mesh")
    consul = ConsulAgent(engine_paths["consul"], folder / "consul")
    fabios = [FabioRouter(engine_paths["fabio"], folder / name, name, consul) for name in ("left", "right")]
    try:
        consul.start()
        for fabio in fabios:
            fabio.start()
        yield consul, fabios
    finally:
        for fabio in fabios:
            fabio.stop()
        consul.stop()


@pytest.fixture(params=["fake", "real"])
async def consul(request: pytest.FixtureRequest) -> AsyncIterator[ConsulApi]:
    """Either Consul, emptied."""
    if request.param == "fake":
        yield FakeConsul()
        return
    api = ConsulApi(request.getfixturevalue("agent").url)
    for prefix in ("hoploom/", "t/"):
        await api.kv_delete(prefix, recurse=True)
    for service_id in _services(request.getfixturevalue("agent")):
        await api.deregister(service_id)
    yield api
    await api.close()


def _services(agent: ConsulAgent) -> list[str]:
    """Ids of all services that an agent has."""
    with urllib.request.urlopen(f"{agent.url}/v1/agent/services", timeout=10) as answer:
        return list(json.load(answer))
