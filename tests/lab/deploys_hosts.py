"""Three hosts that `ansible/site.yml` made into a mesh, and a HAProxy before their Fabios, as operators have one.

Case c drains a host after the other, case d upgrades all of them, `gone` cuts a host's power.
"""

import functools
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from lab.deploys_balancer import Balancer
from lab.deploys_outcome import Case, Felt, Outcome, under
from lab.deploys_targets import in_turn, of_services
from lab.hosts import Host, Lab
from lab.security import canaries
from lab.site import EVERY, SERVERS, SERVICES, prepare, sums, write_variables
from vegeta import Attack, Target
from waiting import pause, until

HOSTS = tuple(Host(name, groups=(*SERVERS, *EVERY)) for name in ("a1", "a2", "a3"))
COUNT = 3
# The same programs under other numbers: what is rehearsed is the way, not what a version brings.
NEXT = {
    "consul": ("1.22.7", "1.22.8", "consul_{}_linux_amd64.zip"),
    "fabio": ("1.7.2", "1.7.3", "fabio-{}-linux_amd64"),
}
GONE_S = 40.0
_CLIENT = "http://127.0.0.1:4656"


class Hosts:
    """The mesh, while this is entered as a context."""

    def __init__(self, folder: Path) -> None:
        """Start nothing yet.

        Args:
            folder: An empty folder for logs.
        """
        self.folder, self._lab, self._ends = folder, Lab(HOSTS), ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as ends:
            lab = ends.enter_context(self._lab)
            self.site = prepare(lab)
            write_variables(lab, "counts", {"nomad_job_variables": {name: {"count": COUNT} for name in SERVICES}})
            self._play("site.yml")
            self.nomad_token = canaries.given(self.site)["nomad_token"]
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

    def attack(self, name: str, at_most_s: float) -> Attack:
        """The load on all services by way of HAProxy."""
        return Attack(self._targets(), self.folder / f"load-{name}", at_most_s=at_most_s, within=self.within)

    def drain(self, name: str) -> None:
        """Drain a host as a person does, and let it have tasks again."""
        nomad = f"NOMAD_ADDR={_CLIENT} NOMAD_TOKEN={self.nomad_token} nomad node drain -self -yes"
        self._said(name, f"{nomad} -enable -deadline=120s")
        self._said(name, f"{nomad} -disable")

    def upgrade(self) -> None:
        """Consul and Fabio in other versions, one host at a time, each empty of tasks meanwhile."""
        folder = self._lab.mirror_folder
        for old, new, file in NEXT.values():
            shutil.copy(folder / file.format(old), folder / file.format(new))
        versions = {f"{engine}_version": new for engine, (_, new, _) in NEXT.items()}
        write_variables(self._lab, "site_next", {**versions, "hoploom_mirror_sha256": sums(self._lab)})
        self._play("upgrade.yml", "-e", "upgrade_drain=true")

    def cut(self, name: str) -> None:
        """Cut a host's power, and boot it again after a while."""
        self._lab.power_off(name)
        pause(GONE_S)
        self._lab.boot(name)
        self.whole()

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
        def token(name: str) -> str:
            return self._said("a1", f"cat /etc/hoploom/tokens/{name}")

        return in_turn(of_services(self.balancer.url, token))

    def _play(self, *words: str) -> None:
        played = self.site.play(*words, timeout_s=2400)
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


def drained(hosts: Hosts, rounds: int) -> list[Outcome]:
    """Case c: one host after the other is drained, and opened again."""

    def work() -> None:
        for number in range(rounds):
            hosts.drain(HOSTS[number % len(HOSTS)].name)
            hosts.whole()

    felt = [Felt(f"a host of {len(HOSTS)} drained {rounds} times", hosts.attack("c", rounds * 400))]
    return under("c", felt, work)


def upgraded(hosts: Hosts, rounds: int) -> list[Outcome]:
    """Case d: every host is upgraded once, whatever the rounds: there is one next version."""
    del rounds

    def work() -> None:
        hosts.upgrade()
        hosts.whole()

    return under("d", [Felt("Consul and Fabio upgraded on three hosts, each drained", hosts.attack("d", 2400))], work)


def gone(hosts: Hosts, rounds: int) -> list[Outcome]:
    """A host without power: it says nothing to anybody, not even that a connection is refused."""

    def work() -> None:
        for number in range(rounds):
            hosts.cut(HOSTS[number % len(HOSTS)].name)

    felt = [Felt(f"a host of {len(HOSTS)} without power {rounds} times", hosts.attack("gone", rounds * 400), "fail")]
    return under("gone", felt, work)


CASES = {"c": Case(drained, 3), "d": Case(upgraded, 1), "gone": Case(gone, 1)}
