"""`python3 tests lab worker`: a bare Debian host behind masquerade becomes a worker by the one command, and leaves.

A mesh of one host, whose managers are reached by Fabio's HTTPS alone. The worker's host has nothing of Ansible's: it
joins by what `hoploom worker invite` prints, with the token typed on a terminal; it works, is seen, loses its power, is
killed and hangs, is revoked and let in again, and in the end nothing of it is left on either side.
"""

import json
import shlex
import time
from collections.abc import Sequence
from typing import Any

from hoploom.archive.making import Wanted, make
from lab.hosts import Host, Lab, inventory
from lab.site import SERVERS, Site, changed, prepare, write_variables
from waiting import until

MESH, PI = "a1", "e1"
HOSTS = (Host(MESH, groups=(*SERVERS, "nomad_clients", "fabio")), Host(PI, dc="edge"))
URL = f"https://{MESH}"
WORKER = "pi-attic"
OPERATOR = "/etc/hoploom/tokens/manager-operator"
HOPLOOM = f"/opt/hoploom/bin/hoploom worker {{}} --url {URL} --operator-token-file {OPERATOR} " \
          "--mesh-ca-file /etc/hoploom/ca.pem"
UNIT = "hoploom-worker"
CURL = "export CURL_CA_BUNDLE=/root/mesh-ca.pem"
LEFT = f"find / -xdev -name '*hoploom*' -not -path '/proc/*' -not -path '/sys/*'; getent passwd {UNIT}; " \
       f"getent group {UNIT}; systemctl list-unit-files --no-legend '*hoploom*'; ps -e -o args= | grep 'opt/[h]oploom'"
MOST_EXPOSED = 2.5
TYPING_S = 10
"""So long somebody looks for the token; what is typed before it is asked for is shown by the terminal."""


class Trial:
    """One run.

    Attributes:
        wrong: What must not have been.
    """

    def __init__(self, lab: Lab, site: Site) -> None:
        """Run on these hosts."""
        self.lab, self.site = lab, site
        self.wrong: list[str] = []
        self._began = time.monotonic()

    def see(self, what: str, good: object) -> None:
        """Say what was seen, and remember what is wrong."""
        print(f"{time.monotonic() - self._began:6.1f} s  {'ok   ' if good else 'WRONG'}  {what}", flush=True)
        if not good:
            self.wrong.append(what)

    def wait(self, what: str, found: Any, within_s: float = 60) -> None:
        """Wait for something, and say that it came."""
        try:
            until(what, found, within_s)
        except AssertionError as error:
            self.see(f"{what}: {error}"[:300], good=False)
            print(self.pi(f"systemctl status {UNIT} --no-pager; journalctl -u {UNIT} -n 15 --no-pager")[-3000:])
        else:
            self.see(what, good=True)

    def pi(self, command: str, timeout_s: float = 60) -> str:
        """What a command says on the worker's host."""
        ended = self.lab.ssh(PI, command, timeout_s=timeout_s)
        return f"{ended.out}{ended.err}".strip()

    def operate(self, verb: str, *words: str) -> dict[str, Any]:
        """What an operator's verb answers on the mesh's host."""
        ended = self.lab.ssh(MESH, f"{HOPLOOM.format(verb)} --json {shlex.join(words)}")
        assert ended.rc == 0, ended.out + ended.err
        found: dict[str, Any] = json.loads(ended.out)
        return found

    def seen(self) -> dict[str, Any]:
        """What the managers have heard of the worker."""
        try:
            found: dict[str, Any] = self.operate("show", WORKER)
        except AssertionError:
            return {}
        return found.get("seen") or {}

    def in_consul(self) -> str:
        """The worst status of the worker's node in Consul; empty where it has none."""
        token = '-H "X-Consul-Token: $(cat /etc/hoploom/tokens/input)"'
        out = self.lab.ssh(MESH, f"curl -s {token} http://127.0.0.1:8500/v1/health/service/ping").out
        rows = [each for each in json.loads(out or "[]") if each["Node"]["Node"] == f"edge-{WORKER}"]
        statuses = {check["Status"] for each in rows for check in each["Checks"]}
        return next((each for each in ("critical", "warning", "passing") if each in statuses), "")

    def campaign(self, name: str, kind: str) -> None:
        """Have the mesh's host and its router probed by every worker."""
        targets = [f"{self.lab.seats[MESH].v4}/32", "10.71.1.254/32"]
        wish = {"v": 1, "id": name, "blocks": targets, "allow_private": True, "apart": True, "probe": {"kind": kind}}
        header = f'-H "Authorization: Bearer $(cat {OPERATOR})" -H "Content-Type: application/json"'
        url = "http://127.0.0.1:9999/api/v1/campaigns"
        said = self.lab.ssh(MESH, f"curl -sS {header} {url} -d {shlex.quote(json.dumps(wish))}").out
        assert '"id"' in said, said

    def asked(self, path: str) -> tuple[int, bytes]:
        """What the mesh answers its operators."""
        bearer = {"Authorization": f"Bearer {self.lab.ssh(MESH, f'cat {OPERATOR}').out.strip()}"}
        url = f"http://{self.lab.seats[MESH].v4}:9999{path}"
        status, body, _ = self.lab.call("GET", url, headers=bearer)
        return status, body

    def results(self, name: str) -> dict[str, Any]:
        """What is stored of the worker's own part of a campaign."""
        status, body = self.asked(f"/api/v1/summary/{name}")
        found: dict[str, dict[str, Any]] = json.loads(body)["summary"] if status == 200 else {}
        return found.get(WORKER, {})


