"""How an instance of Consul's is seen."""

import pytest

from hoploom.kit.consul_records import Check, Instance
from hoploom.kit.external_nodes import EDGE
from hoploom.manager.seeing.seen import instance_seen, worst_first

READY = 'HTTP GET http://127.0.0.1:1/ready: 200 OK Output: '


@pytest.mark.parametrize(
    ("checks", "health", "note"),
    [
        ((), "passing", ""),
        ((Check("ready", "passing", f"{READY}idle\n"), Check("alive", "passing", "x")), "passing", "idle"),
        ((Check("ready", "passing", READY),), "passing", ""),
        ((Check("ready", "passing", "x"), Check("alive", "critical", "no answer")), "critical", "no answer"),
        ((Check("Serf", "warning", "y"), Check("heartbeat", "warning", "disk full")), "warning", "disk full"),
    ],
    ids=["none", "its own words", "no words", "the worst check's", "its own before the node's"],
)  # fmt: skip
def test_its_health_is_that_of_its_worst_check_and_so_are_the_words(
    checks: tuple[Check, ...], health: str, note: str
) -> None:
    seen = instance_seen(Instance("o-1", "output", "127.0.0.1", 1, checks=checks))
    assert (seen.health, seen.note, seen.draining) == (health, note, False)


def test_one_in_maintenance_mode_leaves() -> None:
    check = Check("Service Maintenance Mode", "critical", "draining")
    assert instance_seen(Instance("o-1", "output", "127.0.0.1", 1, checks=(check,))).draining


@pytest.mark.parametrize(
    ("address", "meta", "where", "name"),
    [
        ("10.0.0.1", {}, "10.0.0.1:80", "ping-1"),
        ("::1", {}, "[::1]:80", "ping-1"),
        ("edge-pi.invalid", {EDGE: "true", "worker": "pi"}, "elsewhere", "pi"),
    ],
)
def test_where_it_is_and_how_its_page_is_called(address: str, meta: dict[str, str], where: str, name: str) -> None:
    seen = instance_seen(Instance("ping-1", "ping", address, 80, meta=meta))
    assert (seen.where, seen.name, seen.is_elsewhere) == (where, name, where == "elsewhere")


def test_the_worst_come_first() -> None:
    found = [
        instance_seen(Instance(name, "output", "h", 1, checks=(Check("ready", state),)))
        for name, state in (("b", "passing"), ("a", "passing"), ("z", "critical"), ("y", "warning"))
    ]
    assert [each.id for each in worst_first(found)] == ["z", "y", "a", "b"]
