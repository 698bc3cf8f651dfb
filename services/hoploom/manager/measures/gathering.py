"""The cells and places of all outputs as one, kept in memory: pages read them and never wait for an output.

While somebody looks at a campaign, each output is asked every two seconds for what changed since then, and answers that
nothing did (304) or with what did. Whoever is away keeps its last cells, and is named.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from hoploom import kit
from hoploom.kit import credentials
from hoploom.kit.clock import boottime_s
from hoploom.kit.consul_records import Instance
from hoploom.kit.errors import BadRequest, Unavailable
from hoploom.kit.http_client import Answer, HttpClient
from hoploom.wire import cell_table
from hoploom.wire.cell_table import CellTable
from hoploom.wire.rollup import Place

log = logging.getLogger(__name__)
LOOK_S: Final = 2.0
LOOKED_AT_S: Final = 30.0
"""After the last question a campaign is refreshed for so long."""

FIRST_S: Final = 1.0
"""How long the first question waits for cells; then the page says that they are being gathered."""

KEPT: Final = 8
"""Campaigns that are kept; those that nobody asks for go first."""

_TIMEOUT_S: Final = 10.0
_CELLS: Final = "/api/v1/output/rollups/cells"
_PLACES: Final = "/api/v1/output/rollups/places"
_NOT_MODIFIED: Final = 304


@dataclass(frozen=True)
class Gathered:
    """What all outputs together know of a campaign: the live picture. A batch that two outputs took counts twice.

    Attributes:
        cells: Cells of both lengths; see `CellTable.where` and `by`.
        places: Sorted by country, latitude, longitude; empty where no output has a GeoIP file.
        version: Grows when something of it has changed; 0 before anything was heard.
        heard_at_s: When all outputs that could be asked were asked last, by `boottime_s`.
        silent: Outputs that do not answer, and stores of those that are gone; their last cells count.
    """

    cells: CellTable
    places: tuple[Place, ...] = ()
    version: int = 0
    heard_at_s: float = 0.0
    silent: tuple[str, ...] = ()


@dataclass
class _Source:
    """What is known of one output, and by which words it says that nothing has changed."""

    cells: CellTable
    generation: str = ""
    after: int = 0
    tags: dict[str, str] = field(default_factory=dict)
    places: tuple[Place, ...] = ()


@dataclass
class _Campaign:
    """A campaign that somebody looks at."""

    found: Gathered
    sources: dict[str, _Source] = field(default_factory=dict)
    asked_at_s: float = 0.0
    first: asyncio.Event = field(default_factory=asyncio.Event)


class Gathering:
    """The cells that this manager has."""

    def __init__(self, mesh: kit.Mesh, token: str) -> None:
        """Know nobody's cells yet.

        Args:
            mesh: This instance.
            token: The mesh's.
        """
        self._mesh, self._headers = mesh, credentials.header(token)
        self._campaigns: OrderedDict[int, _Campaign] = OrderedDict()
        self._wanted = asyncio.Event()
        # Of all together: one that is forgotten and gathered anew is no version that was drawn before.
        self._versions = count(1)

    async def of(self, campaign: int, *, waits: bool = True) -> Gathered:
        """What is known of a campaign, by its number; waits at most `FIRST_S`, and only while nothing is known."""
        known = self._campaigns.get(campaign)
        if known is None:
            known = self._campaigns[campaign] = _Campaign(Gathered(CellTable.empty(campaign)))
        self._campaigns.move_to_end(campaign)
        known.asked_at_s = boottime_s()
        while len(self._campaigns) > KEPT:
            self._campaigns.popitem(last=False)
        self._wanted.set()
        if waits and not known.found.version:
            try:
                await asyncio.wait_for(known.first.wait(), FIRST_S)
            except TimeoutError:
                log.info("the cells of campaign %s are still being gathered", campaign)
        return known.found

    async def run(self) -> None:
        """Refresh what somebody looks at, for ever."""
        while True:
            began_s = boottime_s()
            await self.refresh()
            if not self._looked_at():
                self._wanted.clear()
            await self._wanted.wait()
            if all(known.found.version for known in self._looked_at().values()):
                await asyncio.sleep(max(0.0, began_s + LOOK_S - boottime_s()))

    async def refresh(self) -> None:
        """Ask all outputs for what changed of the campaigns that somebody looks at."""
        for campaign, known in self._looked_at().items():
            try:
                await self._refresh(campaign, known)
            except Unavailable as error:
                log.info("who has cells is not known now: %s", error)

    def _looked_at(self) -> Mapping[int, _Campaign]:
        since_s = boottime_s() - LOOKED_AT_S
        return {number: known for number, known in self._campaigns.items() if known.asked_at_s >= since_s}

    async def _refresh(self, campaign: int, known: _Campaign) -> None:
        outputs = {each.meta.get("store", each.id): each for each in await self._mesh.client("output").everyone()}
        for store in outputs:
            known.sources.setdefault(store, _Source(CellTable.empty(campaign)))
        answers = await asyncio.gather(
            *(self._ask(each, campaign, known.sources[store]) for store, each in outputs.items())
        )
        answered = {store for store, answer in zip(outputs, answers, strict=True) if answer is not None}
        found, version = known.found, known.found.version
        if any(answers) or not version:
            version = next(self._versions)
            tables = [source.cells for source in known.sources.values()]
            cells = await asyncio.to_thread(cell_table.joined, campaign, tables)
            found = Gathered(cells, _together(campaign, known.sources))
        # A store whose instance is restarted is away for a moment under another id, and what it said still holds.
        away = known.sources.keys() - answered
        silent = tuple(sorted(outputs[store].id if store in outputs else store for store in away))
        known.found = Gathered(found.cells, found.places, version, boottime_s(), silent)
        known.first.set()

    async def _ask(self, output: Instance, campaign: int, source: _Source) -> bool | None:
        """Bring one output's cells and places up to date: whether something changed, None where it does not answer."""
        caller = _Caller(self._mesh.http, output.url, self._headers)
        try:
            places = await caller.places(campaign, source)
            return await caller.cells(campaign, source) or places
        except (Unavailable, BadRequest) as error:
            log.info("the cells of %s are as they were: %s", output.id, error)
            return None


