"""`python3 tests lab monitoring`: the whole playbook on one bare host, and what its Prometheus sees then.

Every target is up, the units and certificates of the host are seen, a Fabio that is stopped is told of, a second run
changes nothing and check mode neither. The lab's hosts have no package mirror, so Debian's packages come from here.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hoploom import __version__
from hoploom.archive.making import Wanted, make
from lab.hosts import Host, Lab, unmet
from lab.hosts.playbook import Played
from waiting import until

PACKAGES = ("prometheus", "prometheus-alertmanager", "prometheus-node-exporter", "prometheus-exporter-exporter",
            "rsyslog", "libestr0", "libfastjson4")  # fmt: skip
ROLES = ("consul_servers", "nomad_servers", "nomad_clients", "fabio", "workers", "monitoring")
JOBS = {"input", "output", "manager", "ping", "consul", "nomad-server", "nomad-client", "fabio", "node",
        "prometheus", "alertmanager"}  # fmt: skip


class Trial:
    """One host with everything on it."""

    def __init__(self, lab: Lab, source: Path) -> None:
        """Have the secrets of the mesh made."""
        self._lab, password = lab, lab.folder / "password"
        password.write_text("of the lab\n", encoding="ascii")
        self._words = ("--vault-password-file", str(password))
        mirrored = {"hoploom_mirror": lab.mirror, "hoploom_mirror_sha256": sums(lab.mirror_folder)}
        self._given = json.dumps({"hoploom_source": str(source), **mirrored})
        made = lab.playbook("secrets.yml", "-e", f"secrets_password_file={password}")
        assert made.rc == 0, made.output

    def bring_packages(self) -> None:
        """Put the files of Debian's packages, as this machine has them, onto the host."""
        listed = subprocess.run(["dpkg", "-L", *PACKAGES], capture_output=True, text=True, check=True).stdout
        names = sorted({each for each in listed.splitlines() if Path(each).is_file() or Path(each).is_symlink()})
        archive = self._lab.folder / "packages.tar"
        subprocess.run(["tar", "-cPf", archive, "--no-recursion", "-T", "-"], input="\n".join(names), text=True,
                       check=True)  # fmt: skip
        ssh = f"ssh -F {self._lab.access.config} a1 sudo tar -xPf - < {archive}"
        ran = self._lab.keeper.run("sh", "-c", ssh, timeout_s=60)
        assert ran.rc == 0, ran.err

    def play(self, *words: str) -> Played:
        """The whole playbook."""
        return self._lab.playbook("site.yml", "-e", self._given, *self._words, *words)

    def ask(self, path: str, port: int = 9090) -> Any:
        """What Prometheus (or another, on loopback of the host) answers; None where it does not."""
        ran = self._lab.ssh("a1", f"curl -sf 'http://127.0.0.1:{port}{path}'")
        return json.loads(ran.out) if ran.rc == 0 else None

    def query(self, expression: str) -> list[dict[str, Any]]:
        """An instant vector."""
        answer = self.ask(f"/api/v1/query?{urllib.parse.urlencode({'query': expression})}")
        return list(answer["data"]["result"]) if answer else []

    def targets_are_up(self) -> None:
        """Whatever runs on the host is found and scraped."""

        def up() -> set[str]:
            return {each["metric"]["job"] for each in self.query("up == 1")}

        until(f"{sorted(JOBS)} up", lambda: up() == JOBS, 120, 2.0)
        active = 'node_systemd_unit_state{name="consul.service",state="active"} == 1'
        until("units", lambda: self.query(active), 60, 2.0)
        until("certificates", lambda: len(self.query("hoploom_certificate_not_after_seconds > time()")) > 3, 60, 2.0)
        told = self._lab.call("GET", f"http://{self._lab.seats['a1'].address}:9996/proxy?module=consul")
        assert b"consul_raft" in told[1]

    def who_stops_is_told_of(self) -> None:
        """A Fabio that is stopped is an alert within a minute or two, and none when it is back."""
        self._lab.ssh("a1", "sudo systemctl stop fabio")

        def known() -> list[str]:
            return [each["labels"]["alertname"] for each in self.ask("/api/v2/alerts", 9093) or ()]

        until("the alert", lambda: "InstanceDown" in known(), 180, 2.0)
        self._lab.ssh("a1", "sudo systemctl start fabio")
        until("its end", lambda: not self.query('ALERTS{alertname="InstanceDown"}'), 180, 2.0)

    def removed(self) -> None:
        """With the host's removal nothing of it runs or holds a token."""
        played = self._lab.playbook("remove.yml", "-e", "remove=all", "-e", "remove_results=true", *self._words)
        assert played.rc == 0, played.output
        left = self._lab.ssh("a1", "systemctl list-units --all 'prometheus*' 'hoploom*' --state=active --no-legend").out
        assert "scrape" not in left and "exporter-exporter" not in left and "timer" not in left, left
        places = "/etc/prometheus /etc/rsyslog.d /etc/systemd"
        found = self._lab.ssh("a1", f"sudo grep -rlE 'X-Consul-Token|hoploom' {places}").out
        assert found == "", found


def sums(folder: Path) -> dict[str, str]:
    """SHA-256 of the mirror's archives by name."""
    lines = (folder / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    return {name.lstrip("*"): each for each, name in (line.split() for line in lines)}


def run(source: Path) -> None:
    """All of it, in order."""
    variables = {
        "hoploom_home_dc": "dc1",
        "hoploom_networks": ["10.71.0.0/16", "fd71::/16"],
        "hoploom_version": __version__,
        "monitoring_install": False,
        "monitoring_webhooks": ["http://127.0.0.1:9/nobody"],
    }
    with Lab([Host("a1", dc="dc1", groups=ROLES)], variables) as lab:
        trial = Trial(lab, source)
        trial.bring_packages()
        played = trial.play()
        assert played.rc == 0, played.output
        print(f"site.yml: {played.stats}", flush=True)
        trial.targets_are_up()
        print("every target is up", flush=True)
        for words in ((), ("--check", "--diff")):
            again = trial.play(*words)
            assert (again.rc, again.stats["a1"]["changed"]) == (0, 0), again.output
            print(f"again {' '.join(words)}: {again.stats}", flush=True)
        trial.who_stops_is_told_of()
        print("who stopped was told of, and of its return", flush=True)
        trial.removed()
        print("removed", flush=True)


def main(words: Sequence[str]) -> int:
    """Run it; exit code 0 where all went well."""
    parser = argparse.ArgumentParser(prog="tests lab monitoring", description=__doc__)
    parser.parse_args(words)
    lacking = unmet() or next((f"needs the package {each}" for each in PACKAGES if not _is_here(each)), None)
    if lacking:
        print(lacking, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        make(Wanted(), Path(folder))
        run(Path(folder))
    return 0


def _is_here(package: str) -> bool:
    return shutil.which("dpkg") is not None and not subprocess.run(
        ["dpkg", "-L", package], capture_output=True, check=False
    ).returncode
