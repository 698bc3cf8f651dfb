"""The rollup of places: in which country and square of a degree targets are, by the user's GeoIP file. Pure.

Without such a file there are none. Another file counts from then on; who wants all of it counted removes `rollups.db`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from hoploom.output_service.rollups.batches import Pings, StoredBatch
from hoploom.output_service.rollups.cells import DROPPED
from hoploom.wire import addresses
from hoploom.wire.addresses import WIDTH
from hoploom.wire.batch import ANSWERED
from hoploom.wire.traces import REACHED

MOST_ROWS: Final = 50_000
"""Some 4 MB; the earth's land has 20,000 such squares. Those that were not seen for longest go first."""

_LEFT: Final = 0.9
_CHANGE_BITS: Final = 20
_BITS: Final = {4: 32, 6: 128}
_TABLES: Final = (
    """
CREATE TABLE places (
  campaign INTEGER NOT NULL, country TEXT NOT NULL, latitude INTEGER NOT NULL, longitude INTEGER NOT NULL,
  targets INTEGER NOT NULL, answered INTEGER NOT NULL, change INTEGER NOT NULL,
  PRIMARY KEY (campaign, country, latitude, longitude)
) WITHOUT ROWID
""",
)
_ADD: Final = """
INSERT INTO places VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
  targets = targets + excluded.targets, answered = answered + excluded.answered, change = excluded.change
"""
_DROP: Final = """
DELETE FROM places WHERE (campaign, country, latitude, longitude) IN (
  SELECT campaign, country, latitude, longitude FROM places ORDER BY change LIMIT ?)
"""


class Spot(NamedTuple):
    """A country and a square of a degree."""

    country: str
    latitude: int
    longitude: int


class Located(NamedTuple):
    """Where an address is, and up to which address the same holds."""

    spot: Spot | None
    prefix: int


class Locates(Protocol):
    """Knows where addresses are."""

    def __call__(self, address: str) -> Located:
        """Where an address is; the prefix is counted in the address's own family."""


class Places:
    """See `batches.Rollup`."""

    name = "places"
    tables: Sequence[str] = _TABLES

    def __init__(self, locate: Locates | None, most_rows: int = MOST_ROWS) -> None:
        """Know where addresses are; None counts nothing."""
        self._locate, self._most = locate, most_rows

    def add(self, connection: Any, batches: Sequence[StoredBatch]) -> None:
        """Add batches up, and let go of what is too much."""
        if self._locate is None or not batches:
            return
        counts: dict[tuple[int, Spot], list[int]] = {}
        for each in batches:
            for spot, rows in self._spots(each).items():
                count = counts.setdefault((each.campaign_number, spot), [0, 0])
                count[0] += len(rows)
                count[1] += int(_answered(each)[rows].sum())
        change = batches[-1].seq << _CHANGE_BITS
        found = [
            (campaign, *spot, *count, change + at) for at, ((campaign, spot), count) in enumerate(counts.items())
        ]
        connection.executemany(_ADD, found)
        self._bound(connection)

    def rows(self, connection: Any) -> int:
        """How many places there are."""
        return int(connection.execute("SELECT count(*) FROM places").get)

    def _bound(self, connection: Any) -> None:
        count = self.rows(connection)
        if count > self._most:
            excess = count - int(_LEFT * self._most)
            connection.execute(_DROP, (excess,))
            DROPPED.labels(self.name).inc(excess)

    def _spots(self, batch: StoredBatch) -> dict[Spot, NDArray[np.int64]]:
        """Which rows of a batch are where; one look for all that lie in one network of the file."""
        assert self._locate is not None
        packed = np.ascontiguousarray(batch.rows.address).view(f"S{WIDTH}").reshape(-1)
        order = np.argsort(packed, kind="stable")
        ordered = packed[order]
        found: dict[Spot, list[NDArray[np.int64]]] = {}
        start = 0
        while start < len(order):
            packed_one = batch.rows.address[order[start]].tobytes()
            spot, prefix = self._locate(addresses.text(packed_one))
            # Within the 128 bits that both families have here.
            last = int.from_bytes(packed_one) | ((1 << (_BITS[batch.family] - prefix)) - 1)
            stop = int(np.searchsorted(ordered, last.to_bytes(WIDTH), side="right"))
            if spot is not None:
                found.setdefault(spot, []).append(order[start:stop])
            start = max(stop, start + 1)
        return {spot: np.concatenate(parts) for spot, parts in found.items()}


def _answered(batch: StoredBatch) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = batch.rows.outcome == (ANSWERED if isinstance(batch.rows, Pings) else REACHED)
    return found
