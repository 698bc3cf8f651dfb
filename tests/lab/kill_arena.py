"""Input instances, outputs with their stores, and processes of workers on three Consul servers: all may be killed."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import apsw

from engine_processes import ask
from hoploom.output_service.folder import live
from lab.check_ledger import Row
from lab.input_mesh import FIRST_PORT, GROUP, InputMesh
from lab.process import Process, always
from waiting import until

WORKERS = Path(__file__).with_name("batch_workers.py")
EACH = 8
"""Workers in a process: what one kill leaves undone at once."""


class KillArena(InputMesh):
    """One run, while this is entered as a context: a campaign over a loopback block is being worked on."""

    def __init__(self, folder: Path, block: str, pps: float, processes: Sequence[int] = (3, 2, 3)) -> None:
        """Start nothing yet.

        Args:
            folder: An empty folder for logs, data and the history.
            block: What the campaign covers.
            pps: Targets a second that all workers take together.
            processes: How many input instances, outputs, and processes of workers.
        """
        inputs, outputs, workers = processes
        super().__init__(folder, inputs, block)
        first = FIRST_PORT + inputs
        self.stores = [folder / f"o{number}" for number in range(outputs)]
        self.output_urls = [f"http://{self.host}:{first + number}" for number in range(outputs)]
        program = ("-m", "hoploom.output_service")
        self.outputs = [
            always(store.name, self.service(program, first + number, "--db-dir", str(store)), folder)
            for number, store in enumerate(self.stores)
        ]
        self._pace = pps / max(1, workers * EACH)
        self.workers = [self._workers(f"w{number}") for number in range(workers)]

    def _workers(self, name: str) -> Process:
        where = ["--inputs", *self.urls, "--outputs", *self.output_urls, "--token-file", str(self.token)]
        whose = ["--history", str(self.history), "--name", name, "--group", GROUP]
        command = [sys.executable, str(WORKERS), *where, *whose, "--count", str(EACH), "--pps", f"{self._pace:g}"]
        return Process(name, lambda boot: [*command, "--boot", str(boot)], self.folder / f"{name}.log")

    def processes(self) -> list[Process]:
        """All that may be killed by name."""
        return [*self.inputs, *self.outputs, *self.workers]

    def begin(self, stack: ExitStack) -> None:
        """Start everything; `stack` ends it."""
        super().begin(stack)
        for each in self.outputs:
            stack.callback(each.kill)
            each.start()
        until("the outputs pass", lambda: len(self._passing("output")) == len(self.outputs), 40)
        for each in self.workers:
            stack.callback(each.kill)
            each.start()

    def words(self) -> str:
        """How far the campaign is, and who is away, for people."""
        found = self.progress()
        away = [each.name for each in self.processes() if not each.lives]
        return f"done {found.get('done')} of {found.get('targets')}; away: {', '.join(away) or 'nobody'}"

    def stored(self) -> Iterator[Row]:
        """Every batch of every store as a row of the ledger; its hash is what it covers.

        A batch without all of its rows tells of the rows that are there.
        """
        for store in self.stores:
            with closing(apsw.Connection(str(store / live(1)), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
                rows = "SELECT batch_key, count(DISTINCT address) AS n FROM ping_results GROUP BY 1"
                sql = f"SELECT batch, start, stop, n FROM batches LEFT JOIN ({rows}) USING (batch_key)"
                for batch, start, stop, count in connection.execute(sql):
                    yield Row(str(batch), f"{start}-{stop}" if count == stop - start else f"{count} rows")

    def _passing(self, service: str) -> list[object]:
        url = self.cluster.clients[0].url
        return list(ask("GET", f"{url}/v1/health/service/{service}?passing") or [])
