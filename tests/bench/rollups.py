"""What it costs an output to add up a million results, and a manager to make a matrix of the cells that it has.

The anchor reads the same rows as a program would that does not add them up as they come: one by one.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from bench import ingest
from hoploom.cli.bench import Figure, at_most
from hoploom.output_service.rollups import reading
from hoploom.output_service.rollups.batches import Rollup
from hoploom.output_service.rollups.cells import Cells
from hoploom.output_service.rollups.paths import Paths
from hoploom.output_service.rollups.places import Places
from hoploom.output_service.rollups.rolling import STEP_ROWS
from hoploom.output_service.rollups.sums import Sums
from hoploom.output_service.store import Store
from hoploom.targets.network_table import NetworkTable
from hoploom.targets.networks import named
from hoploom.targets.notation import parse_block
from hoploom.wire import cell_table
from hoploom.wire.cell_table import AMOUNTS, CellTable
from hoploom.wire.rollup import FINE_S
from unit.wire.batches import make

BATCHES, WORKERS, NETWORKS, PERIODS, REPEATS = 100, 500, 250, 2, 5
_MILLION = 1_000_000
_ROWS = "SELECT batch_key, address, outcome, sent, received, rtt_us, at_ms FROM ping_results"


class _Everywhere:
    """A campaign over all of IPv4 in 256 networks."""

    def __init__(self) -> None:
        self._table = NetworkTable(named([parse_block(f"{octet}.{half}.0.0/9") for octet in range(1, 224)
                                          for half in (0, 128)]))  # fmt: skip

    def of(self, measurement: int) -> NetworkTable:
        return self._table


def measure(scale: float = 1.0) -> list[Figure]:
    """The figures.

    Args:
        scale: Part of the usual number of results.
    """
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder), 64)
        asyncio.run(_fill(store, max(1, round(BATCHES * scale))))
        rows = asyncio.run(store.read("SELECT count(*) FROM ping_results"))[0][0]
        one_by_one = _cpu_s(lambda: _read(store)) * _MILLION / rows
        adding = _cpu_s(lambda: _add(store, Path(folder))) * _MILLION / rows
        size = (Path(folder) / "rollups.db").stat().st_size
        store.close()
    table = _table()
    joining_ms = _median_ms(lambda: cell_table.joined(1, [table, table]))
    return [
        at_most("CPU to add up a million results", adding, "s", 5, ("reading them one by one", one_by_one)),
        at_most("the file of sums of them", size / _MILLION, "MB", 50),
        at_most(f"twice {len(table):,} cells as one, CPU", joining_ms, "ms", 1000),
        at_most(f"a matrix of {WORKERS} x {NETWORKS}, CPU", _median_ms(lambda: _matrix(table)), "ms", 1000),
    ]


async def _fill(store: Store, count: int) -> None:
    randomness = np.random.default_rng(ingest.SEED)
    for number in range(count):
        columns = ingest._columns(randomness)
        await store.append(make(number, ingest.ROWS, worker=f"w{number % 20}", columns=columns))


def _read(store: Store) -> None:
    with store.files.opened(1) as connection:
        for _ in connection.execute(_ROWS):
            pass


def _add(store: Store, folder: Path) -> None:
    rollups: Sequence[Rollup] = [Cells(_Everywhere()), Places(None), Paths()]
    sums = Sums(folder, store.uuid, rollups)
    while (found := reading.following(store.files, sums.upto, STEP_ROWS)).upto != sums.upto:
        sums.add(found.batches, found.upto)
    sums.close()


def _table() -> CellTable:
    """Cells of every worker, network and period, with five buckets each."""
    size = WORKERS * NETWORKS * PERIODS
    row, randomness = np.arange(size), np.random.default_rng(ingest.SEED)
    columns = {name: randomness.integers(1, 1000, size) for name in (*AMOUNTS, "min_us", "max_us")}
    columns |= {"worker": row % WORKERS, "network": row // WORKERS % NETWORKS, "length_s": np.full(size, FINE_S)}
    columns["start_s"] = row // (WORKERS * NETWORKS) * FINE_S
    workers, networks = (tuple(f"{each}{number}" for number in range(count))
                         for each, count in (("w", WORKERS), ("n", NETWORKS)))  # fmt: skip
    bucket = np.tile(np.arange(20, 25), size)
    return CellTable(1, workers, networks, columns, np.repeat(row, 5), bucket, np.ones(5 * size, np.int64))


def _matrix(table: CellTable) -> None:
    found = table.where(FINE_S).by("worker", "network")
    for share in (0.5, 0.99):
        found.percentiles_us(share)


def _cpu_s(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _median_ms(work: Callable[[], object]) -> float:
    times = []
    for _ in range(REPEATS):
        times.append(1000 * _cpu_s(work))
    return statistics.median(times)
