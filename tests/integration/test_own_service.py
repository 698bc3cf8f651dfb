"""Anybody's service by the words of its README: written, placed by Nomad, seen, deployed, and gone with the mesh."""

import json
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_cli import Cli
from waiting import until


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    made = Cli(tmp_path / "state")
    monkeypatch.chdir(tmp_path)
    try:
        made.good("up", "--only", "engines", "--detach")
        yield made
    finally:
        made.run("down", "--purge")


def hello(cli: Cli) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(f"{cli.fabio}/orders/world", timeout=10) as answer:
            found: dict[str, Any] = json.loads(answer.read())
            return found
    except OSError:
        return {}


def test_a_service_of_ones_own_is_placed_seen_deployed_and_taken_down(cli: Cli, tmp_path: Path) -> None:
    cli.good("new", "orders")
    ran = cli.good("run", "orders/orders.nomad.hcl", "--var", "count=1")
    # No waiting: what it says is there answers.
    first = hello(cli)["instance"]
    assert "count=1" in ran and f"{first} on " in ran and "passing and in 1/1 Fabios" in ran
    assert f"registered {first}" in cli.good("logs", "orders")
    assert cli.good("logs", first) == cli.good("logs", first[:11])
    service = tmp_path / "orders" / "service.py"
    service.write_text(service.read_text(encoding="utf-8").replace('"hello"', '"good day"'), encoding="utf-8")
    cli.good("deploy", "orders", "--version", "1.0.1", "--now")
    assert "good day" in until("an answer", lambda: hello(cli), 10)
    assert "stopped" in cli.good("logs", first), "what an instance has said is there when it has gone"
    refused = cli.run("run", "orders/orders.nomad.hcl", "--var", "verison=1.0.2")
    assert (refused.returncode, "no variable 'verison'" in refused.stderr) == (2, True)
    cli.good("down")
    assert not [each for each in Path("/proc").glob("[0-9]*") if _is_of(each, tmp_path)]


def _is_of(process: Path, folder: Path) -> bool:
    try:
        return process.name != str(os.getpid()) and str(folder).encode() in (process / "cmdline").read_bytes()
    except OSError:
        return False
