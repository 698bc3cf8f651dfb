"""A whole mesh on this machine: every service is deployed again and again (case a), canaries come and go (case b)."""

import itertools
import json
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Self

from hoploom import engines
from lab.deploys_diary import Diary
from lab.deploys_operator import as_elsewhere
from lab.deploys_outcome import Case, Felt, Outcome, under
from lab.deploys_rounds import Rounds, told
from lab.deploys_targets import of_services
from local_cli import HOPLOOM, Cli
from rolling import submit
from vegeta import PER_S, Attack, Target
from waiting import until

TESTS = Path(__file__).resolve().parents[1]
COUNT = 2
SERVICE = TESTS / "orders_service.py"


class Mesh:
    """The mesh, with two instances of everything and a service `orders` on the kit, while this is entered."""

    wish: tuple[str, ...] = ("--no-map", "--inputs", str(COUNT), "--outputs", str(COUNT), "--managers", str(COUNT))

    def __init__(self, folder: Path, per_s: float = PER_S) -> None:
        """Start nothing yet.

        Args:
            folder: An empty folder for its state.
            per_s: Requests a second.
        """
        engines.ensure(engines.NAMES, report=lambda line: None)
        self.folder, self.cli, self.diary = folder, Cli(folder / "state", "deploys"), Diary()
        self._per_s = per_s
        self._versions = itertools.count(1)
        self._ends = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as ends:
            ends.callback(self.cli.run, "down", "--purge")
            # On a machine that others use too it may take longer than `up` waits; the second time it finds what runs.
            if self.cli.run("up", "--detach", *self.wish, timeout_s=600).returncode:
                self.cli.good("up", "--detach", *self.wish, timeout_s=600)
            self.deploy("orders")
            self._ends = ends.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def deploy(self, service: str) -> str:
        """Deploy a service again, and wait until every old instance has gone; the version."""
        version, before = f"0.0.{next(self._versions)}", self.instances(service)
        for is_last in (False, True):
            self.diary.note(f"{service} {version} is deployed")
            try:
                as_elsewhere(lambda: self._orders(version) if service == "orders" else self._own(service, version))
                break
            except AssertionError as error:
                self.diary.note(f"that failed: {' '.join(str(error).split())[-200:]}")
                # On a machine that others use too, a start may take longer than Nomad waits, who then takes it back.
                if is_last:
                    raise
        until(f"only new instances of {service}", lambda: self._renewed(service, before), 60)
        self.diary.note(f"{service} {version} is all there is")
        return version

    def attack(self, asked: list[Target], name: str, at_most_s: float) -> Attack:
        """A load on one service."""
        return Attack(asked, self.folder / f"load-{name}", per_s=self._per_s, at_most_s=at_most_s)

    def look(self, service: str) -> dict[str, str]:
        """What Consul holds of each instance of a service, with the words of a check that fails."""
        return {each["Service"]["ID"]: _state(each) for each in self._entries(service)}

    def instances(self, service: str, only: str = "") -> set[str]:
        """The ids under which a service is registered; `only` may say `passing`."""
        return {each["Service"]["ID"] for each in self._entries(service, only)}

    def _entries(self, service: str, only: str = "") -> list[dict[str, Any]]:
        url = f"http://127.0.0.1:{self.cli.port('consul_http')}/v1/health/service/{service}?{only}"
        request = urllib.request.Request(url, headers={"X-Consul-Token": self.cli.token("management")})
        with urllib.request.urlopen(request, timeout=10) as answer:
            found: list[dict[str, Any]] = json.loads(answer.read())
        return found

    def _renewed(self, service: str, before: set[str]) -> bool:
        now = self.instances(service)
        return len(now) == COUNT and not now & before and self.instances(service, "passing") == now

    def _own(self, service: str, version: str) -> None:
        given = {"count": str(COUNT), "version": version, "open_reading": "true"}
        given |= {"data_dir": str(self.cli.root / "data")} if service == "output" else {}
        given |= {"development": "true"} if service == "manager" else {}
        submit(self.cli, service, given)

    def _orders(self, version: str) -> None:
        folder = self.folder / "orders"
        if not folder.exists():
            self._new(folder)
        values = {"version": version, "service_file": SERVICE, "count": COUNT}
        flags = [flag for name, value in values.items() for flag in ("--var", f"{name}={value}")]
        self.cli.good("run", str(folder / "orders.nomad.hcl"), *flags)

    def _new(self, folder: Path) -> None:
        subprocess.run([str(HOPLOOM), "new", "orders"], cwd=folder.parent, check=True, capture_output=True)

    def canary(self, service_file: Path, code: int) -> None:
        """Bring another version of orders in beside the present one, share after share; it has to end by this code."""
        version = f"0.0.{next(self._versions)}"
        way = ("--steps", "10,50", "--step-seconds", "8", "--var", f"service_file={service_file}")
        self.diary.note(f"hoploom deploy orders --version {version}")
        words = ("deploy", "orders", "--version", version, *way)
        ended = as_elsewhere(lambda: self.cli.run(*words, timeout_s=300))
        self.diary.note(f"that has ended: {ended.returncode}")
        assert ended.returncode == code, ended.stdout + ended.stderr

    def targets(self) -> dict[str, list[Target]]:
        """What is asked of each service."""
        return {"orders": self.of_orders(), **of_services(self.cli.fabio, self.cli.token)}

    def of_orders(self) -> list[Target]:
        """What is asked of orders."""
        url = f"{self.cli.fabio}/orders"
        return [Target("GET", url), Target("POST", url, b"x" * 100)]


