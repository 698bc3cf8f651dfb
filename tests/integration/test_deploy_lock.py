"""Two operators in two datacenters of real Consuls: whoever comes second is refused, from either side."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine_processes import ConsulAgent, free_ports
from hoploom.deploying.lock import FOLDER, Lock
from hoploom.deploying.record import Record
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import ConfigError, Unavailable
from waiting import eventually

ONE, TWO = Record("1.4.1", who="anna@deb01", process="a 1 1"), Record("1.4.2", who="bob@deb02", process="b 2 2")
STEPPED = replace(ONE, job="orders", where="at 10% in dc1")
Apis = tuple[ConsulApi, ConsulApi]


@pytest.fixture
async def apis(engine_paths: dict[str, Path], tmp_path: Path) -> AsyncIterator[Apis]:
    wans = free_ports(2)
    joined: dict[str, Any] = {"retry_join_wan": [f"127.0.0.1:{each}" for each in wans], "retry_interval_wan": "1s"}
    agents = [
        ConsulAgent(engine_paths["consul"], tmp_path / dc, serf_wan=wan, datacenter=dc, node_name=dc, **joined)
        for dc, wan in zip(("dc1", "dc2"), wans, strict=True)
    ]
    one, two = (ConsulApi(each.url) for each in agents)
    try:
        with ThreadPoolExecutor() as pool:
            await asyncio.gather(*(asyncio.get_running_loop().run_in_executor(pool, each.start) for each in agents))
        await eventually("the way from dc1 to dc2", partial(_reaches, one, "dc2"), 30)
        await eventually("the way from dc2 to dc1", partial(_reaches, two, "dc1"), 30)
        yield one, two
    finally:
        await one.close()
        await two.close()
        for each in agents:
            each.stop()


async def _reaches(api: ConsulApi, dc: str) -> bool:
    try:
        await api.kv_of(dc, FOLDER)
    except Unavailable:
        return False
    return True


async def test_one_deploy_at_a_time_from_whatever_datacenter(apis: Apis) -> None:
    for first, second in (apis, apis[::-1]):
        held = Lock(first, "orders")
        assert await held.take(ONE) is None
        await held.note(STEPPED)
        with pytest.raises(ConfigError, match=r"anna@deb01 has been deploying 1\.4\.1"):
            await Lock(second, "orders").take(TWO)
        seen = await Lock(second, "orders").seen()
        assert seen is not None and seen.where == STEPPED.where
        # It dies: its session ends, and what it kept is found from the other side.
        await held.leave()
        then = Lock(second, "orders")
        left = await then.take(TWO)
        assert left is not None and left.where == STEPPED.where
        await then.note(replace(STEPPED, process=TWO.process))
        await then.forget(replace(STEPPED, where="it is in"))
        await then.leave()
        assert [each.key for each in await apis[0].kv_list(FOLDER)] == [f"{FOLDER}orders/last"]
