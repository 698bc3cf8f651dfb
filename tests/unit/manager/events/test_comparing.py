"""What is told as having happened between two looks."""

from dataclasses import replace
from typing import Any

import pytest

from hoploom.manager.auditing.standing import RouterStanding, Standing
from hoploom.manager.events.comparing import MOST, happened
from hoploom.manager.seeing.deploys import Deploying
from hoploom.manager.seeing.seen import InstanceSeen, Part, SeenMesh
from unit.manager.pages.test_fleet_rows import heard


def instance(name: str, health: str = "passing", **fields: Any) -> InstanceSeen:
    given = {"version": "1", "note": "", **fields}
    return InstanceSeen(name, "output", "h:1", "deb01", "dc1", worker="", health=health, target="h:1", **given)


def campaign(name: str, **group: bool) -> dict[str, Any]:
    return {"campaign": {"id": name}, "groups": {"g": group} if group else {}}


def leader(role: str, name: str) -> dict[str, Any]:
    return {"role": role, "instance": name, "index": 41, "since_us": 1}


def overlay(*campaigns: str, paused: bool = False) -> Part[Any]:
    return Part({"paused": paused, "paused_campaigns": list(campaigns)}, 0.0)


def seen(**parts: Any) -> SeenMesh:
    return SeenMesh(at_s=0.0, **parts)


def routers(state: str, shrunken: str = "") -> Part[Any]:
    return Part(Standing(routers=(RouterStanding("n1", state, shrunken=shrunken),)), 0.0)


def deploying(where: str, *, is_over: bool = False) -> Deploying:
    return Deploying("orders", "1.4.1", "anna@deb01", "2026-11-22 05:00:00 UTC", where, is_over)


def of(*rows: Any) -> Part[Any]:
    return Part(rows, 0.0)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (seen(deploys=of()), seen(deploys=of(deploying("before it was submitted"))),
         ["deploy orders is being deployed: 1.4.1, by anna@deb01"]),
        (seen(deploys=of(deploying("before"))), seen(deploys=of(deploying("at 10% in dc1"))),
         ["deploy orders deploy of 1.4.1: at 10% in dc1"]),
        (seen(deploys=of(deploying("at 10% in dc1"))), seen(deploys=of(deploying("it is in", is_over=True))),
         ["deploy orders deploy of 1.4.1: it is in"]),
        (seen(deploys=of(deploying("in", is_over=True))), seen(deploys=of(deploying("in", is_over=True))), []),
        (seen(deploys=Part(())), seen(deploys=of(deploying("it is in", is_over=True))), []),
        (seen(routers=routers("follows")), seen(routers=routers("stalled")),
         ["router n1 does not follow Consul any more"]),
        (seen(routers=routers("stalled")), seen(routers=routers("follows")), ["router n1 follows Consul again"]),
        (seen(routers=routers("unknown")), seen(routers=routers("follows")), []),
        (seen(routers=Part(None)), seen(routers=routers("stalled")), []),
        (seen(routers=routers("follows")), seen(routers=routers("follows", "lost")),
         ["router n1 has lost routes that Consul still asks for"]),
        (seen(routers=routers("follows", "lost")), seen(routers=routers("follows")),
         ["router n1 has its routes again"]),
        (seen(instances=of()), seen(instances=of(instance("o-1"))), ["instance o-1 came, on deb01"]),
        (seen(instances=of(instance("o-1"))), seen(instances=of()), ["instance o-1 is gone"]),
        (seen(instances=of(instance("o-1"))), seen(instances=of(instance("o-1", "critical", note="disk\nfull"))),
         ["instance o-1 is critical: disk full"]),
        (seen(instances=of(instance("o-1"))), seen(instances=of(instance("o-1", "critical", draining=True))),
         ["instance o-1 is leaving"]),
        (seen(instances=of(instance("o-1", "critical"))), seen(instances=of(instance("o-1"))),
         ["instance o-1 is passing"]),
        (seen(instances=of(instance("o-1"))), seen(instances=of(instance("o-1"), instance("o-2", version="2"))),
         ["deploy output has an instance of version 2 now", "instance o-2 came, on deb01"]),
        (seen(leaders=of(leader("manager", "m-1"))), seen(leaders=of(leader("manager", "m-2"))),
         ["leader m-2 leads manager under token 41"]),
        (seen(leaders=of(leader("manager", "m-1"))), seen(leaders=of(leader("manager", ""))),
         ["leader m-1 leads manager no more"]),
        (seen(workers=(heard("pi"),)), seen(workers=(heard("pi", "silent"),)), ["worker pi fell silent"]),
        (seen(workers=(heard("pi", "silent"),)), seen(workers=(heard("pi"),)), ["worker pi is heard again"]),
        (seen(), seen(workers=(heard("pi"),)), []),
        (seen(campaigns=of()), seen(campaigns=of(campaign("c"))), ["campaign c is made"]),
        (seen(campaigns=of(campaign("c", finished=False))), seen(campaigns=of(campaign("c", finished=True))),
         ["campaign c is finished"]),
        (seen(overlay=overlay()), seen(overlay=overlay(paused=True)), ["probing  all probing is paused"]),
        (seen(overlay=overlay("c")), seen(overlay=overlay()), ["campaign c goes on"]),
        (seen(), seen(overlay=overlay(paused=True)), []),
        (SeenMesh(), seen(instances=of(instance("o-1"))), []),
    ],
    ids=["deploy begins", "deploy steps", "deploy ends", "ended before", "not known before this look",
         "router stalls", "router recovers", "router timed first", "router not known before", "table shrinks",
         "table whole again",
         "comes", "goes", "turns red", "leaves", "turns green", "deployed", "another leader", "no leader",
         "falls silent", "comes back", "first ad", "campaign made", "finished", "all paused", "campaign resumed",
         "not known before", "first look"],
)  # fmt: skip
def test_a_change_is_told(before: SeenMesh, after: SeenMesh, told: list[str]) -> None:
    found = happened(before, after, 7)
    assert [f"{each.kind} {each.subject} {each.text}" for each in found] == told
    assert all(each.at_us == 7 for each in found)


def test_what_was_not_read_anew_has_not_changed() -> None:
    before = seen(instances=of(instance("o-1")))
    assert happened(before, replace(before, instances=replace(before.instances, away="Consul is away")), 7) == []


def test_a_hundred_at_once_leave_room_for_others() -> None:
    crowd = [heard(f"pi-{each}") for each in range(100)]
    silent = [heard(f"pi-{each}", "silent") for each in range(100)]
    found = happened(seen(workers=tuple(crowd)), seen(workers=tuple(silent)), 7)
    assert len(found) == MOST + 1 and found[-1].text.startswith("60 more")
