"""The links of all outputs as one graph, of a campaign or of all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from hoploom.manager import gathering
from hoploom.manager.gathering import Gathering, Output, Pace
from hoploom.manager.paths.drawing import Laid, laid
from hoploom.manager.paths.graph import merged
from hoploom.wire.paths import ROUTE, Topology, unpack

# A graph takes some 40 MB at the most.
PACE: Final = Pace(look_s=5.0, share=20.0, kept=4, timeout_s=20.0)
Gathered = gathering.Gathered[Laid]


@dataclass
class _Source:
    """What one output said last, and under which tag."""

    said: Topology | None = None
    tag: str = ""


class _Graphs:
    """The trade, by the number of a campaign; None for all of them."""

    def source(self, key: int | None) -> _Source:
        """Nothing heard yet."""
        return _Source()

    async def ask(self, output: Output, key: int | None, source: _Source) -> bool:
        """Take the links, where they have changed."""
        answer = await output.get(ROUTE if key is None else f"{ROUTE}?campaign={key}", source.tag)
        if answer is None:
            return False
        source.said = await asyncio.to_thread(unpack, answer.body)
        source.tag = answer.headers.get("ETag", "")
        return True

    def join(self, key: int | None, sources: Sequence[_Source]) -> Laid:
        """One graph with its tree."""
        return laid(merged([each.said for each in sources if each.said is not None]))


GATHERING: Final = web.AppKey("paths_gathering", Gathering[int | None, _Source, Laid])


def attach(app: web.Application, token: str) -> None:
    """Gather what pages ask for; as `gathering.attach`."""
    gathering.attach(app, GATHERING, token, _Graphs(), PACE)
