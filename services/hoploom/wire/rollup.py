"""What output instances add up as results come, so that a page never waits for a scan: cells and places. Pure.

Here is one of each; many travel and are merged as `cell_table.CellTable` has them, column by column.

A cell is what one worker found of one network of one campaign in one period. Cells add up: over periods, workers,
networks and instances. They are the live picture: a batch that two outputs took is counted at both. The data set is
the truth.

A row of a ping counts its requests and replies. A traceroute counts as one request, answered where it reached its
target, with the RTT of the target's own answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import Final

from hoploom.kit.errors import BadRequest
from hoploom.wire import rtt_histogram

FINE_S, COARSE_S = 300, 3600
FINE_KEPT_S, COARSE_KEPT_S = 48 * 3600, 90 * 86_400
"""Periods of five minutes are kept for two days, of an hour for ninety, counted back from the newest of the campaign: a
campaign that rests keeps its picture."""

LENGTHS: Final[Mapping[int, int]] = {FINE_S: FINE_KEPT_S, COARSE_S: COARSE_KEPT_S}
"""How long cells are kept, by the length of their periods. Each result counts in one cell of each length, so whoever
adds cells up takes those of one length."""

MAX_NETWORKS: Final = 256
_MEDIAN, _TAIL = 0.5, 0.99
_PLACE_TYPES: Final = [str, int, int, int, int]
_AMOUNTS: Final = ("targets", "answered", "sent", "received", "sum_us")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Sums over the results of one worker, network and period of a campaign.

    Attributes:
        campaign: The campaign's permanent number.
        worker: Name of the worker.
        network: Name of the network, as the campaign's document of networks has it.
        start_s: When the period begins, seconds since 1970 in UTC, a multiple of `length_s`.
        length_s: How long it lasts, a key of `LENGTHS`.
        targets: Results; a target that was probed twice counts twice.
        answered: Of them, those whose target answered.
        sent: Requests.
        received: Requests that were answered.
        min_us: The smallest RTT in microseconds; None without a reply.
        max_us: The largest.
        sum_us: Of the mean RTTs of all answered results, for the mean.
        histogram: Of the same, as `rtt_histogram.packed` says.
    """

    campaign: int
    worker: str
    network: str
    start_s: int
    length_s: int
    targets: int = 0
    answered: int = 0
    sent: int = 0
    received: int = 0
    min_us: int | None = None
    max_us: int | None = None
    sum_us: int = 0
    histogram: bytes = b""

    @property
    def loss(self) -> float | None:
        """The part of the requests that nobody answered, 0 to 1; None where nothing was sent."""
        return (self.sent - self.received) / self.sent if self.sent else None

    @property
    def mean_us(self) -> float | None:
        """Mean RTT in microseconds; None without a reply."""
        counted = int(rtt_histogram.unpacked(self.histogram).sum())
        return self.sum_us / counted if counted else None

    @property
    def p50_us(self) -> float | None:
        """Median RTT in microseconds; None without a reply."""
        return self.percentile_us(_MEDIAN)

    @property
    def p99_us(self) -> float | None:
        """The RTT that 99 of 100 replies took at most, in microseconds; None without a reply."""
        return self.percentile_us(_TAIL)

    def percentile_us(self, share: float) -> float | None:
        """The RTT that a share (0 to 1) of all replies took at most; None without a reply."""
        if self.min_us is None or self.max_us is None or not self.histogram:
            return None
        found = rtt_histogram.percentiles_us(rtt_histogram.unpacked(self.histogram)[None, :], share)[0]
        return float(min(max(found, self.min_us), self.max_us))

    def plus(self, other: Cell) -> Cell:
        """Both together, under this one's names and period."""
        counts = rtt_histogram.unpacked(self.histogram) + rtt_histogram.unpacked(other.histogram)
        lowest = [each for each in (self.min_us, other.min_us) if each is not None]
        highest = [each for each in (self.max_us, other.max_us) if each is not None]
        return replace(
            self,
            **{name: getattr(self, name) + getattr(other, name) for name in _AMOUNTS},
            min_us=min(lowest, default=None),
            max_us=max(highest, default=None),
            histogram=rtt_histogram.packed(counts),
        )


def total(cells: Iterable[Cell]) -> Cell | None:
    """All together, under the first one's names and period; None of none."""
    found = list(cells)
    return reduce(Cell.plus, found) if found else None


@dataclass(frozen=True, kw_only=True)
class Place:
    """Results of a campaign whose targets are in one country and one square of a degree, by the user's own GeoIP file.

    Attributes:
        campaign: The campaign's permanent number.
        country: ISO 3166-1 code of two letters; empty where the file does not say.
        latitude: Degrees north, whole ones.
        longitude: Degrees east.
        targets: Results.
        answered: Of them, those whose target answered.
    """

    campaign: int
    country: str
    latitude: int
    longitude: int
    targets: int
    answered: int

    def to_json(self) -> list[str | int]:
        """As it travels: country, latitude, longitude, targets, answered."""
        return [self.country, self.latitude, self.longitude, self.targets, self.answered]

    @staticmethod
    def from_json(campaign: int, row: object) -> Place:
        """Read what `to_json` wrote.

        Raises:
            BadRequest: It is no such row.
        """
        if not isinstance(row, list) or [type(each) for each in row] != _PLACE_TYPES:
            raise BadRequest("a place is a country and four whole numbers")
        names = ("country", "latitude", "longitude", "targets", "answered")
        return Place(campaign=campaign, **dict(zip(names, row, strict=True)))
