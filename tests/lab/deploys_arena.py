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
from lab.deploys_callers import Callers
from lab.deploys_outcome import Case, Felt, Outcome, under
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

    def _stop_orders(self) -> None:
        for each in self.orders.values():
            each.stop()


def leader_killed(arena: Arena, rounds: int) -> list[Outcome]:
    """Case e: Consul's leader is killed, and comes back when another one leads."""

    def work() -> None:
        for _ in range(rounds):
            leader = arena.cluster.leader()
            leader.kill()
            until("another leader", arena.cluster.leading, 30)
            pause(2)
            leader.start()
            arena.cluster.settled()

    attack = Attack(arena.targets([each.url for each in arena.fabios]), arena.folder / "load-e")
    return under("e", [Felt(f"Consul's leader killed {rounds} times", attack)], work)


def router_restarted(arena: Arena, rounds: int) -> list[Outcome]:
    """Case f: one of two Fabios is restarted behind HAProxy, now this one, now that one."""

    def work() -> None:
        for fabio, _ in zip(itertools.cycle(arena.fabios), range(rounds), strict=False):
            fabio.stop()
            fabio.start()
            arena.balancer.whole()

    attack = Attack(arena.targets([arena.balancer.url]), arena.folder / "load-f")
    return under("f", [Felt(f"a Fabio of two restarted {rounds} times, behind HAProxy", attack)], work)


def instance_killed(arena: Arena, rounds: int) -> list[Outcome]:
    """An instance of four is killed, again and again: for those who try nothing again, and for the kit's clients."""

    def work() -> None:
        for _ in range(rounds):
            arena.kill_orders()
            arena.start_orders()

    attack = Attack(arena.targets([each.url for each in arena.fabios]), arena.folder / "load-kill")
    callers = Callers(arena.cluster.clients[0].url, arena.fabios[0].url)
    what = f"an instance of {INSTANCES} killed {rounds} times"
    felt = [Felt(f"{what}, through Fabio", attack, "fail"), Felt(f"{what}, by the kit", callers, "wait")]
    return under("kill", felt, work)


CASES = {"e": Case(leader_killed, 3), "f": Case(router_restarted, 10), "kill": Case(instance_killed, 10)}


def _quiet(line: str) -> None:
    del line
