"""What is a problem, and that each says what to do."""

import re
from pathlib import Path

import pytest

from hoploom.kit.fabio_api import RouteEntry
from hoploom.manager.auditing.standing import FindingStanding, RouterStanding, Standing
from hoploom.manager.seeing.problems import WHAT_TO_DO, problems
from hoploom.manager.seeing.seen import InstanceSeen, Owners, Part, Results, SeenMesh
from hoploom.manager.seeing.tables import Table

RULES = Path(__file__).resolve().parents[4] / "ansible/roles/monitoring/files/rules"
BAD = InstanceSeen("o-1", "output", "h:1", "n", "dc1", "", "", "critical", "disk full", target="h:1", routes=1)
PI = InstanceSeen("ping-pi", "ping", "elsewhere", "edge-pi", "dc1", "", "pi", "critical", "silent")
ROUTERS = (
    RouterStanding("n1", "stalled", why="the table of n1 stands still"),
    RouterStanding("n2", "follows", p50_s=0.3, shrunken="the table of n2 has lost routes"),
    RouterStanding("n3", "follows", p50_s=4.0),
    RouterStanding("n4", "follows", p50_s=0.3),
)
FOUND = tuple(
    FindingStanding(kind, severity, "n1", f"x-{number}", f"{kind} {number}", "write it so")
    for number, (kind, severity) in enumerate(
        [("bad-override", "error"), ("dial-timeout", "warning"), ("garbage-collection", "advice"), ("stale", "error")]
    )
)
AWAY_DC = {"campaign": {"id": "c"}, "groups": {}, "datacenters": {"dc2": {"away": "no way"}, "dc1": {"away": ""}}}


@pytest.mark.parametrize(
    ("seen", "kinds"),
    [
        (SeenMesh(), []),
        (SeenMesh(instances=Part((), away="Consul is away: x"), leaders=Part((), away="Consul is away: x")),
         ["ConsulUnreachable"]),
        (SeenMesh(campaigns=Part((), away="x"), results=Part(Results(), away="y")), ["InputAway", "OutputAway"]),
        (SeenMesh(results=Part(Results((), "o-1 is silent"))), ["OutputAway"]),
        (SeenMesh(leaders=Part(({"role": "dyfi", "instance": ""},))), ["LeaderMissing"]),
        (SeenMesh(owners=Part(Owners({"i": 60}, 4))), ["SlotsUnowned"]),
        (SeenMesh(instances=Part((BAD, PI))), ["InstanceNotReady", "WorkersElsewhereSilent"]),
        (SeenMesh(campaigns=Part((AWAY_DC,))), ["DatacenterAway"]),
        (SeenMesh(tables=Part((Table("f", away="x"),))), ["FabioUnread"]),
        (SeenMesh(instances=Part((BAD,)), tables=Part((Table("f", (RouteEntry("output", "/", "http://h:1/"),)),))),
         ["InstanceNotReady", "RouteStale"]),
        (SeenMesh(routers=Part(Standing(routers=ROUTERS, findings=FOUND))),
         ["RouteTableStalled", "RouteTableShrunken", "RouteConvergeSlow", "RouteFinding", "RouteFinding"]),
        (SeenMesh(names=Part({"stopped": "badauth", "line": "x"})), ["DyfiStopped"]),
        (SeenMesh(names=Part(None, away="damaged")), ["NamesUnknown"]),
    ],
    ids=["nothing", "Consul away", "services away", "one output silent", "no leader", "slots unowned",
         "instances", "datacenter away", "a router silent", "a stale route",
         "what the auditor says", "names stopped", "names unknown"],
)  # fmt: skip
def test_what_is_wrong_is_said_once(seen: SeenMesh, kinds: list[str]) -> None:
    assert [each.kind for each in problems(seen)] == kinds


def test_what_the_auditor_said_long_ago_is_nobodys_problem() -> None:
    assert not problems(SeenMesh(routers=Part(Standing(routers=ROUTERS, findings=FOUND, old=True))))


def test_what_is_shown_in_the_place_of_what_is_away_has_its_time() -> None:
    [one] = problems(SeenMesh(instances=Part((), seen_s=7.0, away="x")))
    [other] = problems(SeenMesh(instances=Part((), away="x")))
    assert (one.seen_s, other.seen_s) == (7.0, None)


def test_a_problem_is_called_as_the_alert_of_the_same_thing() -> None:
    alerts = set(re.findall(r"alert: (\w+)", "".join(each.read_text() for each in RULES.glob("*.yml"))))
    ours = {"SlotsUnowned", "WorkerImpaired", "RouteStale", "FabioUnread", "DatacenterAway", "InputAway",
            "OutputAway", "NamesUnknown"}  # fmt: skip
    assert set(WHAT_TO_DO) - ours <= alerts and not ours & alerts
