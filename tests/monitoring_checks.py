"""What is looked at where the role's Prometheus and Alertmanager run beside a real mesh (`monitoring_stack`)."""

import contextlib
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from local_cli import Cli
from monitoring_stack import DASHBOARD, MODULES, ROLE, RULES, Stack, stack
from waiting import until

SERVICES = {"input", "output", "manager", "ping"}
WITHIN_S = 30.0
# What begins so in a query is a metric, but for the label that the configuration makes.
_NAME = re.compile(r"\b(?:hoploom|consul|nomad|fabio|node|process|prometheus|alertmanager)_\w+")
_LABELS = {"nomad_job"}
# Of hosts with systemd only; the lab has them.
_OF_SYSTEMD = {"node_systemd_unit_state"}


@contextlib.contextmanager
def watched(cli: Cli, folder: Path) -> Iterator[Stack]:
    """A mesh with Prometheus and the rest beside it, and a certificate to look at."""
    with stack(cli, folder) as made:
        key, certificate = folder / "key.pem", folder / "cert.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-subj", "/CN=test", "-days", "9", "-keyout", key, "-out", certificate],
                       check=True, capture_output=True)  # fmt: skip
        subprocess.run([ROLE / "files" / "certificates.sh", folder / "certificates.prom", folder], check=True)
        yield made


def everything_is_scraped(running: Stack) -> None:
    """Every instance and every agent is found and up, and no label was renamed on its way."""

    def up() -> set[str]:
        return {each["labels"]["job"] for each in running.targets() if each["health"] == "up"}

    wanted = {*SERVICES, *MODULES, "prometheus", "alertmanager"}
    until(f"{sorted(wanted)} up", lambda: up() == wanted, WITHIN_S)
    assert not running.query('{__name__=~".+",exported_job!=""}') + running.query('{exported_instance!=""}')
    for each in running.query("hoploom_ready"):
        assert set(each["metric"]) == {"__name__", "instance", "job", "instance_id", "service", "dc"}


def rules() -> list[dict[str, Any]]:
    """All alert rules of the role."""
    documents = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in RULES]
    return [rule for each in documents for group in each["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    """The panels of the dashboard."""
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return found


def queries() -> list[str]:
    """Every expression of the dashboard, with what Grafana puts in."""
    found = [target["expr"] for panel in panels() for target in panel.get("targets", ())]
    return [each.replace("$__rate_interval", "1m") for each in found]


def every_name_exists(running: Stack) -> None:
    """No rule and no panel names a metric that nobody exports."""
    expressions = [*queries(), *(rule["expr"] for rule in rules())]
    named = {name for each in expressions for name in _NAME.findall(each)} - _LABELS - _OF_SYSTEMD
    assert len(named) > 50, "they are found"
    lacking = set(named)

    def all_seen() -> bool:
        lacking.difference_update(running.names())
        return not lacking

    with contextlib.suppress(AssertionError):
        # Some come with the first look of Nomad's leader or of the collector.
        until("every name", all_seen, 5)
    assert not lacking


def every_query_is_taken(running: Stack) -> None:
    """Prometheus can parse and answer every query of the dashboard."""
    for each in queries():
        running.query(each)
    assert running.query("sum(hoploom_leader) > 0")


def who_hangs_is_told_of(running: Stack) -> None:
    """An instance that stops answering is told of by webhook, and told of again when it is back."""
    output = next(each["labels"] for each in running.targets() if each["labels"]["job"] == "output")
    listing = ["ss", "-ltnpH", f"sport = :{output['instance'].rpartition(':')[2]}"]
    labels = {"alertname": "InstanceDown", "dc": "dc1", "severity": "critical", **output}

    def alerts() -> list[dict[str, Any]]:
        # A busy machine may be told of others.
        return [each for each in running.receiver.alerts("InstanceDown") if each["labels"] == labels]

    found = re.search(r"pid=(\d+)", subprocess.run(listing, capture_output=True, text=True, check=True).stdout)
    assert found
    # Not killed: Nomad would start another at its place within a second.
    os.kill(int(found[1]), signal.SIGSTOP)
    try:
        [told, *_] = until("the alert", alerts, WITHIN_S)
    finally:
        os.kill(int(found[1]), signal.SIGCONT)
    assert told["annotations"]["summary"] == f"output at {output['instance']} does not answer"
    until("its end", lambda: "resolved" in [each["status"] for each in alerts()], WITHIN_S)
