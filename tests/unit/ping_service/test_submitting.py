"""What the output's answers mean for a lease."""

import asyncio

import numpy as np
import pytest

from hoploom.ping_service import chunk, holding
from hoploom.ping_service.orders import Orders
from hoploom.ping_service.probing import Sealed
from hoploom.ping_service.station import REFUSED
from hoploom.ping_service.submitting import submit
from hoploom.wire.addresses import column
from unit.ping_service.stations import FakeMesh, columns, lease, on_virtual_time, station


@pytest.mark.parametrize(
    ("refuses", "counts", "upto", "stopped"),
    [(False, True, 2, ""), (False, False, 0, ""), (True, True, 0, REFUSED)],
)
@on_virtual_time
async def test_only_what_is_stored_and_counts_is_dealt_with(
    refuses: bool, counts: bool, upto: int, stopped: str
) -> None:
    mesh = FakeMesh(refuses=refuses)
    found = station(mesh)
    found.change(holding.begun(holding.granted((), lease(), 0.0), lease().id, 0))
    targets = column(["127.0.0.1", "127.0.0.2"])
    part = chunk.of(found.holding[0], "c0ffee00-0000-4000-8000-000000000000", targets, Orders(), allow_private=True)
    batch = chunk.batch_of(part, columns(np.zeros(2, np.uint8)), "w", "b" * 8, suspect=False)
    sealed: asyncio.Queue[Sealed] = asyncio.Queue()
    sealed.put_nowait(Sealed(batch, counts))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await submit(found, sealed)
    held = found.holding[0]
    assert (held.stored_upto, held.stopped, held.under_way) == (upto, stopped, 0)
    assert found.is_resting is refuses
