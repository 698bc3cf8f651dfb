"""A collector as a process of its own that may be killed, and rules that it breaks on demand.

It collects as `hoploom collect` does, again and again; only its Consul is in its own memory, and knows from the
beginning where which store answers.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import apsw

from engine_processes import LOOPBACK
from hoploom.kit.errors import HoploomError
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.http_client import HttpClient
from hoploom.output_service.collecting import making, patience, seat
from hoploom.output_service.collecting.making import Outside
from hoploom.output_service.collecting.report import COLLECTED
from hoploom.output_service.collecting.seat import Seat
from hoploom.results import data_set, merge
from hoploom.results.data_set import DataSet, Taken
from hoploom.results.source import attached

NAME = "lab"
WAIT_S = 10.0
_AGAIN_S, _MAX_BYTES = 0.02, 2**30
log = logging.getLogger(__name__)


async def collect(folder: Path, ports: Mapping[str, int], *, once: bool) -> None:
    """Collect until killed, or until the data set has all that every store had.

    Args:
        folder: Of the data set.
        ports: Where each store answers.
        once: Whether to end then.
    """
    # A store that was killed is back soon here, and a full disk has room again.
    patience.FIRST_PAUSE_S, patience.LONGEST_PAUSE_S = _AGAIN_S, 5 * _AGAIN_S
    consul, http = FakeConsul(), HttpClient()
    for store, port in ports.items():
        where = {"ID": f"output-{port}", "Name": "output", "Address": LOOPBACK, "Port": port}
        await consul.register({**where, "Meta": {"store": store}, "Checks": []})
    async with seat.holding(Seat(NAME, folder), consul, WAIT_S) as held:
        collector = making.collector(folder, Outside(consul, http, "", "secret", _MAX_BYTES))
        while True:
            found = await collector.look(held)
            if once and {each.state for each in found.stores} == {COLLECTED}:
                break
            await asyncio.sleep(_AGAIN_S)
    await http.close()


def take_twice() -> None:
    """Break a rule: rows of a batch that is there already are taken again."""
    take = merge._take_batch

    def forgetful(into: apsw.Connection, row: dict[str, Any]) -> int:
        take(into, row)
        return merge._NEW

    merge._take_batch = forgetful


def cursor_first() -> None:
    """Break a rule: the cursor moves, and is on the disk, before the rows are; and just then it is killed."""
    def hasty(self: DataSet, path: Path, since: int | None = None) -> Taken:
        with attached(self._connection, path):
            store, _, last = data_set._dumped(self._connection, path)
        self._connection.execute("INSERT OR REPLACE INTO cursors VALUES (?, ?)", (store, last))
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("a killed process goes on")

    DataSet.take = hasty  # type: ignore[method-assign]


FAULTS: Mapping[str, Callable[[], None]] = {each.__name__: each for each in (take_twice, cursor_first)}


def main(folder: str, ports: Mapping[str, int], fault: str = "", *, once: bool = False) -> None:
    """Collect; see `collect`."""
    if fault:
        FAULTS[fault]()
    try:
        asyncio.run(collect(Path(folder), ports, once=once))
    except HoploomError as error:
        log.warning("the collector gives up: %s", error)
