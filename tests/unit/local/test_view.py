"""What the local mesh looks like: every service on the kit; workers elsewhere are shown, and decide nothing."""

import json

import pytest

from hoploom.kit.http_client import Answer, HttpClient
from hoploom.kit.names import PLAIN
from hoploom.local import bringing_up, view
from hoploom.local.consul_agent import ConsulAdmin


def entry(status: str = "passing", **meta: str) -> dict[str, object]:
    """A worker as Consul's health API tells it; one without an agent has no port there."""
    service = {"ID": "ping-pi", "Address": "", "Tags": ["0.1.0"], "Meta": {"version": "0.1.0", **meta}}
    node = {"Node": "edge-pi", "Address": "edge-pi.invalid"}
    checks = [{"Name": "heard", "Status": status, "Output": "silent", "Notes": ""}]
    return {"Service": service if meta else {**service, "Port": 7}, "Node": node, "Checks": checks}


def test_a_worker_elsewhere_has_no_port() -> None:
    found = view._view("ping", entry(edge="true"), [])
    assert (found.elsewhere, found.port, found.routed, found.note) == (True, 0, None, "silent")
    assert not view._view("ping", entry(), []).elsewhere


CASES = [(entry(), True), (entry("critical"), False), (entry(edge="true"), False)]


@pytest.mark.parametrize(("found", "counts"), CASES)
def test_a_mesh_is_up_when_what_it_started_is(found: dict[str, object], counts: bool) -> None:
    assert bringing_up._is(found, ("passing", "warning")) is counts


async def test_services_of_ones_own_on_the_kit_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    on_kit = {"booted_at_us": "1"}
    registered = {
        "input-1": {"Service": "input", "Meta": on_kit},
        "orders-1": {"Service": "orders", "Meta": on_kit},
        "orders-2": {"Service": "orders", "Meta": on_kit},
        "fabio-1": {"Service": "fabio", "Meta": None},
        "db-1": {"Service": "db", "Meta": {"version": "17"}},
    }

    async def call(_: ConsulAdmin, method: str, path: str, body: object = None) -> Answer:
        return Answer(200, json.dumps(registered).encode())

    monkeypatch.setattr(ConsulAdmin, "call", call)
    http = HttpClient()
    assert await ConsulAdmin(http, "http://127.0.0.1:1", "", PLAIN).others() == ["orders"]
    await http.close()