@dataclass(frozen=True)
class _Caller:
    """One output."""

    http: HttpClient
    url: str
    headers: Mapping[str, str]

    async def cells(self, campaign: int, source: _Source) -> bool:
        """Take what changed, page by page; whether anything did."""
        changed, is_end = False, False
        while not is_end:
            query = {"campaign": campaign, "after": source.after}
            answer = await self._get(_CELLS, query, source.tags if not changed else {})
            if answer.status == _NOT_MODIFIED:
                return changed
            is_end = await asyncio.to_thread(_take, source, answer, campaign)
            changed = True
        return changed

    async def places(self, campaign: int, source: _Source) -> bool:
        """Take the places; whether they have changed."""
        answer = await self._get(_PLACES, {"campaign": campaign}, source.tags)
        if answer.status == _NOT_MODIFIED:
            return False
        before, source.places = source.places, tuple(
            Place.from_json(campaign, row) for row in answer.json().get("places", ())
        )
        source.tags[_PLACES] = answer.headers.get("ETag", "")
        return before != source.places

    async def _get(self, path: str, query: Mapping[str, Any], tags: Mapping[str, str]) -> Answer:
        headers = {**self.headers, **({"If-None-Match": tags[path]} if tags.get(path) else {})}
        url = f"{self.url}{path}?{urlencode(query)}"
        answer = await self.http.request("GET", url, headers=headers, timeout_s=_TIMEOUT_S)
        if not answer.ok and answer.status != _NOT_MODIFIED:
            raise Unavailable(f"{self.url} refuses: {answer.reason()}")
        return answer


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


def _together(campaign: int, sources: Mapping[str, _Source]) -> tuple[Place, ...]:
    counts: dict[tuple[str, int, int], list[int]] = {}
    for each in (place for source in sources.values() for place in source.places):
        count = counts.setdefault((each.country, each.latitude, each.longitude), [0, 0])
        count[0] += each.targets
        count[1] += each.answered
    return tuple(Place.from_json(campaign, [*spot, *count]) for spot, count in sorted(counts.items()))


GATHERING = web.AppKey("measures_gathering", Gathering)


def attach(app: web.Application, token: str) -> None:
    """Gather what pages ask for.

    Args:
        app: The manager, on the mesh.
        token: The mesh's.
    """

    async def start(app: web.Application) -> None:
        app[GATHERING] = Gathering(kit.mesh(app), token)

    app.on_startup.append(start)
    kit.background(app, _runs)


async def cells(where: web.Request | web.Application, campaign: int, *, waits: bool = True) -> Gathered:
    """What all outputs know of a campaign, by its number; from memory, but for the first question of some minutes.

    Args:
        where: The manager.
        campaign: The campaign.
        waits: Whether to wait for a moment where nothing is known yet.
    """
    app = where.app if isinstance(where, web.Request) else where
    return await app[GATHERING].of(campaign, waits=waits)


async def _runs(app: web.Application) -> None:
    await app[GATHERING].run()
