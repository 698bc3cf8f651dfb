"""A real manager and a service behind a real Fabio: whose instances are all gone is away, and no stranger."""

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine_processes import Child, ConsulAgent, FabioRouter, free_ports
from waiting import until

SERVICE = Path(__file__).parent.parent / "orders_service.py"
PROBLEM = "application/problem+json"


@contextmanager
def _started(consul: ConsulAgent, folder: Path, name: str, *program: str) -> Iterator[Child]:
    [port] = free_ports(1)
    command = [sys.executable, *program, "--port", str(port), "--consul-addr", consul.url]
    child = Child(command, folder / f"{name}.log")
    child.start()
    try:
        yield child
    finally:
        child.stop(kill=True)


def _asked(method: str, url: str) -> tuple[int, str, str, str]:
    """Status, media type, `Retry-After` and what is said."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=30) as answer:
            return int(answer.status), answer.headers.get_content_type(), "", ""
    except urllib.error.HTTPError as refused:
        said = json.loads(refused.read()) if refused.headers.get_content_type() == PROBLEM else {}
        wait = refused.headers.get("Retry-After", "")
        return refused.code, refused.headers.get_content_type(), wait, said.get("detail", "")


def test_a_path_of_a_service_without_instances_is_answered_later_and_nobodys_path_is_not_found(
    engines_up: tuple[ConsulAgent, list[FabioRouter]], tmp_path: Path
) -> None:
    consul, (fabio, _) = engines_up
    with (
        _started(consul, tmp_path, "manager", "-m", "hoploom.manager"),
        _started(consul, tmp_path, "orders", str(SERVICE)) as orders,
    ):
        until("both are routed", lambda: fabio.targets("manager") and fabio.targets("orders"), 20)
        assert _asked("GET", f"{fabio.url}/orders")[0] == 200
        orders.stop(kill=True)
        until("the route is gone", lambda: not fabio.targets("orders"), 10)
        away = (503, PROBLEM, "1", "no healthy orders is routed to just now: try again")
        assert _asked("GET", f"{fabio.url}/orders") == away
        assert _asked("POST", f"{fabio.url}/orders/7") == away
        # Nobody has started an input here, whose paths a manager knows all the same.
        assert _asked("POST", f"{fabio.url}/leases")[::2] == (503, "1")
        assert _asked("GET", f"{fabio.url}/nothing")[:2] == (404, PROBLEM)
