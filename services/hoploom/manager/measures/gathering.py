"""The cells and places of all outputs as one picture of a campaign, kept by what changed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from hoploom.kit.errors import BadRequest
from hoploom.kit.http_client import Answer
from hoploom.manager import gathering
from hoploom.manager.gathering import Gathering, Output, Pace
from hoploom.wire import cell_table
from hoploom.wire.cell_table import CellTable
from hoploom.wire.rollup import Place

PACE: Final = Pace(look_s=2.0, share=0.0, kept=8, timeout_s=10.0)
_CELLS: Final = "/api/v1/output/rollups/cells"
_PLACES: Final = "/api/v1/output/rollups/places"


@dataclass(frozen=True)
class Picture:
    """A campaign's figures.

    Attributes:
        cells: Cells of both lengths; see `CellTable.where` and `by`.
        places: Sorted by country, latitude, longitude; empty where no output has a GeoIP file.
    """

    cells: CellTable
    places: tuple[Place, ...] = ()


Gathered = gathering.Gathered[Picture]


@dataclass
class _Source:
    """What is known of one output, and by which words it says that nothing has changed."""

    cells: CellTable
    generation: str = ""
    after: int = 0
    tags: dict[str, str] = field(default_factory=dict)
    places: tuple[Place, ...] = ()


class _Pictures:
    """The trade, by the number of a campaign."""

    def source(self, key: int) -> _Source:
        """Nothing heard yet."""
        return _Source(CellTable.empty(key))

    async def ask(self, output: Output, key: int, source: _Source) -> bool:
        """Take what changed of places and cells."""
        places = await _places(output, key, source)
        return await _cells(output, key, source) or places

    def join(self, key: int, sources: Sequence[_Source]) -> Picture:
        """All cells, and places added up."""
        if not sources:
            return Picture(CellTable.empty(key))
        return Picture(cell_table.joined(key, [each.cells for each in sources]), _together(key, sources))


async def _cells(output: Output, campaign: int, source: _Source) -> bool:
    """Take what changed, page by page; whether anything did."""
    changed, is_end = False, False
    while not is_end:
        query = urlencode({"campaign": campaign, "after": source.after})
        answer = await output.get(f"{_CELLS}?{query}", "" if changed else source.tags.get(_CELLS, ""))
        if answer is None:
            return changed
        is_end = await asyncio.to_thread(_take, source, answer, campaign)
        changed = True
    return changed


async def _places(output: Output, campaign: int, source: _Source) -> bool:
    """Take the places; whether they have changed."""
    answer = await output.get(f"{_PLACES}?{urlencode({'campaign': campaign})}", source.tags.get(_PLACES, ""))
    if answer is None:
        return False
    before, source.places = source.places, tuple(
        Place.from_json(campaign, row) for row in answer.json().get("places", ())
    )
    source.tags[_PLACES] = answer.headers.get("ETag", "")
    return before != source.places


def _take(source: _Source, answer: Answer, campaign: int) -> bool:
    """Take a page of cells; whether it is the last one."""
    document = answer.json()
    try:
        generation, after, is_end = str(document["generation"]), int(document["next"]), bool(document["is_end"])
        since_s = {int(length): int(start) for length, start in document["since_s"].items()}
        changed = CellTable.from_json(campaign, document["cells"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadRequest(f"this is no page of cells: {error!r}") from error
    if source.generation not in ("", generation):
        # The sums were made anew there: nothing of before goes with them, so all of it is asked for.
        source.cells, source.after, source.generation = CellTable.empty(campaign), 0, generation
        return False
    source.cells = cell_table.updated(source.cells, changed, since_s)
    source.generation, source.after = generation, after
    if is_end:
        source.tags[_CELLS] = answer.headers.get("ETag", "")
    return is_end


def _together(campaign: int, sources: Sequence[_Source]) -> tuple[Place, ...]:
    counts: dict[tuple[str, int, int], list[int]] = {}
    for each in (place for source in sources for place in source.places):
        count = counts.setdefault((each.country, each.latitude, each.longitude), [0, 0])
        count[0] += each.targets
        count[1] += each.answered
    return tuple(Place.from_json(campaign, [*spot, *count]) for spot, count in sorted(counts.items()))


GATHERING: Final = web.AppKey("measures_gathering", Gathering[int, _Source, Picture])


def attach(app: web.Application, token: str) -> None:
    """Gather what pages ask for; as `gathering.attach`."""
    gathering.attach(app, GATHERING, token, _Pictures(), PACE)


async def cells(where: web.Request | web.Application, campaign: int, *, waits: bool = True) -> Gathered:
    """What all outputs know of a campaign, by its number; from memory, but for the first question of some minutes.

    Args:
        where: The manager.
        campaign: The campaign.
        waits: Whether to wait for a moment where nothing is known yet.
    """
    app = where.app if isinstance(where, web.Request) else where
    return await app[GATHERING].of(campaign, waits=waits)
