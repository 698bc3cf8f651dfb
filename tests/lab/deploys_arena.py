"""Three Consul servers, two Fabios on agents of their own, a HAProxy before them, and a service on the kit behind them.

Case e kills Consul's leader, case f restarts a Fabio, `killed` kills instances: each under vegeta's load.
"""

import itertools
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from engine_processes import LOOPBACK, Child, FabioRouter, free_ports
from hoploom import engines
from lab.consul_cluster import ConsulCluster
from lab.deploys_balancer import Balancer
from lab.deploys_callers import Callers, Way
from lab.deploys_diary import Diary
from lab.deploys_outcome import Case, Felt, Outcome, under
from lab.deploys_rounds import Rounds
from vegeta import PER_S, Attack, Target
from waiting import pause, until

TESTS = Path(__file__).resolve().parents[1]
INSTANCES = 4
BODY = b"x" * 100


class Arena:
    """All of it, while this is entered as a context."""

    def __init__(self, folder: Path, per_s: float = PER_S) -> None:
        """Start nothing yet.

        Args:
            folder: An empty folder for logs and data.
            per_s: Requests a second.
        """
        self.folder, self.diary, self._per_s = folder, Diary(), per_s
        self._paths = {name: each.path for name, each in engines.ensure(["consul", "fabio"], report=_quiet).items()}
        self.cluster = ConsulCluster(self._paths["consul"], folder / "consul", clients=2)
        self.fabios = [
            FabioRouter(self._paths["fabio"], folder / name, name, agent, announced=True)
            for name, agent in zip(("left", "right"), self.cluster.clients, strict=True)
        ]
        routers = {each.name: each.url.removeprefix("http://") for each in self.fabios}
        self.balancer = Balancer(routers, folder)
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
            ends.callback(self.balancer.stop)
            self.balancer.start()
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
        self.diary.note(f"{address} is started")
        child.start()
        until("listed by both", lambda: all(address in each.targets("orders") for each in self.fabios), 30)
        return address

    def kill_orders(self) -> None:
        """End the oldest instance as a crash does, and wait until no Fabio asks it any more."""
        address = next(iter(self.orders))
        self.diary.note(f"{address} is killed")
        self.orders.pop(address).stop(kill=True)
        until("listed by none", lambda: not any(address in each.targets("orders") for each in self.fabios), 30)

    def attack(self, urls: Sequence[str], name: str, at_most_s: float) -> Attack:
        """A load on orders at each of these; a POST carries no idempotency key."""
        asked = [each for url in urls for each in _asked(url)]
        return Attack(asked, self.folder / f"load-{name}", per_s=self._per_s, at_most_s=at_most_s)

    def callers(self) -> Callers:
        """Half as many requests a second by the kit."""
        way = Way(self.cluster.clients[0].url, self.fabios[0].url)
        return Callers(way, {"orders": _asked()}, per_s=self._per_s / 2)

    def look(self) -> dict[str, str]:
        """Who leads Consul, where each Fabio sends requests, and which Fabios HAProxy asks."""
        leader = self.cluster.leading()
        found = {f"HAProxy to {name}": state for name, state in self.balancer.states().items()}
        found["Consul's leader"] = leader.name if leader else "none"
        return found | {
            f"Fabio {each.name}": " ".join(sorted(each.targets("orders"))) or "no answer" for each in self.fabios
        }

    def _stop_orders(self) -> None:
        for each in self.orders.values():
            each.stop()


def _asked(url: str = "") -> tuple[Target, Target]:
    return Target("GET", f"{url}/orders"), Target("POST", f"{url}/orders", BODY)


def leader_killed(arena: Arena, rounds: Rounds) -> list[Outcome]:
    """Case e: Consul's leader is killed, and comes back when another one leads."""

    def work() -> None:
        for _ in rounds:
            leader = arena.cluster.leader()
            arena.diary.note(f"{leader.name} is killed, which leads")
            leader.kill()
            until("another leader", arena.cluster.leading, 30)
            pause(2)
            arena.diary.note(f"{leader.name} is started")
            leader.start()
            arena.cluster.settled()

    attack = arena.attack([each.url for each in arena.fabios], "e", rounds.attack_s)
    felt = [Felt(lambda: f"Consul's leader killed {rounds.times}, asked for orders", attack)]
    return under("e", felt, work, arena.diary, arena.look)


def router_restarted(arena: Arena, rounds: Rounds) -> list[Outcome]:
    """Case f: one of two Fabios is restarted behind HAProxy, now this one, now that one."""

    def work() -> None:
        for number in rounds:
            fabio = arena.fabios[number % len(arena.fabios)]
            arena.diary.note(f"Fabio {fabio.name} is stopped")
            fabio.stop()
            arena.diary.note(f"Fabio {fabio.name} is started")
            fabio.start()
            arena.balancer.whole()

    attack = arena.attack([arena.balancer.url], "f", rounds.attack_s)
    felt = [Felt(lambda: f"a Fabio of two restarted {rounds.times}, behind HAProxy", attack)]
    return under("f", felt, work, arena.diary, arena.look)


def instance_killed(arena: Arena, rounds: Rounds) -> list[Outcome]:
    """An instance of four is killed, again and again: for those who try nothing again, and for the kit's clients."""

    def work() -> None:
        for _ in rounds:
            arena.kill_orders()
            arena.start_orders()

    attack = arena.attack([each.url for each in arena.fabios], "kill", rounds.attack_s)
    what = f"an instance of {INSTANCES} killed"
    felt = [
        Felt(lambda: f"{what} {rounds.times}, through Fabio", attack, "fail"),
        Felt(lambda: f"{what} {rounds.times}, by the kit", arena.callers(), "wait"),
    ]
    return under("kill", felt, work, arena.diary, arena.look)


CASES = {"e": Case(leader_killed, 3), "f": Case(router_restarted, 10), "kill": Case(instance_killed, 10)}


def _quiet(line: str) -> None:
    del line
