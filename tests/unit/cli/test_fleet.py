"""`@fleet`: who is asked for, what becomes of the flags, and how the matrix is shown."""

import argparse
from typing import Any

import pytest

from hoploom.cli import fleet, mapping
from hoploom.kit.errors import BadRequest, ConfigError, Unavailable
from hoploom.kit.http_client import Answer

THERE = {"attic": ["10.0.0.1"], "barn": ["10.0.0.2", "10.0.0.3"], "cellar": ["10.0.0.2"]}


def flags(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    mapping.add_arguments(parser)
    return parser.parse_args([*words])


def test_the_fleet_is_a_campaign_that_every_worker_maps_for_itself() -> None:
    request = mapping.prepare(fleet.widened(flags("@fleet"), THERE)).request
    assert request.blocks == ("10.0.0.1", "10.0.0.2", "10.0.0.3")
    assert (request.apart, request.allow_private, request.probe.count) == (True, True, fleet.COUNT)
    assert request.id.startswith("fleet-")


def test_what_a_person_says_holds() -> None:
    found = fleet.widened(flags("@fleet", "--count", "3", "--name", "mine", "--rounds", "5"), THERE)
    request = mapping.prepare(found).request
    assert (request.probe.count, request.name, request.rounds) == (3, "mine", 5)


def test_two_of_one_public_network_are_two_targets() -> None:
    there = {"attic": ["8.8.8.1"], "barn": ["8.8.8.2"]}
    prepared = mapping.prepare(fleet.widened(flags("@fleet", "--contact", "noc@example.org"), there))
    assert prepared.plan.targets == 2


def test_other_campaigns_are_shared_by_groups() -> None:
    request = mapping.prepare(flags("127.0.0.0/30")).request
    assert (request.apart, request.probe.count) == (False, 1)


@pytest.mark.parametrize(
    ("targets", "workers", "said"),
    [
        (["@fleet", "10.0.0.0/8"], [], "@fleet is mapped alone"),
        (["@fleet"], [], "no worker has an address that others may probe: owners name theirs"),
        (["@fleet"], [{"name": "attic", "addresses": ["10.0.0.1"]}], "only attic has an address"),
    ],
)
def test_a_fleet_of_fewer_than_two_is_refused(
    targets: list[str], workers: list[dict[str, Any]], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def asked(*_: object, **__: object) -> dict[str, Any]:
        return {"v": 1, "workers": workers}

    monkeypatch.setattr(fleet, "_asked", asked)
    with pytest.raises(ConfigError, match=said):
        fleet.members(argparse.Namespace(targets=targets))


def test_what_was_not_measured_yet_is_not_a_mesh_that_fails() -> None:
    with pytest.raises(BadRequest, match=r"^not measured$"):
        fleet.told(Answer(404, b'{"detail": "not measured"}'))
    with pytest.raises(Unavailable, match="now: busy"):
        fleet.told(Answer(500, b'{"detail": "busy"}'))


@pytest.mark.parametrize(
    ("pair", "shown"),
    [
        ({"rtt_us": 12_340, "loss": 0.0, "bad": False}, "12.3"),
        ({"rtt_us": 12_340, "loss": 0.02, "bad": False}, "12.3 2%"),
        ({"rtt_us": 12_340, "loss": 0.1, "bad": False}, "[yellow]12.3 10%[/]"),
        ({"rtt_us": 12_340, "loss": 0.1, "bad": True}, "[red]12.3 10%[/]"),
        ({"rtt_us": None, "loss": 1.0, "bad": True}, "[red]lost[/]"),
        (None, "?"),
    ],
)
def test_a_cell(pair: dict[str, Any] | None, shown: str) -> None:
    assert fleet.cell(pair) == shown


def test_nobody_is_measured_by_itself() -> None:
    assert fleet.cell(None, is_self=True) == "-"
