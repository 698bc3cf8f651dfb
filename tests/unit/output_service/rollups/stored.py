"""Stores with all that there can be in one, and sums over them, for the tests of this folder."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from hoploom.output_service.rollups import reading
from hoploom.output_service.rollups.cells import Cells
from hoploom.output_service.rollups.sums import Sums
from hoploom.output_service.store import Store
from hoploom.targets.network_table import NetworkTable
from unit.output_service.folders import ALWAYS, stepped
from unit.output_service.rollups.counting import Key, in_sums
from unit.wire.batches import columns, make
from unit.wire.traces import paths, traced

UNKNOWN = NetworkTable({})


class NoDocuments:
    """Of no campaign anything is known."""

    def of(self, measurement: int) -> NetworkTable:
        return UNKNOWN


async def fill(store: Store) -> None:
    """Pings and traceroutes of both families in two files, some of which count for nothing."""
    await store.append(make(0, 40))
    await store.append(make(1, 40, suspect=True))
    await store.append(traced(2, 9))
    await stepped(store, ALWAYS)
    await store.append(make(3, 40, worker="pi-8", campaign="other", campaign_number=2_000_000_009))
    await store.append(dataclasses.replace(make(4, 20), family=6, columns=columns(20, start=80, family=6)))
    await store.append(dataclasses.replace(traced(5, 6), family=6, columns=paths(6, start=30, family=6)))
    await store.append(make(6, 40, started_at_us=9_000_000_000_000_000))


def sums_over(folder: Path, store: Store) -> Sums:
    """Sums of cells alone."""
    return Sums(folder, store.uuid, [Cells(NoDocuments())])


def added(sums: Sums, store: Store, most_rows: int = 50) -> dict[Key, tuple[object, ...]]:
    """Everything added, and the cells that there are then."""
    while (found := reading.following(store.files, sums.upto, most_rows)).upto != sums.upto:
        sums.add(found.batches, found.upto)
    return sums.ask(in_sums)
