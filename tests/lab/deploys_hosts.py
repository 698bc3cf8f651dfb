"""Three hosts that `ansible/site.yml` made into a mesh, and a HAProxy before their Fabios, as operators have one.

Case c drains a host after the other, case d upgrades all of them, case e kills Consul where it leads, `gone` cuts a
host's power.
"""

import base64
import functools
import json
import math
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from hoploom.archive.making import Wanted, make
from lab.deploys_balancer import Balancer
from lab.deploys_callers import PROGRAM, Callers, Way
from lab.deploys_diary import Diary, played
from lab.deploys_journals import journals
from lab.deploys_operator import as_elsewhere
from lab.deploys_outcome import Case, Felt, Outcome, under
from lab.deploys_rounds import Rounds
from lab.deploys_targets import in_turn, of_services
from lab.hosts import Host, Lab
from lab.security import canaries
from lab.site import EVERY, SERVERS, SERVICES, prepare, sums, write_variables
from vegeta import PER_S, Attack, Target
from waiting import pause, until

HOSTS = tuple(Host(name, groups=(*SERVERS, *EVERY)) for name in ("a1", "a2", "a3"))
COUNT = 3
# The same programs under other numbers: what is rehearsed is the way, not what a version brings.
NEXT = {
    "consul": ("1.22.7", "1.22.8", "consul_{}_linux_amd64.zip"),
    "fabio": ("1.7.2", "1.7.3", "fabio-{}-linux_amd64"),
}
NEXT_HOPLOOM = "0.1.1.dev1"
LOOK_S = 0.5
"""A host without power does not hold up for longer what is seen of the others."""

GONE_S = 40.0
UPGRADE_S = 2400.0
"""More than a playbook takes on any machine."""

UPGRADE_PER_S = 40.0
"""A playbook and the engines of three hosts that start keep two processors busy: more would be an overload."""

_PROGRAM = "/root/deploys_caller_program.py"
_CLIENT = "http://127.0.0.1:4656"


