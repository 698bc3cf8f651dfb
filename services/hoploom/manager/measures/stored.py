"""Reads stored results of all outputs at once, a page at a time, by a bookmark that holds over all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from hoploom.kit import Mesh
from hoploom.kit.consul_api import Instance
from hoploom.kit.errors import BadRequest, Unavailable
from hoploom.kit.http_client import Answer

LOOKS: Final = 4
"""An output looks a quarter of a second for a page, and says where it found less in that time: so often it is asked to
go on before a person is."""

PAGE_TIMEOUT_S: Final = 10.0
_LINES: Final = 1000
_REFUSED: Final = (400, 409, 410)


@dataclass
class Page:
    """Results of all outputs.

    Attributes:
        results: In the order of time, as outputs tell them.
        places: Cursors behind them, by store.
        is_end: Whether nothing is stored behind them that was asked for.
        away: Which outputs did not answer, in words.
    """

    results: list[Mapping[str, Any]] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)
    is_end: bool = True
    away: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Outputs:
    """Whom to ask.

    Attributes:
        mesh: This instance.
        instances: Outputs of all datacenters that have results.
        headers: With which they are asked.
        away: Which cannot be asked, in words.
    """

    mesh: Mesh
    instances: tuple[Instance, ...]
    headers: Mapping[str, str]
    away: tuple[str, ...] = ()


async def outputs(mesh: Mesh, headers: Mapping[str, str], dcs: Iterable[str]) -> Outputs:
    """The outputs of this datacenter and of others; where those cannot be told, that is said.

    Args:
        mesh: This instance.
        headers: With which they are asked.
        dcs: Datacenters that may have results.
    """
    found: list[Instance] = []
    away: list[str] = []
    for dc in ("", *sorted(set(dcs) - {mesh.dc})):
        try:
            instances = (await mesh.consul.instances("output", passing=False, dc=dc))[1]
        except Unavailable as error:
            away.append(f"who has results in {dc or mesh.dc} is not known: {error}")
            continue
        found += [each for each in instances if each.status != "critical"]
        away += [f"{each.id} is critical" for each in instances if each.status == "critical"]
    return Outputs(mesh, tuple(found), headers, tuple(away))


async def page(asked: Outputs, wanted: Mapping[str, str], places: Mapping[str, str], limit: int) -> Page:
    """The next results, of each output about as many.

    Args:
        asked: Whom to ask.
        wanted: Parameters of `GET /results`.
        places: Cursors by store, from an earlier page.
        limit: Most results; a few more where there are more outputs than that.

    Raises:
        BadRequest: An output has to object to what is asked.
    """
    found = Page(places=dict(places), away=list(asked.away))
    open_ones, looks = list(asked.instances), 0
    while open_ones and len(found.results) < limit and looks < LOOKS:
        looks += 1
        share = max(1, (limit - len(found.results)) // len(open_ones))
        answers = await asyncio.gather(*(_ask(asked, each, wanted, found.places, share) for each in open_ones))
        going_on = []
        for instance, answer in zip(open_ones, answers, strict=True):
            if isinstance(answer, Unavailable):
                found.away.append(f"{instance.id} does not answer: {answer}")
            elif _learned(found, answer):
                going_on.append(instance)
        open_ones = going_on
    found.is_end = not open_ones
    found.results.sort(key=lambda each: int(each["at_us"]))
    return found


def _learned(page: Page, document: Mapping[str, Any]) -> bool:
    """Add an output's answer; whether it has more."""
    page.results += document["results"]
    page.places[document["store"]] = document["cursor"]
    return document["next"] is not None


async def lines(asked: Outputs, wanted: Mapping[str, str], form: str) -> AsyncIterator[str]:
    """All results in a form for files, output by output, a page at a time; begins with the file's heading.

    Raises:
        BadRequest: An output has to object to what is asked.
        Unavailable: One is away or fell silent: what was told is not all.
    """
    if asked.away:
        raise Unavailable(f"the file would not be whole: {'; '.join(asked.away)}")
    heading = ""
    for instance in asked.instances:
        cursor: str | None = ""
        while cursor is not None:
            known = {instance.meta.get("store", ""): cursor} if cursor else {}
            answer = await _ask(asked, instance, {**wanted, "form": form}, known, _LINES)
            if isinstance(answer, Unavailable):
                raise answer
            if not heading:
                heading = answer["heading"]
                yield heading
            yield answer["text"]
            cursor = answer["next"]


async def _ask(
    asked: Outputs, instance: Instance, wanted: Mapping[str, str], places: Mapping[str, str], limit: int
) -> Mapping[str, Any] | Unavailable:
    """A page of one output; raises BadRequest where it refuses what is asked."""
    cursor = places.get(instance.meta.get("store", ""), "")
    parameters = {**wanted, "limit": str(limit), **({"cursor": cursor} if cursor else {})}
    url = f"{instance.url}/results?{urlencode(parameters)}"
    try:
        answer = await asked.mesh.http.request("GET", url, headers=asked.headers, timeout_s=PAGE_TIMEOUT_S)
        return _read(answer)
    except Unavailable as error:
        return error


def _read(answer: Answer) -> Mapping[str, Any]:
    if answer.status in _REFUSED:
        raise BadRequest(answer.reason())
    if not answer.ok:
        raise Unavailable(f"it refuses: {answer.reason()}")
    found: Mapping[str, Any] = answer.json()
    return found
