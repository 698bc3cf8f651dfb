"""Three Consul servers, two Fabios on agents of their own, a HAProxy before them, and a service on the kit behind them.

Case e kills Consul's leader, case f restarts a Fabio, `killed` kills instances: each under vegeta's load.
"""

import itertools
import shutil
import sys
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from engine_processes import LOOPBACK, Child, FabioRouter, free_ports
from hoploom import engines
from hoploom.local.render import render
from lab.consul_cluster import ConsulCluster
from lab.deploys_callers import Callers
from lab.deploys_outcome import Felt, Outcome, under
from vegeta import Attack, Target
from waiting import pause, until

TESTS = Path(__file__).resolve().parents[1]
INSTANCES = 4
BODY = b"x" * 100


class Arena:
    """All of it, while this is entered as a context."""

    def __init__(self, folder: Path) -> None:
        """Start nothing yet.

        Args:
            folder: An empty folder for logs and data.
        """
        self.folder = folder
        self._paths = {name: each.path for name, each in engines.ensure(["consul", "fabio"], report=_quiet).items()}
        self.cluster = ConsulCluster(self._paths["consul"], folder / "consul", clients=2)
        self.fabios = [
            FabioRouter(self._paths["fabio"], folder / name, name, agent, announced=True)
            for name, agent in zip(("left", "right"), self.cluster.clients, strict=True)
        ]
        [port] = free_ports(1)
        self.balanced = f"http://{LOOPBACK}:{port}"
        self.orders: dict[str, Child] = {}
        self._agents = itertools.cycle(self.cluster.clients)
        self._ends = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as ends:
            ends.enter_context(self.cluster)
            for each in self.fabios:
                ends.callback(each.stop)
                each.start()
            ends.callback(self._stop_orders)
            for _ in range(INSTANCES):
                self.start_orders()
            self._balance(ends)
            self._ends = ends.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def start_orders(self) -> str:
        """One more instance, listed by both Fabios; its address."""
        [port] = free_ports(1)
        address, agent = f"{LOOPBACK}:{port}", next(self._agents)
        command = [sys.executable, str(TESTS / "orders_service.py"), "--port", str(port), "--consul-addr", agent.url]
        child = self.orders[address] = Child(command, self.folder / f"orders-{port}.log")
        child.start()
        until("listed by both", lambda: all(address in each.targets("orders") for each in self.fabios), 30)
        return address

    def kill_orders(self) -> None:
        """End the oldest instance as a crash does, and wait until no Fabio asks it any more."""
        address = next(iter(self.orders))
        self.orders.pop(address).stop(kill=True)
        until("listed by none", lambda: not any(address in each.targets("orders") for each in self.fabios), 30)

    def targets(self, urls: Sequence[str]) -> list[Target]:
        """What is asked at each of these; a POST carries no idempotency key."""
        both = [(Target("GET", f"{url}/orders"), Target("POST", f"{url}/orders", BODY)) for url in urls]
        return [each for pair in both for each in pair]

    def is_balanced(self, name: str) -> bool:
        """Whether HAProxy sends requests to this Fabio."""
        lines = ask_lines(f"{self.balanced.rpartition(':')[0]}:{self._stats}/;csv")
        return any(line.split(",")[1] == name and line.split(",")[17].startswith("UP") for line in lines[1:] if line)

    def _balance(self, ends: ExitStack) -> None:
        [self._stats] = free_ports(1)
        routers = [(each.name, each.url.removeprefix("http://")) for each in self.fabios]
        values = {"bind": self.balanced.removeprefix("http://"), "routers": routers}
        config = render("fabio/haproxy.cfg.j2", values, self.folder / "haproxy.cfg")
        with config.open("a", encoding="utf-8") as file:
            file.write(f"\nlisten stats\n    bind {LOOPBACK}:{self._stats}\n    stats enable\n    stats uri /\n")
        haproxy = Child([shutil.which("haproxy") or "haproxy", "-db", "-f", str(config)], self.folder / "haproxy.log")
        ends.callback(haproxy.stop, kill=True)
        haproxy.start()
        until("HAProxy has both", lambda: all(self.is_balanced(each.name) for each in self.fabios), 20)

    def _stop_orders(self) -> None:
        for each in self.orders.values():
            each.stop()


def ask_lines(url: str) -> list[str]:
    """The lines of a page; none where nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return list(answer.read().decode().splitlines())
    except OSError:
        return []


def leader_killed(folder: Path, rounds: int) -> list[Outcome]:
    """Case e: Consul's leader is killed, and comes back when another one leads."""
    with Arena(folder) as arena:
        def work() -> None:
            for _ in range(rounds):
                leader = arena.cluster.leader()
                leader.kill()
                until("another leader", arena.cluster.leading, 30)
                pause(2)
                leader.start()
                arena.cluster.settled()

        attack = Attack(arena.targets([each.url for each in arena.fabios]), folder / "load")
        return under("e", [Felt(f"Consul's leader killed {rounds} times", attack)], work)


def router_restarted(folder: Path, rounds: int) -> list[Outcome]:
    """Case f: one of two Fabios is restarted behind HAProxy, now this one, now that one."""
    with Arena(folder) as arena:
        def work() -> None:
            for fabio, _ in zip(itertools.cycle(arena.fabios), range(rounds), strict=False):
                fabio.stop()
                fabio.start()
                until("HAProxy has both", lambda: all(arena.is_balanced(each.name) for each in arena.fabios), 30)

        attack = Attack(arena.targets([arena.balanced]), folder / "load")
        return under("f", [Felt(f"a Fabio of two restarted {rounds} times, behind HAProxy", attack)], work)


def instance_killed(folder: Path, rounds: int) -> list[Outcome]:
    """An instance of four is killed, again and again: what clients of Fabio feel who try nothing again."""
    with Arena(folder) as arena:
        def work() -> None:
            for _ in range(rounds):
                arena.kill_orders()
                arena.start_orders()

        attack = Attack(arena.targets([each.url for each in arena.fabios]), folder / "load")
        callers = Callers(arena.cluster.clients[0].url, arena.fabios[0].url)
        what = f"an instance of {INSTANCES} killed {rounds} times"
        felt = [Felt(f"{what}, through Fabio", attack, "fail"), Felt(f"{what}, by the kit", callers, "wait")]
        return under("kill", felt, work)


def _quiet(line: str) -> None:
    del line