class Hosts:
    """The mesh, while this is entered as a context."""

    def __init__(self, folder: Path, per_s: float = PER_S) -> None:
        """Start nothing yet.

        Args:
            folder: An empty folder for logs.
            per_s: Requests a second.
        """
        self.folder, self.diary, self._per_s = folder, Diary(), per_s
        self._lab, self._ends = Lab(HOSTS), ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as ends:
            lab = ends.enter_context(self._lab)
            self.site = prepare(lab)
            write_variables(lab, "counts", {"nomad_job_variables": {name: {"count": COUNT} for name in SERVICES}})
            self._play("site.yml")
            given = canaries.given(self.site)
            self.nomad_token, self.consul_token = given["nomad_token"], given["management_token"]
            within = ["nsenter", f"--target={lab.keeper.pid}", "--net"]
            self.balancer = Balancer(
                {name: f"{seat.address}:9999" for name, seat in lab.seats.items()}, self.folder, within=within,
                fetch=self._fetched,
            )
            ends.callback(self.balancer.stop)
            self.balancer.start()
            self.within = within
            self.whole()
            self._ends = ends.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def attack(self, name: str, at_most_s: float, at_most_per_s: float = math.inf) -> Attack:
        """The load on all services by way of HAProxy."""
        per_s = min(self._per_s, at_most_per_s)
        folder = self.folder / f"load-{name}"
        return Attack(self._targets(), folder, per_s=per_s, at_most_s=at_most_s, within=self.within)

    def callers(self, host: str) -> Callers:
        """Half as many requests a second to the same services, by the kit, from a host: as if one there asked them."""
        packed = base64.b64encode(PROGRAM.read_bytes()).decode("ascii")
        self._said(host, f"echo {packed} | base64 -d > {_PROGRAM}")
        way = Way("http://127.0.0.1:8500", "http://127.0.0.1:9999", "/etc/hoploom/tokens/manager")
        ssh = ["ssh", "-F", str(self._lab.access.config), host, "/opt/hoploom/bin/python", _PROGRAM]
        command = [*self._lab.keeper.enter, *ssh]
        return Callers(way, of_services("", self._token), per_s=self._per_s / 2, command=command)

    def felt(self, case: str, felt: Sequence[Felt], work: Callable[[], object]) -> list[Outcome]:
        """Do it under these loads; the hosts' journals are read afterwards."""

        def recorded() -> None:
            began_s = time.time()
            try:
                work()
                self.whole()
            finally:
                for each in journals(self._lab, began_s):
                    self.diary.note(each.words, each.at_s)

        return under(case, felt, recorded, self.diary, self.look)

    def look(self) -> dict[str, str]:
        """Where each Fabio sends requests, and which Fabios HAProxy asks."""
        found = {f"HAProxy to {name}": state for name, state in self.balancer.states().items()}
        for name, seat in self._lab.seats.items():
            try:
                targets = self.site.targets(seat.address, name, LOOK_S)
            except (OSError, AssertionError):
                found[f"Fabio of {name}"] = "does not answer"
                continue
            found |= {f"Fabio of {name}: {each}": " ".join(sorted(targets.get(each, ()))) for each in SERVICES}
        return found

    def drain(self, name: str) -> None:
        """Drain a host as a person does, and let it have tasks again."""
        self.diary.note(f"{name} is drained")
        nomad = f"NOMAD_ADDR={_CLIENT} NOMAD_TOKEN={self.nomad_token} nomad node drain -self -yes"
        self._said(name, f"{nomad} -enable -deadline=120s")
        self._said(name, f"{nomad} -disable")
        self.diary.note(f"{name} is open again")

    def kill_leader(self) -> None:
        """Kill Consul on the host where it leads; systemd starts it again."""
        leader = until("a leader of Consul", self._leader, 30)
        self.diary.note(f"Consul on {leader} is killed, which leads")
        self._said(leader, "systemctl kill --signal=KILL consul.service")
        until("another leader", lambda: self._leader() not in ("", leader), 60)
        self.diary.note("another one leads")
        for name in self._lab.seats:
            until(f"Consul on {name}", functools.partial(self._knows_leader, name), 60)

    def _leader(self) -> str:
        """The host whose Consul leads; empty where those that know of one do not agree."""
        addresses = {known for name in self._lab.seats if (known := self._knows_leader(name))}
        named = {f"{seat.address}:8300": name for name, seat in self._lab.seats.items()}
        return named.get(addresses.pop(), "") if len(addresses) == 1 else ""

    def _knows_leader(self, name: str) -> str:
        return str(self._lab.ssh(name, "curl -s -m 5 http://127.0.0.1:8500/v1/status/leader").out.strip().strip('"'))

    def announce(self) -> None:
        """Have the inventory name other versions of Consul, Fabio and hoploom, and the mirror hold them."""
        folder = self._lab.mirror_folder
        make(Wanted(version=NEXT_HOPLOOM), folder)
        for old, new, file in NEXT.values():
            shutil.copy(folder / file.format(old), folder / file.format(new))
        versions = {f"{engine}_version": new for engine, (_, new, _) in NEXT.items()}
        named = {**versions, "hoploom_version": NEXT_HOPLOOM, "hoploom_mirror_sha256": sums(self._lab)}
        write_variables(self._lab, "site_next", named)

    def upgrade(self) -> None:
        """To the versions that were announced, one host at a time, each empty of tasks meanwhile; then the services."""
        began_s = time.time()
        try:
            as_elsewhere(lambda: self._play("upgrade.yml", "-e", "upgrade_drain=true"))
        finally:
            for each in played(self._lab.playbook_log):
                if each.at_s >= began_s:
                    self.diary.note(each.words, each.at_s)

    def cut(self, name: str) -> None:
        """Cut a host's power, and boot it again after a while."""
        self.diary.note(f"{name} has no power")
        self._lab.power_off(name)
        pause(GONE_S)
        self.diary.note(f"{name} is switched on")
        self._lab.boot(name)
        self.whole()
        # Two of three that are away at once are more than three bear.
        until("a vote for each server of Consul", lambda: all(self._votes()), 120)
        self.diary.note("each server of Consul has its vote again")

    def _votes(self) -> list[bool]:
        """Whether each of Consul's servers is healthy, and counts for a quorum."""
        header = f"X-Consul-Token: {self.consul_token}"
        url = "http://127.0.0.1:8500/v1/operator/autopilot/health"
        said = json.loads(self._said(HOSTS[-1].name, f"curl -s -m 5 -H '{header}' {url}"))
        return [each["Healthy"] and each["Voter"] for each in said["Servers"]]

    def whole(self) -> None:
        """Wait until every service is whole at every Fabio, and HAProxy has all of them."""
        for name, seat in self._lab.seats.items():
            until(f"a whole table at {name}", functools.partial(self._is_whole, seat.address, name), 120)
        self.balancer.whole()

    def _is_whole(self, address: str, name: str) -> bool:
        try:
            targets = self.site.targets(address, name)
        except (OSError, AssertionError):
            return False
        return all(len(targets.get(each, ())) >= COUNT for each in SERVICES)

    def _targets(self) -> list[Target]:
        return in_turn(of_services(self.balancer.url, self._token))

    def _token(self, name: str) -> str:
        return self._said(HOSTS[0].name, f"cat /etc/hoploom/tokens/{name}")

    def _play(self, *words: str) -> None:
        played = self.site.play(*words, timeout_s=UPGRADE_S)
        assert played.rc == 0, played.output

    def _said(self, host: str, command: str) -> str:
        ended = self._lab.ssh(host, command, timeout_s=300)
        assert ended.rc == 0, ended.out + ended.err
        return ended.out.strip()

    def _fetched(self, url: str) -> str:
        try:
            return self._lab.call("GET", url)[1].decode()
        except OSError:
            return ""