class Engines(Mesh):
    """The engines alone, and that service."""

    wish = ("--only", "engines")


def rolled(mesh: Mesh, rounds: Rounds) -> Iterator[Outcome]:
    """Case a: every service is deployed so many times, one service after another."""
    for service, asked in mesh.targets().items():
        told(f"  {service}")
        yield from _rolled(mesh, service, asked, rounds)


def _rolled(mesh: Mesh, service: str, asked: list[Target], rounds: Rounds) -> list[Outcome]:
    felt = [Felt(lambda: f"{service} deployed {rounds.times}", mesh.attack(asked, service, rounds.attack_s))]
    work = partial(_again, mesh, service, rounds)
    return under("a", felt, work, mesh.diary, partial(mesh.look, service))


def _again(mesh: Mesh, service: str, rounds: Rounds) -> None:
    for _ in rounds:
        mesh.deploy(service)


def canaries(mesh: Mesh, rounds: Rounds) -> Iterator[Outcome]:
    """Case b: a canary that is as good as the old version stays, one that takes 3 s goes again."""
    slow = mesh.folder / "slow.py"
    slow.write_text(SERVICE.read_text(encoding="utf-8").replace("sleep(0.02)", "sleep(3)"), encoding="utf-8")
    yield from _canaries(mesh, "promoted", SERVICE, rounds)
    yield from _canaries(mesh, "slow, and reverted", slow, rounds)


def _canaries(mesh: Mesh, what: str, file: Path, rounds: Rounds) -> list[Outcome]:
    code = int(file != SERVICE)

    def work() -> None:
        for _ in rounds:
            mesh.canary(file, code)

    attack = mesh.attack(mesh.of_orders(), f"canary-{code}", rounds.attack_s)
    felt = [Felt(lambda: f"a canary of orders {what}, {rounds.times}", attack, "wait" if code else "nothing")]
    return under("b", felt, work, mesh.diary, partial(mesh.look, "orders"))


def _state(entry: Mapping[str, Any]) -> str:
    bad = [each for each in entry["Checks"] if each["Status"] != "passing"]
    # Of what a check says, such as `Get "http://...": context deadline exceeded (...)`, the reason.
    return "; ".join(f"{each['Name']} {each['Status']} ({_reason(each['Output'])})" for each in bad) or "passing"


def _reason(output: str) -> str:
    return output.strip().rpartition('": ')[2][:60]


CASES = {"a": Case(rolled, 10)}
OF_ENGINES = {"b": Case(canaries, 1)}
