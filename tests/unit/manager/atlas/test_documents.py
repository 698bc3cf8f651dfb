"""Campaigns and workers in Atlas' words."""

from typing import Any

import pytest

from hoploom.manager.atlas import documents
from hoploom.manager.atlas.documents import CONNECTED, Worker

CAMPAIGN: dict[str, Any] = {
    "id": "demo", "name": "", "number": 1, "measurement": 2, "created_at_us": 1_700_000_000_000_000, "rounds": 1,
    "sets": {"4": {"size": 4}}, "probe": {"kind": "ping", "count": 3}, "cooldown_minutes": 0,
}  # fmt: skip
DONE, GOING = {"finished": True, "changed_at_us": 1_700_000_060_000_000}, {"finished": False, "changed_at_us": None}


def made(groups: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    return documents.measurement({"campaign": {**CAMPAIGN, **changes}, "groups": groups or {}}, "u", is_public=False)


@pytest.mark.parametrize(
    ("groups", "status", "stop"),
    [
        ({}, "Ongoing", None),
        ({"a": DONE, "b": GOING}, "Ongoing", None),
        ({"a": DONE, "b": DONE}, "Stopped", 1_700_000_060),
    ],
    ids=["nobody maps it yet", "one is done", "all are done"],
)
def test_a_measurement_stops_when_every_group_is_done(groups: Any, status: str, stop: int | None) -> None:
    found = made(groups)
    assert (found["status"]["name"], found["stop_time"]) == (status, stop)


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"sets": {"4": {}, "6": {}}}, "af", None),
        ({"sets": {"6": {}}}, "af", 6),
        ({"probe": {"kind": "trace"}}, "type", "traceroute"),
        ({"name": "Weekly"}, "description", "Weekly"),
        ({}, "description", "demo"),
        ({"rounds": 0}, "is_oneoff", False),
        ({"cooldown_minutes": 2}, "interval", 120),
    ],
)
def test_what_a_campaign_says_stands_in_atlas_field(changes: Any, field: str, value: object) -> None:
    assert made(**changes)[field] == value


def test_a_probe_has_its_place_where_its_owner_tells_it_and_never_its_address() -> None:
    told = documents.probe(
        Worker(number=7, name="pi", status=CONNECTED, since_s=0, latitude=61.5, longitude=23.8), is_public=True
    )
    assert told["geometry"] == {"type": "Point", "coordinates": [23.8, 61.5]}
    assert told["status"] == {"id": 1, "name": "Connected", "since": "1970-01-01T00:00:00Z"}
    assert (told["address_v4"], told["address_v6"], told["prefix_v4"]) == (None, None, None)
    assert documents.probe(Worker(number=7, name="pi"), is_public=True)["geometry"] is None
