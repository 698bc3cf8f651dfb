"""A rolling restart under an open-loop load that nobody here wrote, behind a real Fabio: no request fails.

The same load is red for a service that leaves Consul and stops, as services usually do. The rest of what happens to a
mesh: `python3 tests lab deploys`.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from engine_processes import Child, ConsulAgent, FabioRouter, free_ports
from vegeta import Account, Attack, Target
from waiting import pause, until

TESTS = Path(__file__).resolve().parents[1]
ORDERS = [sys.executable, str(TESTS / "orders_service.py"), "--port", "{port}", "--consul-addr", "{consul}"]
PLAIN = [sys.executable, str(TESTS / "plain_orders.py"), "{port}", "{consul}"]
AFTER_S = 1.0


class Service:
    """Instances of one service, behind one Fabio."""

    def __init__(self, name: str, command: Sequence[str], fabio: FabioRouter, consul: str, folder: Path) -> None:
        """Start nothing yet."""
        self._name, self._command, self._fabio, self._consul, self.folder = name, command, fabio, consul, folder
        self.running: dict[str, Child] = {}

    def start(self, count: int) -> None:
        """Start instances, and wait until Fabio lists them."""
        ports = free_ports(count)
        for port in ports:
            command = [each.format(port=port, consul=self._consul) for each in self._command]
            child = self.running[f"127.0.0.1:{port}"] = Child(command, self.folder / f"{port}.log")
            child.start()
        until(f"all of {self._name} are listed", lambda: self._fabio.targets(self._name) >= set(self.running), 15)

    def stop(self, address: str) -> None:
        """End an instance as its scheduler does."""
        self.running.pop(address).stop()

    def roll(self) -> None:
        """Replace each instance, one after another: a new one is listed before an old one is told to stop."""
        for old in list(self.running):
            self.start(1)
            self.stop(old)

    def targets(self) -> list[Target]:
        """What is asked of it; a POST carries no idempotency key, so nobody between may send it twice."""
        url = f"{self._fabio.url}/{self._name}"
        return [Target("GET", url), Target("POST", url, b"x" * 100)]


@pytest.fixture(scope="module")
def router(
    engine_paths: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[FabioRouter, str]]:
    folder = tmp_path_factory.mktemp("mesh")
    consul = ConsulAgent(engine_paths["consul"], folder / "consul")
    fabio = FabioRouter(engine_paths["fabio"], folder / "fabio", "left", consul)
    try:
        consul.start()
        fabio.start()
        yield fabio, consul.url
    finally:
        fabio.stop()
        consul.stop()


@pytest.fixture(scope="module")
def rolled(router: tuple[FabioRouter, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Account]:
    """What came of the load on each service while its two instances were replaced."""
    return {name: _rolled(Service(name, command, *router, tmp_path_factory.mktemp(name)))
            for name, command in (("orders", ORDERS), ("plain", PLAIN))}  # fmt: skip


def _rolled(service: Service) -> Account:
    try:
        service.start(2)
        with Attack(service.targets(), service.folder / "load", at_most_s=60) as attack:
            service.roll()
            pause(AFTER_S)
    finally:
        for address in list(service.running):
            service.stop(address)
    return attack.account()


def test_a_rolling_restart_fails_no_get_and_no_post_on_kept_or_new_connections(rolled: dict[str, Account]) -> None:
    account = rolled["orders"]
    assert [str(each) for each in account.failed] == []
    kinds = {(each.method, each.is_kept) for each in account.sent}
    assert kinds == {("GET", True), ("GET", False), ("POST", True), ("POST", False)}
    assert len(account.sent) > 200, account.codes


def test_the_load_is_red_for_a_service_that_stops_in_the_usual_way(rolled: dict[str, Account]) -> None:
    failed = rolled["plain"].failed
    assert {each.method for each in failed} == {"GET", "POST"}, rolled["plain"].codes
    assert {each.code for each in failed} & {500, 502, 504}
