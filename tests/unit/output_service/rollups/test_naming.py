"""The networks of a campaign are asked for once; who is away is waited for, and not for ever."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from hoploom.kit.errors import Unavailable
from hoploom.kit.http_client import Answer
from hoploom.output_service.rollups import naming
from hoploom.output_service.rollups.batches import Pings, StoredBatch
from hoploom.output_service.rollups.naming import Naming
from hoploom.targets.networks import named, to_document
from hoploom.targets.notation import parse_block
from hoploom.wire.addresses import column

CAMPAIGN, SETS = "/api/v1/campaigns/clouds?here=yes", "/api/v1/sets/abc"
NETWORKS = to_document(named([parse_block("10.0.0.0/8")], [("amazon", 1)]))
KNOWN = {CAMPAIGN: {"campaign": {"networks": "abc"}}, SETS: NETWORKS}


@dataclass
class Input:
    """An input service with some documents; what it was asked is kept."""

    documents: Mapping[str, Any]
    is_away: bool = False
    asked: list[str] = field(default_factory=list)
    now_s: float = 1000.0

    async def __call__(self, path: str) -> Answer:
        self.asked.append(path)
        if self.is_away:
            raise Unavailable("nobody answers")
        if path not in self.documents:
            return Answer(404, b"{}", {"Content-Type": "application/problem+json"})
        return Answer(200, json.dumps(self.documents[path]).encode())


def batch(measurement: int = 5) -> StoredBatch:
    none = np.zeros(0, np.int64)
    return StoredBatch(1, "clouds", 4, measurement, "w", 4, 0, Pings(np.zeros((0, 16), np.uint8), *[none] * 7))


def name(found: Naming, measurement: int = 5) -> str:
    table = found.of(measurement)
    return table.name(int(table.of(column(["10.1.2.3"]))[0]))


@pytest.mark.parametrize(
    "documents, expected",
    [
        (KNOWN, "amazon"),
        ({}, "10.0.0.0/8"),
        ({CAMPAIGN: {"campaign": {}}}, "10.0.0.0/8"),
        ({CAMPAIGN: {"campaign": {"networks": "abc"}}}, "10.0.0.0/8"),
        ({**KNOWN, SETS: {"v": 7}}, "10.0.0.0/8"),
    ],
    ids=["with a document", "an import", "of before there were any", "whose document is gone", "whose is odd"],
)
async def test_a_network_of_a_campaign(documents: Mapping[str, Any], expected: str) -> None:
    asked = Input(documents)
    found = Naming(asked, lambda: asked.now_s)
    await found.learn([batch()])
    assert name(found) == expected


async def test_it_is_asked_for_once_for_each_edition() -> None:
    asked = Input(KNOWN)
    found = Naming(asked, lambda: asked.now_s)
    for measurement in (5, 5, 7, 5):
        await found.learn([batch(measurement), batch(measurement)])
    assert asked.asked == [CAMPAIGN, SETS] * 2


async def test_who_is_away_is_waited_for_and_then_done_without() -> None:
    asked = Input(KNOWN, is_away=True)
    found = Naming(asked, lambda: asked.now_s)
    with pytest.raises(Unavailable):
        await found.learn([batch()])
    asked.now_s += naming.PATIENCE_S - 1
    with pytest.raises(Unavailable):
        await found.learn([batch()])
    asked.now_s += 1
    await found.learn([batch()])
    assert name(found) == "10.0.0.0/8"
    asked.is_away = False
    before = len(asked.asked)
    await found.learn([batch()])
    assert len(asked.asked) == before, "it was asked again at once"
    asked.now_s += naming.AGAIN_S
    await found.learn([batch()])
    assert name(found) == "amazon"


async def test_few_tables_are_kept() -> None:
    asked = Input(KNOWN)
    found = Naming(asked, lambda: asked.now_s)
    for measurement in range(100):
        await found.learn([batch(measurement)])
    assert len(found._tables) == naming._KEPT
