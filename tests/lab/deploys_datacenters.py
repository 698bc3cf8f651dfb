"""Two datacenters of Consul that are joined, a Fabio in each, and one Nomad that places `orders` in both: on loopback.

Case dcs brings a good version from the one into the other, and one that fails every second request, which the second
must never see; what stood in each datacenter's weights meanwhile is written down.
"""

import re
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from engine_processes import ConsulAgent, FabioRouter, ask, free_ports
from hoploom import engines
from lab.deploys_diary import Diary
from lab.deploys_outcome import Case, Felt, May, Outcome, under
from lab.deploys_rounds import Rounds
from local_cli import Cli
from nomad_cluster import DATACENTERS, cluster
from vegeta import Attack, Target
from waiting import until

TESTS = Path(__file__).resolve().parents[1]
JOB, SERVICE = TESTS / "orders.nomad.hcl", TESTS / "orders_service.py"
KEY = "/v1/kv/fabio/config/hoploom"
_LINE = re.compile(r'^# orders \S+: (?:nothing|([\d.]+) %) to "([^"]+)"', re.MULTILINE)
STEP_S = 4
STEPS = ("--step-seconds", str(STEP_S))
_LOOK_S = 0.02


class Change(NamedTuple):
    """The weights of a datacenter since a moment (seconds since 1970): share by tag."""

    at_s: float
    dc: str
    weights: Mapping[str, float]


class Datacenters:
    """All of it, while this is entered as a context."""

    def __init__(self, folder: Path, per_s: float) -> None:
        """Start nothing yet.

        Args:
            folder: An empty folder for data and logs.
            per_s: Requests a second of both datacenters together.
        """
        made = engines.ensure(["consul", "fabio", "nomad"], report=_quiet)
        paths = {name: each.path for name, each in made.items()}
        wans = dict(zip(DATACENTERS, free_ports(2), strict=True))
        joined = [f"127.0.0.1:{port}" for port in wans.values()]
        self.folder, self._nomad, self._ends = folder, paths["nomad"], ExitStack()
        self._per_s, self.diary = per_s, Diary()
        self.consul = {
            dc: ConsulAgent(paths["consul"], folder / f"consul-{dc}", serf_wan=wans[dc], datacenter=dc,
                            node_name=f"node-{dc}", retry_join_wan=joined, retry_interval_wan="1s")
            for dc in DATACENTERS
        }  # fmt: skip
        self.fabio = {dc: FabioRouter(paths["fabio"], folder / f"fabio-{dc}", dc, self.consul[dc])
                      for dc in DATACENTERS}  # fmt: skip
        self._cli = Cli(folder / "state")

    def __enter__(self) -> Self:
        with ExitStack() as ends, ThreadPoolExecutor() as pool:
            for dc in DATACENTERS:
                ends.callback(self.consul[dc].stop)
                ends.callback(self.fabio[dc].stop)
            begun = [pool.submit(self._begin, dc) for dc in DATACENTERS]
            port = int(self.consul["dc1"].url.rpartition(":")[2])
            placed = cluster(self._nomad, self.folder / "nomad", port, self._beside, raw_exec=True)
            self.nomad = ends.enter_context(placed)
            for each_begun in begun:
                each_begun.result()
            self._submit()
            until("each knows the other", self._are_joined, 30)
            until("orders in both", lambda: all(self.running(dc) for dc in DATACENTERS), 30)
            until("orders are routed in both", lambda: all(map(self._is_routed, DATACENTERS)), 30)
            until("a deployment that came to its end", self._is_settled, 30)
            self._ends = ends.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.close()

    def _begin(self, dc: str) -> None:
        self.consul[dc].start()
        self.fabio[dc].start()

    def _beside(self, dc: str) -> dict[str, str]:
        # Each node's own agent, as on hosts, where all of them have the same address.
        return {"meta.hcl": f'client {{\n  meta {{\n    consul = "{self.consul[dc].url}"\n  }}\n}}\n'}

    def _submit(self) -> None:
        given = {"command": sys.executable, "service_file": str(SERVICE), "consul_addr": "${meta.consul}",
                 "consul_token_file": ""}  # fmt: skip
        flags = [f"-var={name}={value}" for name, value in given.items()]
        ran = self.nomad.run("job", "run", "-detach", *flags, str(JOB))
        assert ran.returncode == 0, ran.stdout + ran.stderr

    def _are_joined(self) -> bool:
        known = [ask("GET", f"{each.url}/v1/catalog/datacenters") or [] for each in self.consul.values()]
        return all(set(each) == set(DATACENTERS) for each in known)

    def _is_routed(self, dc: str) -> bool:
        return ask("GET", f"{self.fabio[dc].url}/orders") is not None

    def _is_settled(self) -> bool:
        return bool(self.nomad.ask("/v1/job/orders/deployment")["Status"] == "successful")

    def running(self, dc: str) -> dict[str, str]:
        """Version by the id of each instance that passes in a datacenter."""
        found = ask("GET", f"{self.consul[dc].url}/v1/health/service/orders?passing") or []
        return {each["Service"]["ID"]: each["Service"]["Meta"]["version"] for each in found}

    def weights(self, dc: str) -> dict[str, float]:
        """Share by tag, as our key has it in a datacenter now."""
        try:
            with urllib.request.urlopen(f"{self.consul[dc].url}{KEY}?raw", timeout=5) as answer:
                text = answer.read().decode()
        except OSError:
            return {}
        return {tag: float(percent or 0) / 100 for percent, tag in _LINE.findall(text)}

    def attack(self, dc: str, name: str, at_most_s: float) -> Attack:
        """A load on the Fabio of a datacenter, not begun."""
        url = f"{self.fabio[dc].url}/orders"
        targets = [Target("GET", url), Target("POST", url, b"x" * 100)]
        return Attack(targets, self.folder / f"load-{name}-{dc}", per_s=self._per_s / 2, at_most_s=at_most_s)

    def look(self) -> dict[str, str]:
        """The weights of each datacenter."""
        return {f"weights in {dc}": str(self.weights(dc)) for dc in DATACENTERS}

    def deploy(self, *words: str, at: str) -> "subprocess.CompletedProcess[str]":
        """`hoploom deploy orders`, as somebody in a datacenter has it."""
        token = self.folder / "nomad-token"
        token.write_text(self.nomad.token, encoding="utf-8")
        where = ("--consul", self.consul[at].url, "--nomad", self.nomad.url, "--nomad-token-file", str(token))
        return self._cli.run("deploy", "orders", *words, "--json", *where, timeout_s=600)


