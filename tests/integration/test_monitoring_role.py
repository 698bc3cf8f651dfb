"""What the role `monitoring` writes, read by the programs that it is for."""

import itertools
import json
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from engine_processes import Child
from monitoring_checks import panels, rules
from monitoring_stack import DASHBOARD, ROLE, RULES, render
from waiting import until

needs = {
    name: pytest.mark.skipif(shutil.which(name) is None, reason=f"needs {name} (tests/runner/packages.py)")
    for name in ("promtool", "amtool", "rsyslogd")
}
PROMETHEUS = {
    "hoploom_dc": "dc1",
    "monitoring_interval": "15s",
    "monitoring_alertmanager": "127.0.0.1:9093",
    "monitoring_prometheus": "127.0.0.1:9090",
    "monitoring_targets_file": "/var/lib/prometheus/targets/consul.json",
}
MAIL = {
    "monitoring_mail_to": ["ops@example.org", "night@example.org"],
    "monitoring_mail_from": "hoploom@example.org",
    "monitoring_mail_smarthost": "mail.example.org:587",
    "monitoring_mail_tls": True,
    "monitoring_mail_user": "hoploom",
    "monitoring_mail_password_file": "/etc/prometheus/mail-password",
}
NOBODY: dict[str, object] = {"monitoring_mail_to": [], "monitoring_webhooks": []}
HOOK = {"monitoring_webhooks": ["https://chat.example.org/hooks/x"]}


def checked(*words: str) -> str:
    ran = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


@needs["promtool"]
def test_promtool_is_content_with_the_configuration(tmp_path: Path) -> None:
    for each in RULES:
        shutil.copy(each, tmp_path)
    path = tmp_path / "prometheus.yaml"
    path.write_text(render("prometheus.yml.j2", {**PROMETHEUS, "monitoring_rules_dir": str(tmp_path)}))
    assert f"{len(RULES)} rule files found" in checked("promtool", "check", "config", str(path))


@needs["amtool"]
@pytest.mark.parametrize(
    ("what", "values", "told"),
    [
        ("mail and webhook", {**MAIL, **HOOK}, {"ops@example.org", "night@example.org", "chat.example.org"}),
        ("mail alone, without a user", {**NOBODY, **MAIL, "monitoring_mail_user": ""}, {"ops@example.org"}),
        ("webhook alone", {**NOBODY, **HOOK}, {"chat.example.org"}),
        ("nobody", NOBODY, set()),
    ],
)  # fmt: skip
def test_amtool_is_content_with_whoever_is_told(
    what: str, values: Mapping[str, object], told: set[str], tmp_path: Path
) -> None:
    path = tmp_path / "alertmanager.yml"
    path.write_text(render("alertmanager.yml.j2", values))
    assert "1 receivers" in checked("amtool", "check-config", str(path)), what
    assert all(each in path.read_text() for each in told)
    for severity in ("critical", "warning"):
        route = checked("amtool", "config", "routes", "test", f"--config.file={path}", f"severity={severity}")
        assert route.splitlines()[0] == "operators"


def test_no_two_panels_lie_on_one_another_and_each_has_an_own_id() -> None:
    assert len({each["id"] for each in panels()}) == len(panels())
    places = [each["gridPos"] for each in panels()]
    for one, other in itertools.combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above, (one, other)
    assert all(each["x"] + each["w"] <= 24 for each in places)


def test_the_dashboard_asks_only_the_data_source_that_is_chosen() -> None:
    document: dict[str, Any] = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    [variable] = document["templating"]["list"]
    assert (variable["type"], variable["query"]) == ("datasource", "prometheus")
    shown = [each for each in panels() if each["type"] != "row"]
    assert {each["datasource"]["uid"] for each in shown} == {f"${{{variable['name']}}}"}
    assert all(target["refId"] and target["expr"] for each in shown for target in each["targets"])
    assert (document["id"] if "id" in document else None, document["schemaVersion"] >= 36) == (None, True)


def test_the_runbook_has_a_paragraph_for_every_alert_and_for_no_other() -> None:
    text = (ROLE / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| <a id=\"(\w+)\">", text, re.MULTILINE)) == {each["alert"].lower() for each in rules()}
    for each in rules():
        assert each["annotations"]["runbook"] == f"ansible/roles/monitoring/README.md#{each['alert'].lower()}"
        assert each["annotations"]["summary"]
        assert each["labels"]["severity"] in ("critical", "warning")


def test_what_a_certificate_says_is_written_for_the_node_exporter(tmp_path: Path) -> None:
    (tmp_path / "broken.pem").write_text("no certificate")
    out = tmp_path / "certificates.prom"
    checked(str(ROLE / "files" / "certificates.sh"), str(out), str(tmp_path), "/nonexistent")
    assert "hoploom_certificate_not_after_seconds{" not in out.read_text(), "and what is none is passed over"
    checked("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
            "/CN=x", "-days", "9", "-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "a.pem"))  # fmt: skip
    checked(str(ROLE / "files" / "certificates.sh"), str(out), str(tmp_path))
    values = dict(line.rsplit(" ", 1) for line in out.read_text().splitlines() if not line.startswith("#"))
    ends, seen = (int(values[name]) for name in sorted(values, key=len, reverse=True))
    assert 8.9 * 86_400 < ends - seen < 9.1 * 86_400


class Collector:
    """Takes lines by TCP."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._take, args=(connection,), daemon=True).start()

    def _take(self, connection: socket.socket) -> None:
        with connection, connection.makefile(encoding="utf-8") as file:
            self.lines.extend(file)

    def close(self) -> None:
        self._socket.close()


@needs["rsyslogd"]
def test_logs_of_services_and_agents_come_as_json_lines(tmp_path: Path) -> None:
    logs = tmp_path / "alloc" / "1" / "alloc" / "logs"
    logs.mkdir(parents=True)
    (logs / "input.stderr.0").write_text('{"event": "registered", "instance_id": "input-1"}\n', encoding="utf-8")
    collector, heard = Collector(), tmp_path / "log"
    role = render("rsyslog.conf.j2", {"monitoring_logs_to": collector.address,
                                      "monitoring_alloc_dir": str(tmp_path / "alloc")})
    # What Debian's own file says before it.
    before = (f'global(workDirectory="{tmp_path}")\nmodule(load="imuxsock" SysSock.Use="off")\n'
              f'input(type="imuxsock" Socket="{heard}" CreatePath="on")\n')
    config = tmp_path / "rsyslog.conf"
    config.write_text(before + role, encoding="utf-8")
    checked("rsyslogd", "-N1", "-f", str(config))
    child = Child(["rsyslogd", "-n", "-f", str(config), "-i", str(tmp_path / "pid")], tmp_path / "out")
    child.start()
    try:
        until("its socket", heard.exists, 10)
        checked("logger", "-u", str(heard), "-t", "consul", 'a "word"')
        checked("logger", "-u", str(heard), "-t", "cron", "of no interest")
        until("both lines", lambda: len(collector.lines) > 1, 15)
    finally:
        child.stop()
        collector.close()
    found = sorted((json.loads(line) for line in collector.lines), key=len)
    assert found[0] == {"event": "registered", "instance_id": "input-1"}
    assert (found[1]["module"], found[1]["event"].strip(), len(found)) == ("consul", 'a "word"', 2)
