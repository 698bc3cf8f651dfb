"""Who belongs into a table, and under what."""

from dataclasses import replace

import pytest

from hoploom.kit.consul_records import Check
from hoploom.routing.audit_expected import Due, Line, due, failing, lines
from hoploom.routing.audit_observed import Settings
from unit.routing.meshes_made import ALIVE, GONE, GOOD, check, shop

ONE = Settings()
WARNING_TOO = Settings(checks_required="all", statuses=("passing", "warning"))
LEAVES = Check("Service Maintenance Mode", "critical", "", "_service_maintenance:shop-1")
NODE_LEAVES = Check("Node Maintenance Mode", "critical", "", "_node_maintenance", of_node=True)
DISK = Check("disk", "critical", "", "disk", of_node=True)


@pytest.mark.parametrize(
    ("checks", "with_all", "with_one", "unknown"),
    [
        ((ALIVE, check("passing")), "listed", "listed", "listed"),
        ((ALIVE, check("critical")), "unlisted", "unlisted", "unlisted"),
        ((ALIVE, check("passing"), check("critical", "ttl")), "unlisted", "listed", "either"),
        ((ALIVE, check("warning")), "unlisted", "unlisted", "either"),
        ((GONE, check("passing")), "unlisted", "unlisted", "unlisted"),
        ((ALIVE, check("passing"), LEAVES), "unlisted", "unlisted", "unlisted"),
        ((ALIVE, NODE_LEAVES, check("passing")), "unlisted", "unlisted", "unlisted"),
        ((ALIVE, DISK, check("passing")), "listed", "listed", "listed"),
        ((ALIVE,), "unlisted", "unlisted", "unlisted"),
    ],
    ids=["well", "ill", "one of two fails", "warns", "its node is away", "in maintenance", "its node in maintenance",
         "a check of the node alone, which Fabio does not read", "without a check, which Fabio never lists"],
)  # fmt: skip
def test_whether_an_instance_is_to_be_listed(
    checks: tuple[Check, ...], with_all: str, with_one: str, unknown: str
) -> None:
    found = [due(checks, settings).value for settings in (GOOD, ONE, None)]
    assert found == [with_all, with_one, unknown]


def test_a_router_may_take_warnings_for_health() -> None:
    assert due((ALIVE, check("warning")), WARNING_TOO) is Due.LISTED


def test_a_failing_check_counts_only_where_nothing_else_explains_it() -> None:
    assert [each.name for each in failing(shop(1, check("passing"), check("critical", "ttl")))] == ["ttl"]
    assert failing(shop(1, check("critical"), LEAVES)) == []


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("urlprefix-/shop", Line("/shop")),
        (" urlprefix-/shop strip=/shop", Line("/shop")),
        ("urlprefix-Shop.Example.org/Path", Line("shop.example.org/Path")),
        ("urlprefix-shop.example.org", Line("shop.example.org/")),
        ("urlprefix-:3306 proto=tcp", Line(":3306")),
        ("urlprefix-$DC.example.org/", Line("dc7.example.org/")),
        ("urlprefix-${DC}.example.org/${x}y", Line("dc7.example.org/y")),
        ("urlprefix-/old redirect=301,https://new.example.org$path", Line("/old", redirect=True)),
        ("urlprefix-/old redirect=301", Line("/old")),
    ],
)
def test_what_a_tag_becomes_in_a_table(tag: str, expected: Line) -> None:
    assert lines(replace(shop(tags=(tag, "v1.4.1", "other-/x")), dc="dc7")) == (expected,)


def test_another_prefix_reads_other_tags() -> None:
    assert lines(shop(tags=("urlprefix-/a", "internal-/b")), "internal-") == (Line("/b"),)


def test_a_tag_over_which_fabio_stumbles_is_no_line() -> None:
    assert lines(shop(tags=("urlprefix-/a weight=x", "urlprefix-/b"))) == (Line("/b"),)