class Ledger:
    """What stood in the weights of both datacenters while this was entered."""

    def __init__(self, world: Datacenters) -> None:
        """Look at nothing yet."""
        self._world, self._over = world, threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.changes: list[Change] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def of(self, dc: str, version: str) -> list[tuple[float, float]]:
        """When a version had which share in a datacenter, changes alone; -1 where it was not named."""
        return [(each.at_s, each.weights.get(version, -1.0)) for each in self.changes if each.dc == dc]

    def _look(self) -> None:
        known: dict[str, Mapping[str, float]] = {}
        while not self._over.wait(_LOOK_S):
            for dc in DATACENTERS:
                now = self._world.weights(dc)
                if known.get(dc) != now:
                    known[dc] = now
                    self.changes.append(Change(time.time(), dc, now))


def one_after_the_other(world: Datacenters, rounds: Rounds) -> Iterator[Outcome]:
    """Case dcs: a good version, from either datacenter in turn, and each time a bad one after it."""
    for number in rounds:
        good, bad, at = f"1.{number}.1", f"1.{number}.2", DATACENTERS[number % 2]
        yield from _under(world, good, at, rounds.attack_s)
        yield from _under(world, bad, at, rounds.attack_s, fails=True)


def _under(world: Datacenters, version: str, at: str, most_s: float, *, fails: bool = False) -> list[Outcome]:
    what = f"{version} {'fails every second request' if fails else 'comes in'}, deployed from {at}"
    may: tuple[May, May] = ("fail" if fails else "wait", "wait")
    felt = [Felt(partial("{}, felt in {}".format, what, dc), world.attack(dc, version, most_s), each)
            for dc, each in zip(DATACENTERS, may, strict=True)]  # fmt: skip
    return under("dcs", felt, lambda: _deployed(world, version, at, fails=fails), world.diary, world.look)


def _deployed(world: Datacenters, version: str, at: str, *, fails: bool) -> None:
    before = {dc: world.running(dc) for dc in DATACENTERS}
    with Ledger(world) as ledger:
        ended = world.deploy("--version", version, "--var", f"fail_every={2 * fails}", *STEPS, at=at)
    assert ended.returncode == fails, ended.stdout + ended.stderr
    one, two = ([share for _, share in ledger.of(dc, version)] for dc in DATACENTERS)
    now = {dc: world.running(dc) for dc in DATACENTERS}
    if fails:
        assert (one[-2:], two) == ([0, -1], [-1, 0, -1]), f"the second was not left alone: {one}, then {two}"
        assert now == before, "old instances were touched"
        return
    assert one == two == [-1, 0, 0.1, 0.5, 1, -1], f"{one}, then {two}"
    late_s = ledger.of("dc2", version)[2][0] - ledger.of("dc1", version)[4][0]
    assert late_s > STEP_S, "the second was begun before the first had had its time"
    assert {each for found in now.values() for each in found.values()} == {version}


CASES = {"dcs": Case(one_after_the_other, 2)}


def _quiet(line: str) -> None:
    del line
