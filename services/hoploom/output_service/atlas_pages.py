"""Stored results of one measurement as objects of RIPE Atlas: a page at a time, and the newest of each probe.

A probe is a worker here, and its id the worker's number. What a worker distrusted itself is not told: Atlas' objects
have no word for it.
"""

from __future__ import annotations

from itertools import islice
from typing import Any, Final

import apsw

from hoploom.output_service import paging, stored_batches
from hoploom.output_service.cursors import Place
from hoploom.output_service.paging import Looked, Page
from hoploom.output_service.store import Store
from hoploom.output_service.stored_batches import Wanted
from hoploom.results.formats import atlas

PAGE_RESULTS: Final = 1_000
"""Some 0.5 MB of pings."""
_US: Final = 1_000_000
_NEWEST: Final = """
SELECT max(seq) FROM batches WHERE measurement = :measurement AND suspect = 0 AND result_rows > 0
  AND (:probes = '' OR worker_number IN (SELECT value FROM json_each(:probes))) GROUP BY worker_number
"""


async def page(store: Store, wanted: Wanted, place: Place) -> Page:
    """The next results from a place on; raises as `paging.walked`."""
    return await paging.walked(store, place, lambda connection, place: read(connection, wanted, place))


def read(connection: apsw.Connection, wanted: Wanted, place: Place) -> Page:
    """The next results of one file; `is_end` is that of the file."""
    return paging.gathered(connection, _looked_through(connection, wanted, place), PAGE_RESULTS)


async def latest(store: Store, wanted: Wanted) -> list[dict[str, Any]]:
    """The newest result of each probe, whichever file has it.

    Raises:
        Unavailable: A file cannot be read now.
    """
    found: dict[int, dict[str, Any]] = {}
    for number in reversed(store.files.numbers()):
        for each in await store.ask(lambda connection: _latest(connection, wanted), number):
            found.setdefault(each["prb_id"], each)
    return list(found.values())


def _latest(connection: apsw.Connection, wanted: Wanted) -> list[dict[str, Any]]:
    connection.execute("BEGIN")
    return [
        next(atlas.objects(stored_batches.alone(batch, result, stored_batches.protocol(connection, batch))))
        for row in connection.execute(_NEWEST, wanted.values(0)).fetchall()
        for batch in islice(stored_batches.batches(connection, wanted, int(row[0])), 1)  # type: ignore[arg-type]
        for _, result in stored_batches.rows(connection, batch, batch.first_row + batch.head.result_rows - 1)
    ]


def _looked_through(connection: apsw.Connection, wanted: Wanted, place: Place) -> Looked:
    """Each wanted row from a place on, and the end of each batch without any."""
    for batch in stored_batches.batches(connection, wanted, place.seq):
        begin = batch.first_row + (place.row if batch.head.seq == place.seq else 0)
        protocol = stored_batches.protocol(connection, batch)
        for row, result in stored_batches.rows(connection, batch, begin):
            found = next(atlas.objects(stored_batches.alone(batch, result, protocol)))
            is_inside = wanted.start_us <= found["timestamp"] * _US < wanted.stop_us
            yield batch.behind(row), found if is_inside else None
        yield Place(batch.head.seq + 1), None
