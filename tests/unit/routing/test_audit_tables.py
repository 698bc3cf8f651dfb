"""Tables against Consul."""

import pytest

from hoploom.kit.consul_records import Instance
from hoploom.kit.fabio_api import RouteEntry
from hoploom.routing import audit_tables
from hoploom.routing.audit import Observed, SeenRouter, Settings
from hoploom.routing.audit_overrides import Effect
from unit.routing.meshes_made import ALIVE, check, fabio, line, mesh, shop

NONE = {"fabio/config": Effect()}
"""Overrides that are known, and none."""
REDIRECT = "urlprefix-/old redirect=301,https://new.example.org$path"


@pytest.mark.parametrize(
    ("instances", "table", "expected"),
    [
        ([shop()], [line()], []),
        ([shop()], [], ["missing shop-1"]),
        ([shop(1, check("critical"))], [], []),
        ([shop(1, check("critical"))], [line()], ["stale shop-1"]),
        ([shop(1, check("warning"))], [line()], ["stale shop-1"]),
        ([shop()], [line(), line(2)], ["stale 10.0.0.1:8002"]),
        ([], [line(1, service="gone")], ["stale 10.0.0.1:8001"]),
        ([shop(1, tags=("urlprefix-/shop", "urlprefix-/new"))], [line()], ["missing shop-1"]),
        ([shop()], [line(), line(src="/before")], ["stale shop-1"]),
        ([shop(tags=(REDIRECT,))], [RouteEntry("shop", "/old", "https://new.example.org/")], []),
        ([shop(tags=(REDIRECT,))], [], ["missing shop-1"]),
        ([shop(tags=())], [], []),
        ([shop(tags=())], [line()], ["stale shop-1"]),
        ([shop(), shop(1, check("critical"), index=7)], [line()], []),
        ([Instance("six", "shop", "::1", 80, tags=("urlprefix-/s",), checks=(ALIVE, check("passing")))],
         [RouteEntry("shop", "/s", "http://[::1]:80/")], []),
        ([shop(tags=("urlprefix-/a",)), shop(1, tags=("urlprefix-/b",))], [line(src="/a"), line(src="/b")], []),
        ([shop(tags=("urlprefix-/a",)), shop(1, check("critical"), tags=("urlprefix-/b",))],
         [line(src="/a"), line(src="/b")], ["stale shop-1"]),
        ([shop()], [line(), RouteEntry("shop", "/shop", "http://[bad/")], ["stale "]),
    ],
    ids=["all is well", "passes and is not routed", "ill and not routed", "ill and routed", "warns and is routed",
         "an address that nobody has", "a service that nobody has", "one of two routes lacks", "a route of before",
         "a redirect has no address of the instance", "a redirect lacks", "asked for no route", "lost its tags",
         "two ids at one address", "IPv6", "two with a route each", "one of two is ill",
         "a destination that is none"],
)  # fmt: skip
def test_a_table_is_held_against_consul(
    instances: list[Instance], table: list[RouteEntry], expected: list[str]
) -> None:
    found = audit_tables.find(mesh(*instances, routers=(fabio(*table),)), NONE)
    assert [f"{each.kind} {each.subject}" for each in found] == expected
    assert all("f1" in each.problem and each.cure for each in found)


def test_what_is_not_known_says_nothing_of_anybody() -> None:
    unread = SeenRouter("f1")
    assert audit_tables.find(mesh(shop(), routers=(unread,))) == []
    assert audit_tables.find(Observed((fabio(line()),))) == [], "no Consul was asked"
    static = fabio(line(), settings=Settings(backend="static"))
    assert audit_tables.find(mesh(routers=(static,))) == [], "its routes come from elsewhere"
    other = mesh(routers=(fabio(line(service="theirs")),), only=frozenset({"shop"}))
    assert audit_tables.find(other) == [], "nobody asked for that service"


def test_an_instance_without_a_check_is_told_once() -> None:
    bare = Instance("bare", "shop", "10.0.0.1", 80, tags=("urlprefix-/bare",), checks=(ALIVE,))
    (found,) = audit_tables.find(mesh(bare, routers=(fabio(), fabio(name="f2"))))
    assert (found.kind, found.severity, found.router, found.subject) == ("missing", "warning", "", "bare")


def test_a_router_that_does_not_answer_is_one_finding_and_no_more() -> None:
    (found,) = audit_tables.find(mesh(shop(), routers=(SeenRouter("f1", away="no answer"),)))
    assert (found.kind, found.router) == ("router-away", "f1")
    assert "no answer" in found.problem


def test_the_router_that_differs_from_most_is_named_with_its_lines() -> None:
    routers = (fabio(line(2), name="odd"), fabio(line(), name="f2"), fabio(line(), name="f3"))
    found = [each for each in audit_tables.find(Observed(routers)) if each.kind == "routers-differ"]
    assert [each.router for each in found] == ["odd"]
    assert "lacks /shop -> 10.0.0.1:8001 and alone has /shop -> 10.0.0.1:8002" in found[0].problem


def test_routers_of_other_pools_are_not_compared() -> None:
    other = fabio(name="f2", settings=Settings(tag_prefix="internal-"))
    assert audit_tables.find(Observed((fabio(line()), other))) == []


def test_an_override_that_adds_or_takes_away_is_no_difference() -> None:
    seen = mesh(shop(), routers=(fabio(line(9, "/extra", "extra")),))
    effect = Effect(frozenset({("extra", "/extra", "10.0.0.1:8009")}), frozenset({("shop", "/shop", "10.0.0.1:8001")}))
    assert [each.kind for each in audit_tables.find(seen, NONE)] == ["missing", "stale"]
    assert audit_tables.find(seen, {"fabio/config": effect}) == []


def test_where_overrides_are_not_known_a_service_of_nobody_may_be_theirs() -> None:
    seen = mesh(shop(), routers=(fabio(line(), line(2), line(9, "/extra", "extra")),))
    assert [each.subject for each in audit_tables.find(seen)] == ["10.0.0.1:8002"]
    assert [each.subject for each in audit_tables.find(seen, NONE)] == ["10.0.0.1:8009", "10.0.0.1:8002"]