def join(trial: Trial) -> None:
    """Invite, and run what is printed, with the token on a terminal."""
    found = trial.operate("invite", WORKER, "--place", "Tampere, FI")
    trial.see(f"printed: {found['command']}", found["command"] == f"curl -fsS {URL}/join | sudo sh")
    authority = trial.lab.ssh(MESH, "cat /etc/hoploom/ca.pem").out
    trial.pi(f"cat >/root/mesh-ca.pem <<'END'\n{authority}END")
    # The lab's mesh has an authority of its own; with a public one nothing but the command is needed.
    command = f"{CURL}; {found['command']}"
    ssh = shlex.join(["ssh", "-tt", "-F", str(trial.lab.access.config), PI, command])
    ended = trial.lab.keeper.run("sh", "-c", f"(sleep {TYPING_S}; echo {found['token']}) | {ssh}", timeout_s=180)
    print("        | " + ended.out.replace("\r", "").replace("\n", "\n        | "), flush=True)
    trial.see("the command ends well, and the token is not shown", ended.rc == 0 and found["token"] not in ended.out)


def look(trial: Trial) -> None:
    """What stands on the host, and what the mesh sees."""
    exposure = float(trial.pi(f"systemd-analyze security --no-pager {UNIT} | grep Overall").split(": ")[1].split()[0])
    trial.see(f"exposure {exposure}, at most {MOST_EXPOSED}", exposure <= MOST_EXPOSED)
    pid = trial.pi(f"systemctl show -P MainPID {UNIT}")
    caps = trial.pi(f"grep CapEff /proc/{pid}/status").split()[-1]
    trial.see(f"capabilities {caps}: CAP_NET_RAW alone", int(caps, 16) == 1 << 13)
    trial.see("nothing listens", f"pid={pid}," not in trial.pi("ss -ltnup"))
    trial.wait("a manager hears of it", lambda: trial.seen().get("status") == "passing")
    trial.wait("Consul shows its node as passing", lambda: trial.in_consul() == "passing")


def work(trial: Trial) -> None:
    """Probe the lab by the owner's leave, and hide what the owner hides."""
    allow = "s/^allow_private: false/allow_private: true/"
    trial.pi(f"sed -i '{allow}' /etc/hoploom/worker.yaml; systemctl restart {UNIT}")
    trial.campaign("pings", "ping")
    trial.campaign("paths", "trace")
    trial.wait("its pings are stored", lambda: trial.results("pings").get("answered") == 2, 90)
    trial.wait("its traceroutes are stored", lambda: trial.results("paths").get("answered") == 2, 90)
    _, shown = trial.asked("/api/v1/results?kind=trace&limit=100")
    trial.see("the owner's first hop is in no result", b"192.168.71.254" not in shown and b"10.71.1" in shown)


