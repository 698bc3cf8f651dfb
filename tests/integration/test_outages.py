"""Consul away under load: no instance leaves Fabio's table for it, no request fails, nothing is left over.

As Fabio comes, a clean stop of its agent empties its table; polling is the cure that is tested here.
"""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from load import Load
from local_cli import Cli
from waiting import until

AWAY_S = 60
"""Longer than sessions, locks and the longest wait of a retry; `python3 tests lab outages` takes any other."""


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    cli = Cli(tmp_path_factory.mktemp("state"), "outage")
    try:
        cli.good("up", "--detach", "--no-map", "--outputs", "2")
        yield cli
    finally:
        cli.run("down", "--purge")


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] in "ZX"
    except FileNotFoundError:
        return True


def reads(cli: Cli) -> list[tuple[str, str, dict[str, Any]]]:
    results = f"{cli.fabio}/api/v1/results?limit=1"
    return [("GET", results, {}), ("GET", f"{cli.fabio}/static/page.css", {})]


def test_consul_is_stopped_cleanly_under_load_and_nothing_fails(cli: Cli) -> None:
    before = {each["id"] for each in cli.status()["instances"]}
    pid = cli.pid("consul")
    with Load(reads(cli), per_s=40) as load:
        os.kill(pid, signal.SIGTERM)
        until("the end of Consul", lambda: gone(pid), 15)
        served = len(load.result.failures) + load.result.answered
        # A busy machine sends fewer in a second; those that fail are told below.
        until("enough requests", lambda: len(load.result.failures) + load.result.answered > served + AWAY_S * 30, 170)
        cli.good("up", "--detach", "--no-map", "--outputs", "2")
        until("all passing and routed again", lambda: cli.status()["state"] == "ok", 30)
    assert load.result.failures == []
    assert load.result.answered > AWAY_S * 30
    assert {each["id"] for each in cli.status()["instances"]} == before, "nothing left, nothing orphaned"
