"""What settings cost."""

from dataclasses import replace
from typing import Any

import pytest

from hoploom.kit.consul_records import Check
from hoploom.routing import audit_settings
from hoploom.routing.audit import Observed, SeenRouter, Settings
from hoploom.routing.audit_settings import is_loopback
from unit.routing.meshes_made import GOOD, check, fabio, line, mesh, shop


def kinds(observed: Observed) -> list[str]:
    return [f"{each.kind} {each.severity}" for each in audit_settings.find(observed)]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"pages_at": ":9998"}, ["open-admin-port warning"]),
        ({"pages_at": "10.0.0.1:9998", "access": "rw"}, ["open-admin-port error", "writable-pages error"]),
        ({"pages_at": "[::1]:9998"}, []),
        ({"pages_at": "0.0.0.0:9998", "secrets": ("registry.consul.token",)},
         ["open-admin-port error", "readable-token error"]),
        ({"secrets": ("registry.consul.token",)}, ["readable-token warning"]),
        ({"access": "rw"}, ["writable-pages warning"]),
        ({"checks_required": "one"}, ["checks-required-one warning"]),
        ({"consistent": True, "stale": False}, ["consistent-reads warning"]),
        ({"stale": False}, ["consistent-reads warning"]),
        ({"dial_timeout_s": 30.0}, ["dial-timeout warning"]),
        ({"globs": True}, ["glob-matching advice"]),
        ({"gogc": 100}, ["garbage-collection advice"]),
        ({"checks_required": "one", "stale": False, "backend": "static"}, []),
    ],
    ids=["as it should be", "pages at every address, read-only", "pages at an address, writable", "IPv6 loopback",
         "pages open with a token", "a token, on loopback", "writable on loopback", "one check is enough",
         "the leader alone", "no stale reads", "a long dial", "globs for nothing", "garbage", "Consul is not asked"],
)  # fmt: skip
def test_a_setting_is_a_finding(change: dict[str, Any], expected: list[str]) -> None:
    observed = Observed((fabio(line(src="a.example.org/"), settings=replace(GOOD, **change)),))
    assert kinds(observed) == expected
    assert all(each.problem and each.cure for each in audit_settings.find(observed))


def test_a_fabio_as_it_comes_has_them_all() -> None:
    as_it_comes = Observed((fabio(settings=Settings(secrets=("registry.consul.token",))),))
    assert {each.kind for each in audit_settings.find(as_it_comes)} == {
        "open-admin-port", "writable-pages", "readable-token", "checks-required-one", "consistent-reads",
        "dial-timeout", "glob-matching", "garbage-collection", "recommended-setting",
    }  # fmt: skip


@pytest.mark.parametrize(("servers", "expected"), [(None, 1), (1, 0), (3, 1)])
def test_an_only_server_may_be_asked_alone(servers: int | None, expected: int) -> None:
    asks_the_leader = fabio(settings=replace(GOOD, consistent=True, stale=False))
    assert kinds(Observed((asks_the_leader,), servers=servers)) == ["consistent-reads warning"] * expected


@pytest.mark.parametrize(("servers", "expected"), [(None, 0), (1, 1), (3, 0)])
def test_an_only_server_is_better_not_asked_for_stale_answers(servers: int | None, expected: int) -> None:
    assert GOOD.stale
    assert not GOOD.consistent
    assert kinds(Observed((fabio(settings=GOOD),), servers=servers)) == ["stale-reads advice"] * expected


def test_globs_are_fine_where_a_host_is_one_and_worse_where_there_are_many_hosts() -> None:
    settings = replace(GOOD, globs=True)
    assert kinds(Observed((fabio(line(src="*.example.org/"), settings=settings),))) == []
    many = [line(src=f"h{number}.example.org/") for number in range(101)]
    assert kinds(Observed((fabio(*many, settings=settings),))) == ["glob-matching warning"]


def test_pages_that_answer_elsewhere_than_loopback_are_open_whatever_is_known_of_them() -> None:
    assert kinds(Observed((fabio(is_open=True),))) == ["open-admin-port warning"]
    bare = SeenRouter("f1", (), "", "http://10.0.0.1:9998", is_open=True)
    assert kinds(Observed((bare,))) == ["open-admin-port warning"]


@pytest.mark.parametrize(
    ("settings", "routed", "checks", "expected"),
    [
        (None, True, ("passing", "critical"), ["checks-required-one error"]),
        (replace(GOOD, checks_required="one"), True, ("passing", "critical"),
         ["checks-required-one warning", "checks-required-one error"]),
        (None, False, ("passing", "critical"), []),
        (None, True, ("passing", "warning"), []),
        (None, True, ("critical", "critical"), []),
        (GOOD, True, ("passing", "critical"), []),
    ],
    ids=["seen without settings", "seen and told", "not routed", "warns", "all fail, which is stale",
         "all required, which is stale"],
)  # fmt: skip
def test_an_instance_that_is_routed_while_it_fails_is_evidence(
    settings: Settings | None, routed: bool, checks: tuple[str, str], expected: list[str]
) -> None:
    instance = shop(1, *(Check(f"check {number}", status) for number, status in enumerate(checks)))
    observed = mesh(instance, routers=(fabio(*[line()] * routed, settings=settings),))
    assert kinds(observed) == expected


def test_no_secret_is_in_any_word() -> None:
    observed = Observed((fabio(settings=replace(GOOD, pages_at=":1", secrets=("registry.consul.token",))),))
    assert "registry.consul.token" in str(audit_settings.find(observed))


@pytest.mark.parametrize(
    ("address", "expected"),
    [("127.0.0.1:1", True), ("127.9.9.9:1", True), ("localhost:1", True), ("[::1]:1", True), (":1", False),
     ("0.0.0.0:1", False), ("[::]:1", False), ("10.0.0.1:1", False), ("a-host:1", False)],
)  # fmt: skip
def test_which_addresses_are_loopback(address: str, expected: bool) -> None:
    assert is_loopback(address) is expected


def test_a_check_of_the_maintenance_mode_is_no_evidence() -> None:
    leaves = check("critical", "Service Maintenance Mode")
    assert kinds(mesh(shop(1, check("passing"), leaves), routers=(fabio(line(), settings=None),))) == []
