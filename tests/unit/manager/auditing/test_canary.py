"""What the canary is in Consul: a route that nobody may use, removed by itself after its manager."""

import pytest

from hoploom.kit import tags
from hoploom.kit.names import PLAIN, Names
from hoploom.manager.auditing import canary
from hoploom.manager.auditing.canary import DEREGISTER_AFTER, LONGEST_FLIP_S, NOBODY


@pytest.mark.parametrize("names", [PLAIN, Names.apart("loom")], ids=["a mesh of its own", "among strangers"])
def test_its_route_is_for_nobody_and_its_names_are_the_meshs(names: Names) -> None:
    record = canary.record("manager-1", names, 30.0)
    [tag] = record["Tags"]
    route = tags.parse(tag)
    assert route.deny == NOBODY and route.path == f"{names.route_prefix}/_mesh/canary/manager-1"
    assert (record["ID"], record["Name"]) == (
        f"{names.service_prefix}route-canary-manager-1", f"{names.service_prefix}route-canary"
    )  # fmt: skip


def test_it_ends_by_itself_and_not_while_it_is_down_on_purpose() -> None:
    [check] = canary.record("manager-1", PLAIN, 30.0)["Checks"]
    assert (check["TTL"], check["Status"], check["DeregisterCriticalServiceAfter"]) == ("30s", "critical", "1m")
    assert check["CheckID"] == canary.check_id("route-canary-manager-1")
    # Down for a flip, and as long as the next one waits for who is about to stall.
    assert 2 * LONGEST_FLIP_S < 60 and DEREGISTER_AFTER == "1m"
    assert canary.record("m", PLAIN, 30.0, up=True)["Checks"][0]["Status"] == "passing"


@pytest.mark.parametrize(("flip_s", "stall_s", "ttl_s"), [(1, 1, 30), (10, 10, 60), (20, 20, 120)])
def test_its_check_outlasts_flips_that_wait(flip_s: float, stall_s: float, ttl_s: float) -> None:
    assert canary.ttl_s(flip_s, stall_s) == ttl_s