def drained(hosts: Hosts, rounds: Rounds) -> list[Outcome]:
    """Case c: one host after the other is drained, and opened again."""

    def work() -> None:
        for number in rounds:
            hosts.drain(HOSTS[number % len(HOSTS)].name)
            hosts.whole()

    felt = [Felt(lambda: f"a host of {len(HOSTS)} drained {rounds.times}", hosts.attack("c", rounds.attack_s))]
    return hosts.felt("c", felt, work)


def upgraded(hosts: Hosts, rounds: Rounds) -> list[Outcome]:
    """Case d: every host is upgraded once, whatever the rounds: there is one next version.

    `upgrade.yml` with `upgrade_drain`: host by host, whoever leads Consul last. Each is drained, so its tasks move;
    its Consul (agent and server) and its Fabio are exchanged and restarted, hoploom's archive lies beside the last one
    from then on; it takes tasks again; and the next one begins when all is well. In the end the jobs are submitted, so
    that all instances are replaced by such of the new hoploom. Nomad stays as it is.
    """
    del rounds
    # An archive is made before, by an operator's machine or by CI.
    hosts.announce()

    attack = hosts.attack("d", UPGRADE_S, UPGRADE_PER_S)
    felt = [Felt(lambda: "Consul, Fabio and hoploom upgraded on three hosts, each drained", attack)]
    return hosts.felt("d", felt, hosts.upgrade)


def leader_killed(hosts: Hosts, rounds: Rounds) -> list[Outcome]:
    """Case e: Consul is killed on the host where it leads, with the agent of all that runs there."""

    def work() -> None:
        for _ in rounds:
            hosts.kill_leader()
            hosts.whole()

    attack = hosts.attack("e", rounds.attack_s)
    felt = [Felt(lambda: f"Consul killed {rounds.times} on the host where it leads", attack)]
    return hosts.felt("e", felt, work)


def gone(hosts: Hosts, rounds: Rounds) -> list[Outcome]:
    """A host without power: it says nothing to anybody, not even that a connection is refused."""
    # Who asks by the kit is on the last one: that stays.
    *some, last = [each.name for each in HOSTS]

    def work() -> None:
        for number in rounds:
            hosts.cut(some[number % len(some)])

    what, attack = f"a host of {len(HOSTS)} without power", hosts.attack("gone", rounds.attack_s)
    felt = [
        Felt(lambda: f"{what} {rounds.times}, through HAProxy and Fabio", attack, "fail"),
        Felt(lambda: f"{what} {rounds.times}, by the kit", hosts.callers(last), "wait"),
    ]
    return hosts.felt("gone", felt, work)


CASES = {"c": Case(drained, 3), "d": Case(upgraded, 1), "e": Case(leader_killed, 2), "gone": Case(gone, 1)}
