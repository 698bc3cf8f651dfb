"""A collector into a data set of the test's own, and stores to collect from."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import apsw
import pytest

from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.http_client import HttpClient
from hoploom.output_service.collecting import held, making
from hoploom.output_service.collecting.making import Outside
from hoploom.output_service.collecting.report import Report
from hoploom.results.data_set import DataSet
from hoploom.wire.batch import Batch
from lab.dump_server import TOKEN, DumpServer

STORES = [f"{each * 8}-2222-4333-8444-555555555555" for each in "abc"]
MAX_BYTES = 2**24


@dataclass
class World:
    """A Consul, a folder, and what a collector finds."""

    folder: Path
    consul: FakeConsul
    http: HttpClient = field(default_factory=HttpClient)
    fabio: str = ""
    servers: list[DumpServer] = field(default_factory=list)

    async def output(self, number: int, *batches: Batch, dc: str = "dc1") -> DumpServer:
        """An output that is found, with batches."""
        server = await DumpServer(self.folder, STORES[number], batches).start(self.consul, dc=dc)
        self.servers.append(server)
        return server

    @property
    def data_set(self) -> Path:
        """The data set's folder."""
        return self.folder / "set"

    @property
    def outside(self) -> Outside:
        """The ways out."""
        return Outside(self.consul, self.http, self.fabio, TOKEN, MAX_BYTES)

    def batches(self) -> list[str]:
        """Ids of the batches in the data set, of which all rows are there."""
        connection = apsw.Connection(str(self.data_set / "merged.db"), flags=apsw.SQLITE_OPEN_READONLY)
        connection.set_busy_timeout(5000)
        counted = "SELECT batch_key, count(*) AS found FROM ping_results GROUP BY 1"
        query = f"SELECT batch FROM batches JOIN ({counted}) USING (batch_key) WHERE found = result_rows ORDER BY batch"
        try:
            return [str(batch) for (batch,) in connection.execute(query)]
        finally:
            connection.close()


@pytest.fixture
async def world(tmp_path: Path, fake_consul: FakeConsul) -> AsyncIterator[World]:
    """A world without outputs."""
    made = World(tmp_path, fake_consul)
    yield made
    await made.http.close()
    for server in made.servers:
        await server.close()


class Looking:
    """A collector, and the data set that it opens at each look."""

    def __init__(self, world: World) -> None:
        world.data_set.mkdir(exist_ok=True)
        self._world, self._collector = world, making.collector(world.data_set, world.outside)

    async def look(self, longest_s: float = 0.0) -> Report:
        async with held.holding("main", lambda: DataSet.open(self._world.data_set, "main")) as opened:
            return await self._collector.look(opened, longest_s)


@pytest.fixture
async def collector(world: World) -> Looking:
    """A collector that has not looked yet."""
    return Looking(world)
