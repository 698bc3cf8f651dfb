"""Prometheus, Alertmanager and the exporters as the role `monitoring` sets them up, beside a local mesh.

The configuration is the role's own templates with the ports of the mesh; alerts come to a receiver of the test.
"""

import contextlib
import http.server
import json
import re
import shutil
import threading
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jinja2

from engine_processes import Child, ask, free_ports
from local_cli import HOPLOOM, Cli
from waiting import until

ROLE = Path(__file__).resolve().parents[1] / "ansible" / "roles" / "monitoring"
RULES = sorted((ROLE / "files" / "rules").glob("*.yml"))
DASHBOARD = ROLE / "files" / "dashboard.json"
PROGRAMS = (
    "prometheus", "promtool", "amtool", "prometheus-alertmanager", "prometheus-node-exporter",
    "prometheus-exporter-exporter",
)  # fmt: skip
MISSING = [each for each in PROGRAMS if shutil.which(each) is None]
MODULES = ("consul", "nomad-server", "nomad-client", "fabio", "node")
UP_S = 30.0


def render(name: str, values: Mapping[str, Any]) -> str:
    """A template of the role, as Ansible renders it."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROLE / "templates"),
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name).render(values)


def _hasty(text: str) -> str:
    """The same with waits of a second: a test does not wait for minutes."""
    return re.sub(r"(for|group_wait|group_interval): \d+[smhd]", r"\1: 1s", text)


class Receiver:
    """A webhook that keeps what Alertmanager posts."""

    def __init__(self) -> None:
        """Listen."""
        heard = self.heard = list[dict[str, Any]]()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def alerts(self, name: str) -> list[dict[str, Any]]:
        """All that came of one alert."""
        return [each for group in self.heard for each in group["alerts"] if each["labels"]["alertname"] == name]

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()


class Stack:
    """The running programs."""

    def __init__(self, cli: Cli, folder: Path, interval: str = "1s") -> None:
        """Write every configuration."""
        self._cli, self._folder, self.receiver = cli, folder, Receiver()
        self._ports = dict(zip(("prometheus", "alertmanager", "exporter", "node"), free_ports(4), strict=True))
        self.url = f"http://127.0.0.1:{self._ports['prometheus']}"
        self.values = {
            "hoploom_dc": "dc1",
            "monitoring_interval": interval,
            "monitoring_rules_dir": str(folder / "rules"),
            "monitoring_alertmanager": f"127.0.0.1:{self._ports['alertmanager']}",
            "monitoring_prometheus": f"127.0.0.1:{self._ports['prometheus']}",
            "monitoring_targets_file": str(folder / "targets.json"),
            "monitoring_token": cli.token("prometheus"),
            "monitoring_address": "127.0.0.1",
            "monitoring_exporter_port": self._ports["exporter"],
            "monitoring_modules": MODULES,
            "monitoring_ports": {
                "consul": cli.port("consul_http"),
                "nomad-server": cli.port("nomad_http"),
                "nomad-client": cli.port("nomad_client_http"),
                "fabio": cli.port("fabio_metrics"),
                "node": self._ports["node"],
            },
            "monitoring_mail_to": [],
            "monitoring_webhooks": [self.receiver.url],
        }
        (folder / "rules").mkdir(parents=True)
        for rules in RULES:
            (folder / "rules" / rules.name).write_text(_hasty(rules.read_text(encoding="utf-8")), encoding="utf-8")
        for name in ("prometheus", "alertmanager", "exporter-exporter"):
            text = _hasty(render(f"{name}.yml.j2", self.values))
            (folder / f"{name}.yml").write_text(text, encoding="utf-8")
        self._children = [Child(command, folder / f"{Path(command[0]).name}.log") for command in self._commands()]

    def _commands(self) -> list[list[str]]:
        folder, ports = self._folder, self._ports
        return [
            ["env", f"HOPLOOM_STATE={self._cli.state}", f"HOPLOOM_MESH={self._cli.mesh}",
             str(HOPLOOM), "scrape", "-o", str(folder / "targets.json")],
            ["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{ports['node']}",
             f"--collector.textfile.directory={folder}"],
            ["prometheus-exporter-exporter", f"-config.file={folder}/exporter-exporter.yml",
             f"-web.listen-address=127.0.0.1:{ports['exporter']}"],
            ["prometheus-alertmanager", f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/am",
             f"--web.listen-address=127.0.0.1:{ports['alertmanager']}", "--cluster.listen-address="],
            ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/tsdb",
             f"--web.listen-address=127.0.0.1:{ports['prometheus']}"],
        ]  # fmt: skip

    def start(self) -> None:
        """Register the host's metrics page as its agent's file does, and start everything."""
        # The same text that Consul reads on hosts, by its own command.
        path = self._folder / "host-metrics.hcl"
        path.write_text(render("host-metrics.hcl.j2", self.values), encoding="utf-8")
        consul = json.loads((self._cli.root / "mesh.json").read_text(encoding="utf-8"))["engines"]["consul"]
        register = Child(
            [consul, "services", "register", f"-http-addr=127.0.0.1:{self._cli.port('consul_http')}",
             f"-token-file={self._cli.root / 'tokens' / 'prometheus'}", str(path)], self._folder / "register.log",
        )  # fmt: skip
        register.start()
        assert register.process is not None
        assert register.process.wait(20) == 0, register.log.read_text()
        for child in self._children:
            child.start()
        until("Prometheus", lambda: ask("GET", f"{self.url}/api/v1/status/buildinfo"), UP_S)

    def close(self) -> None:
        """End everything."""
        for child in reversed(self._children):
            child.stop()
        self.receiver.close()

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The instant vector of an expression; fails where Prometheus refuses it."""
        answer = ask("GET", f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': expression})}")
        assert answer is not None, f"Prometheus refuses {expression}"
        return list(answer["data"]["result"])

    def targets(self) -> list[dict[str, Any]]:
        """What is scraped."""
        return list((ask("GET", f"{self.url}/api/v1/targets?state=active") or {"data": {}})["data"]["activeTargets"])

    def names(self) -> set[str]:
        """Names of all metrics that were ever scraped, or are told by those that are scraped, with no value yet."""
        told = ask("GET", f"{self.url}/api/v1/metadata")["data"]
        return {*ask("GET", f"{self.url}/api/v1/label/__name__/values")["data"], *told}


@contextlib.contextmanager
def stack(cli: Cli, folder: Path) -> Iterator[Stack]:
    """Prometheus and the rest beside a mesh, for as long as the block takes."""
    made = Stack(cli, folder)
    try:
        made.start()
        yield made
    finally:
        made.close()
