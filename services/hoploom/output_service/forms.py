"""Results in the forms that people download, a page at a time: lines of CSV, or of objects of RIPE Atlas.

Which results these are says the same query that pages of JSON have.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final

import apsw

from hoploom.output_service import paging, queries, stored_batches
from hoploom.output_service.cursors import Place
from hoploom.output_service.paging import Looked, Page
from hoploom.output_service.queries import Query
from hoploom.output_service.store import Store
from hoploom.output_service.stored_batches import Stored, Wanted
from hoploom.results.formats import atlas, csv_table
from hoploom.results.rows import Group, PingRow, TraceRow

TEXT: Final = "text"
_US_PER_MS: Final = 1_000


def _csv(group: Group) -> str:
    return csv_table.text([group])


def _atlas(group: Group) -> str:
    return "".join(f"{json.dumps(each, separators=(',', ':'), allow_nan=False)}\n" for each in atlas.objects(group))


_LINES: Final[Mapping[str, Callable[[Group], str]]] = {"csv": _csv, "atlas": _atlas}
HEADINGS: Final[Mapping[str, str]] = {"csv": csv_table.HEADING, "atlas": ""}


async def page(store: Store, query: Query, place: Place) -> Page:
    """The next results, each as a document whose `TEXT` are its lines; raises as `paging.walked`."""
    return await paging.walked(store, place, lambda connection, place: read(connection, query, place))


def read(connection: apsw.Connection, query: Query, place: Place) -> Page:
    """The next results of one file; `is_end` is that of the file."""
    return paging.gathered(connection, _looked_through(connection, query, place), query.limit)


def _looked_through(connection: apsw.Connection, query: Query, place: Place) -> Looked:
    wanted = Wanted(
        campaign=query.campaign,
        kind=query.kind,
        worker=query.worker,
        family=query.prefix.version if query.prefix else 0,
        # Objects of Atlas have no word for it.
        suspect=query.form != "atlas",
    )
    is_wanted = _is_wanted(query)
    for batch in stored_batches.batches(connection, wanted, place.seq):
        head = batch.head
        if head.received_at_us - head.clock_offset_us < query.since_us or head.started_at_us >= query.until_us:
            yield Place(head.seq + 1), None
            continue
        begin = batch.first_row + (place.row if head.seq == place.seq else 0)
        protocol = stored_batches.protocol(connection, batch)
        for row, result in stored_batches.rows(connection, batch, begin):
            yield batch.behind(row), _document(batch, result, protocol, query) if is_wanted(batch, result) else None
        yield Place(head.seq + 1), None


def _is_wanted(query: Query) -> Callable[[Stored, PingRow | TraceRow], bool]:
    is_inside = paging.is_inside(query.prefix)
    numbers = {kind: query.outcome_of(kind) for kind in queries.OUTCOMES}

    def found(batch: Stored, row: PingRow | TraceRow) -> bool:
        number = numbers[batch.head.kind]
        # By the worker's clock as it was, as in pages of JSON.
        is_in_time = query.since_us <= batch.head.started_at_us + row.at_ms * _US_PER_MS < query.until_us
        return is_in_time and (number is None or row.outcome == number) and is_inside(row.address)

    return found


def _document(batch: Stored, row: PingRow | TraceRow, protocol: str, query: Query) -> dict[str, object]:
    text = _LINES[query.form](stored_batches.alone(batch, row, protocol))
    return {TEXT: text, "hops": row.hops if isinstance(row, TraceRow) else ()}
