"""Settings that could be better."""

from dataclasses import replace
from typing import Any

import pytest

from hoploom.routing import audit_advice
from hoploom.routing.audit import Settings
from unit.routing.meshes_made import GOOD, fabio

EVERY = [
    "proxy.noroutestatus", "proxy.deregistergraceperiod", "proxy.shutdownwait", "registry.consul.pollinterval",
    "registry.consul.serviceMonitors", "metrics.target",
]  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (GOOD, []),
        (Settings(), EVERY),
        (Settings(backend="static"), [each for each in EVERY if not each.startswith("registry")]),
        (replace(GOOD, strategy="rr"), ["proxy.strategy"]),
        (replace(GOOD, monitors=15), ["registry.consul.serviceMonitors"]),
        (replace(GOOD, metrics="statsd,prometheus"), []),
    ],
    ids=["ours", "as it comes", "without Consul", "in turns", "few at once", "metrics for two"],
)
def test_what_differs_is_advice(settings: Settings, expected: list[str]) -> None:
    found = list(audit_advice.find(fabio(), settings))
    assert [each.subject for each in found] == expected
    assert {str(each.severity) for each in found} <= {"advice"}


def test_what_an_old_fabio_does_not_say_is_no_finding() -> None:
    unknown: dict[str, Any] = dict.fromkeys(
        ("no_route_status", "grace_s", "wait_s", "strategy", "poll_s", "monitors", "metrics")
    )
    assert list(audit_advice.find(fabio(), replace(GOOD, **unknown))) == []
