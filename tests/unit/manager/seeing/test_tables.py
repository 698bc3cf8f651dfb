"""What is found when routers' tables are compared with Consul."""

import pytest

from hoploom.kit.fabio_api import RouteEntry
from hoploom.manager.seeing.seen import InstanceSeen
from hoploom.manager.seeing.tables import Table, findings


def instance(health: str, target: str = "127.0.0.1:1", routes: int = 1) -> InstanceSeen:
    return InstanceSeen("output-1", "output", target, "n", "dc1", "", "", health, "", target=target, routes=routes)


def route(target: str, service: str = "output") -> RouteEntry:
    return RouteEntry(service, "/dump", f"http://{target}/")


@pytest.mark.parametrize(
    ("health", "routes", "kinds"),
    [
        ("passing", [route("127.0.0.1:1")], []),
        ("passing", [], ["missing"]),
        ("warning", [], []),
        ("critical", [], []),
        ("critical", [route("127.0.0.1:1")], ["stale"]),
        ("passing", [route("127.0.0.1:1"), route("127.0.0.1:2")], ["stale"]),
        ("passing", [route("127.0.0.1:1"), route("10.9.9.9:80", "theirs")], []),
    ],
    ids=["as it should be", "passes, unrouted", "warning, unrouted", "critical, unrouted", "critical, routed",
         "nobody's", "somebody else's service"],
)  # fmt: skip
def test_a_table_is_held_against_consul(health: str, routes: list[RouteEntry], kinds: list[str]) -> None:
    found = findings([Table("f1", tuple(routes))], [instance(health)])
    assert [each.kind for each in found] == kinds
    assert all("f1" in each.problem for each in found)


def test_a_table_that_is_not_known_says_nothing_of_anybody() -> None:
    assert findings([Table("f1", away="no answer")], [instance("passing")]) == []


def test_who_asked_for_no_route_is_missed_nowhere() -> None:
    assert findings([Table("f1")], [instance("passing", routes=0)]) == []


def test_among_strangers_a_service_has_another_name_in_tables() -> None:
    assert findings([Table("f1", (route("127.0.0.1:1", "hoploom-output"),))], [instance("passing")]) == []
