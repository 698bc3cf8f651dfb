"""What the local mesh looks like: workers elsewhere are shown, and decide nothing."""

import pytest

from hoploom.local import bringing_up, view


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
