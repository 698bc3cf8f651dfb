"""Leaving without a lost request: from maintenance mode to gone from the router, and a rolling restart under load."""

import json
import statistics
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from hoploom import engines
from hoploom.cli.bench import Figure, at_most
from load import Load
from local_cli import Cli
from rolling import roll
from waiting import until

ROUNDS = 15
POLL_S = 0.002


def measure() -> list[Figure]:
    """Maintenance on and off fifteen times, then two rolling restarts under load."""
    engines.ensure(engines.NAMES, report=lambda line: None)
    with tempfile.TemporaryDirectory() as folder:
        cli = Cli(Path(folder), "bench")
        try:
            cli.good("up", "--detach", "--no-map", "--managers", "2")
            gone = [_gone_s(cli) for _ in range(ROUNDS)]
            failed, answered = _rolled(cli)
        finally:
            cli.run("down", "--purge")
    return [
        at_most("maintenance mode to gone from Fabio, median", statistics.median(gone), "s", 0.5),
        at_most("maintenance mode to gone from Fabio, longest", max(gone), "s", 0.75),
        at_most("failed requests in two rolling restarts", failed, "requests", 0, ("requests answered", answered)),
    ]


def _call(cli: Cli, method: str, path: str) -> Any:
    url = f"http://127.0.0.1:{cli.port('consul_http')}{path}"
    request = urllib.request.Request(url, method=method, headers={"X-Consul-Token": cli.token("management")})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read() or b"null")


def _listed(cli: Cli, port: int) -> bool:
    with urllib.request.urlopen(f"http://127.0.0.1:{cli.port('fabio_ui')}/api/routes", timeout=10) as answer:
        return any(f":{port}/" in route["dst"] for route in json.loads(answer.read()))


def _gone_s(cli: Cli) -> float:
    """Seconds from maintenance mode of one manager until Fabio no longer lists it."""
    one = next(each for each in cli.status()["instances"] if each["service"] == "manager")
    path = f"/v1/agent/service/maintenance/{one['id']}"
    began = time.monotonic()
    _call(cli, "PUT", f"{path}?enable=true&reason=bench")
    until("gone from the table", lambda: not _listed(cli, one["port"]), 10, POLL_S)
    took = time.monotonic() - began
    _call(cli, "PUT", f"{path}?enable=false")
    until("listed again", lambda: _listed(cli, one["port"]), 10)
    return took


def _rolled(cli: Cli) -> tuple[int, int]:
    """Failed and answered requests while both managers are replaced, twice."""
    operator = {"headers": {"Authorization": f"Bearer {cli.token('operator')}"}}
    looked = ("GET", f"{cli.fabio}/api/v1/overview", operator)
    with Load([looked, ("POST", f"{cli.fabio}/nosuch", {})], per_s=50) as load:
        for number in range(2):
            roll(cli, "manager", {"count": "2", "version": f"bench-{number}"})
    # The POST goes to a path that the manager does not have: its own 404 is an answer, a router's 5xx is a failure.
    failures = [each for each in load.result.failures if ": 404" not in each]
    return len(failures), load.result.answered + load.result.statuses[404]
