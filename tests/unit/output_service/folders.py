"""What a store's folder holds, counted batch by batch and row by row, for tests of files that come and go."""

import math
from pathlib import Path

import apsw

from hoploom.output_service import dump
from hoploom.output_service.archive import Archive, Limits
from hoploom.output_service.dump import Order
from hoploom.output_service.extract import EVERYTHING, Wanted
from hoploom.output_service.pruning import Policy
from hoploom.output_service.store import Store

NEVER = Limits(math.inf, math.inf, Policy())
ALWAYS = Limits(0, 0, Policy())
"""Each step begins a file, unless there is nothing in the one before."""


def held(store: Store) -> dict[int, str]:
    """The batches of a dump of everything by their `seq`; fails where one is not whole, or is there twice."""
    with dump.made(store.files, Order(Wanted(store.uuid, 0, EVERYTHING), lambda: False)) as made:
        copy = apsw.Connection(str(made.path), flags=apsw.SQLITE_OPEN_READONLY)
        for kind, table, count in (("ping", "ping_results", "result_rows"), ("trace", "traceroutes", "result_rows"),
                                   ("trace", "traceroute_hops", "hop_rows")):
            found = f"(SELECT batch_key, count(*) AS found FROM {table} GROUP BY batch_key)"
            wanted = f"(SELECT * FROM batches WHERE kind = '{kind}' AND {count} > 0)"
            wrong = f"SELECT * FROM {wanted} FULL JOIN {found} USING (batch_key) WHERE {count} IS NOT found"
            assert list(copy.execute(wrong)) == [], "a batch is not whole"
        return {int(str(seq)): str(batch) for seq, batch in copy.execute("SELECT seq, batch FROM batches")}


def names(path: Path) -> set[str]:
    """The names of the files of results, without what SQLite keeps beside those that are open."""
    return {each.name for each in path.glob("*.db") if not each.name.startswith(".")}


async def stepped(store: Store, limits: Limits = NEVER) -> Archive:
    """An archive that has done all that was due."""
    archive = Archive(store, limits)
    await archive.step()
    await Archive(store, NEVER).step()
    return archive


async def opened_and_stepped(path: Path) -> tuple[dict[int, str], set[str]]:
    """What a folder holds when it is opened after a crash and looked after, and the names in it then."""
    store = Store(path, 8)
    try:
        before = held(store)
        await stepped(store)
        assert held(store) == before, "looking after the files has changed what they hold"
    finally:
        store.close()
    return before, names(path)
