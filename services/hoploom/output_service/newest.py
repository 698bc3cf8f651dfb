"""The newest results of a store over all of its files, from the newest file backwards."""

from typing import Any

from hoploom.output_service import latest, latest_traces
from hoploom.output_service.extract import EVERYTHING
from hoploom.output_service.schema import of_every_batch
from hoploom.output_service.store import Store

KINDS = {"ping": latest.rows, "trace": latest_traces.rows}
END = EVERYTHING
"""After every row; fits SQLite's integers."""

_ROWS = 2**40
"""A cursor is the number of a file, so many times, and a row in it."""

_LAST = of_every_batch("max(seq)", "kind = ?1 AND seq < ?2")
_LAST_OF_CAMPAIGN = of_every_batch("max(seq)", "kind = ?1 AND seq < ?2 AND campaign = ?3")


async def newest(store: Store, kind: str, campaign: str, before: int, limit: int) -> list[dict[str, Any]]:
    """The newest rows, newest first, as the documents of `GET /api/v1/results`.

    Args:
        store: Where they are.
        kind: One of `KINDS`.
        campaign: Id of the one campaign wanted; empty for all.
        before: Only rows before this one (`row` of an earlier answer); `END` for all.
        limit: Most rows; fewer where those before were pruned.

    Raises:
        Unavailable: It takes too long, or a file cannot be read.
    """
    found: list[dict[str, Any]] = []
    upto, row = divmod(before, _ROWS)
    while len(found) < limit:
        last = await _last_seq(store, kind, campaign, store.files.stop_seq(upto))
        number = store.files.number_of(last)
        if not last or number not in store.files.numbers():
            break
        row = row if number == upto else _ROWS
        found += await _of_file(store, number, kind, (campaign, row, limit - len(found)))
        upto, row = number - 1, _ROWS
    return found


async def _last_seq(store: Store, kind: str, campaign: str, stop: int) -> int:
    """The newest batch of the kind before another; 0 for none."""
    asked = (_LAST_OF_CAMPAIGN, (kind, stop, campaign)) if campaign else (_LAST, (kind, stop))
    return (await store.read(*asked))[0][0] or 0


async def _of_file(store: Store, number: int, kind: str, asked: tuple[str, int, int]) -> list[dict[str, Any]]:
    rows = await store.ask(lambda connection: KINDS[kind](connection, *asked), number)
    return [{**each, "row": number * _ROWS + each["row"]} for each in rows]