def again(trial: Trial) -> None:
    """The same command again, as for an upgrade, asks for no token; and the playbook changes nothing."""
    ended = trial.lab.ssh(PI, f"{CURL}; curl -fsS {URL}/join | sudo sh", timeout_s=120)
    trial.see("said again, it asks for nothing and ends well", ended.rc == 0 and "Token" not in ended.out)
    trial.wait("and works on", lambda: trial.pi(f"systemctl is-active {UNIT}") == "active")
    played = trial.site.play("site.yml")
    trial.see(f"the playbook again: changed {changed(played)}", changed(played) == {MESH: 0})


def suffer(trial: Trial) -> None:
    """Power, kill -9, a process that hangs."""
    before = trial.seen().get("boot", 0)
    trial.lab.power_off(PI)
    trial.wait("silent: Consul shows it as critical", lambda: trial.in_consul() == "critical", 120)
    trial.lab.boot(PI)
    trial.wait("after the reboot it is heard again", lambda: trial.seen().get("boot", 0) > before, 90)
    trial.wait("Consul shows it as passing again", lambda: trial.in_consul() == "passing", 90)
    trial.pi(f"systemctl kill -s KILL {UNIT}")
    trial.wait("killed, it is started again", lambda: trial.pi(f"systemctl show -P NRestarts {UNIT}") == "1")
    trial.wait("and is up", lambda: trial.pi(f"systemctl is-active {UNIT}") == "active")
    trial.pi(f"kill -STOP $(systemctl show -P MainPID {UNIT})")
    trial.wait("hung, its watchdog starts it again", lambda: trial.pi(f"systemctl show -P NRestarts {UNIT}") == "2", 90)
    trial.wait("and is up again", lambda: trial.pi(f"systemctl is-active {UNIT}") == "active")


def revoke(trial: Trial) -> None:
    """Shut it out, and let it in again."""
    trial.operate("revoke", WORKER)
    trial.wait("revoked, it says so itself", lambda: "revoked" in trial.pi(f"systemctl show -P StatusText {UNIT}"), 60)
    trial.operate("revoke", WORKER, "--undo")
    trial.wait("let in again", lambda: "revoked" not in trial.pi(f"systemctl show -P StatusText {UNIT}"), 90)


def leave(trial: Trial, before: str) -> None:
    """Nothing is left."""
    said = trial.pi("hoploom worker leave --purge", timeout_s=120)
    print("        | " + said.replace("\n", "\n        | "), flush=True)
    left = trial.pi(LEFT)
    trial.see(f"nothing is left on the host: {left!r}"[:600], left == before)
    trial.wait("Consul has no node of it", lambda: not trial.in_consul())
    trial.see("the mesh knows no worker of that name", not trial.operate("ls")["workers"])


def main(words: Sequence[str]) -> int:
    """Everything, one after another; returns the exit code."""
    del words
    with Lab(HOSTS) as lab:
        # The mesh does not manage the worker's host.
        inventory.write(lab.inventory, {MESH: lab.seats[MESH]}, {}, lab.access.config)
        make(Wanted(part="worker"), lab.mirror_folder)
        site = prepare(lab)
        write_variables(lab, "worker", {"nomad_job_variables": {"manager": {"urls": URL}}})
        played = site.play("site.yml")
        if played.rc:
            print(played.output)
            return 1
        trial = Trial(lab, site)
        before = trial.pi(LEFT)
        for step in (join, look, work, again, suffer, revoke):
            step(trial)
        leave(trial, before)
        print(f"{len(trial.wrong)} wrong" if trial.wrong else "all well", flush=True)
        return int(bool(trial.wrong))
