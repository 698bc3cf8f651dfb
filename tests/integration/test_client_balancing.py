"""One process asks three others of the kit directly, 200 times a second, while these are killed, stopped and replaced.

With a real Consul and no Fabio: nothing stands between the processes, so what fails is told by the client's own rules.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from engine_processes import Child, ConsulAgent, free_ports
from hoploom.kit.balance import ServiceClient
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import Unavailable
from hoploom.kit.membership import Mesh
from waiting import until

SERVICE = Path(__file__).parent.parent / "orders_service.py"
PER_S, TIMEOUT_S = 200.0, 1.0
KEYED, PLAIN = {"Idempotency-Key": "k"}, dict[str, str]()
KINDS = [("GET", PLAIN), ("POST", KEYED), ("GET", PLAIN), ("POST", PLAIN)]
UNSAFE = 3
"""The kind that may be sent once only."""


@dataclass
class Shop:
    """Consul and the instances of `orders`."""

    consul: ConsulAgent
    folder: Path
    instances: dict[int, Child] = field(default_factory=dict)
    has_consul: bool = False

    def fill(self) -> None:
        """Wait until Consul lists three instances and nobody else."""
        while len(self.instances) < 3:
            self._start()
        if not self.has_consul:
            self.consul.start()
        self.has_consul = True
        until("three instances that pass", lambda: self._passing() == set(self.instances), 15)

    def take(self) -> Child:
        """One of them, which counts no more; another one is started in its place, as a scheduler does."""
        self._start()
        return self.instances.pop(next(iter(self.instances)))

    def lose_consul(self) -> None:
        """End Consul."""
        self.consul.stop()
        self.has_consul = False

    def _start(self) -> None:
        [port] = free_ports(1)
        flags = ["--port", str(port), "--consul-addr", self.consul.url, "--check-interval-s", "0.5"]
        self.instances[port] = Child([sys.executable, str(SERVICE), *flags], self.folder / f"orders-{port}.log")
        self.instances[port].start()

    def _passing(self) -> set[int]:
        found = self.consul.instances("orders")
        return {
            each["Service"]["Port"] for each in found if all(check["Status"] == "passing" for check in each["Checks"])
        }


@dataclass
class Course:
    """What became of the requests: seconds that each took, and why it failed, by kind."""

    took_s: list[tuple[float, float]] = field(default_factory=list)
    failures: list[tuple[int, str]] = field(default_factory=list)

    @property
    def safe_failures(self) -> list[str]:
        """Of requests that may be repeated."""
        return [reason for kind, reason in self.failures if kind != UNSAFE]


@pytest.fixture(scope="module")
def shop(engine_paths: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    made = Shop(ConsulAgent(engine_paths["consul"], folder / "consul"), folder)
    try:
        yield made
    finally:
        for each in made.instances.values():
            each.stop(kill=True)
        made.consul.stop()


@pytest.fixture
async def client(shop: Shop) -> AsyncIterator[ServiceClient]:
    """A client as a served process has it: its list is followed."""
    shop.fill()
    mesh, tasks = Mesh("caller"), list[asyncio.Task[None]]()

    def spawn(work: Coroutine[Any, Any, None]) -> None:
        tasks.append(asyncio.get_running_loop().create_task(work))

    mesh.consul, mesh.spawn = ConsulApi(shop.consul.url), spawn
    found = mesh.client("orders")
    assert len(await found.everyone()) == 3
    yield found
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await mesh.close()


async def _asked(client: ServiceClient, for_s: float, at_s: float, event: Callable[[], object]) -> Course:
    """Ask in an open loop for so long; after `at_s` seconds something happens, in a thread."""
    course, began, pending = Course(), time.monotonic(), list[asyncio.Task[None]]()
    happening: asyncio.Task[object] | None = None
    while (now_s := time.monotonic() - began) < for_s:
        if happening is None and now_s >= at_s:
            happening = asyncio.create_task(asyncio.to_thread(event))
        while len(pending) < now_s * PER_S:
            pending.append(asyncio.create_task(_one(client, len(pending) % len(KINDS), course)))
        await asyncio.sleep(1 / PER_S)
    assert happening is not None
    await asyncio.gather(happening, *pending)
    return course


async def _one(client: ServiceClient, kind: int, course: Course) -> None:
    began = time.monotonic()
    method, headers = KINDS[kind]
    try:
        answer = await client.request(method, "/orders", headers=headers, timeout_s=TIMEOUT_S)
        assert answer.ok, answer
    except Unavailable as error:
        course.failures.append((kind, str(error)))
    course.took_s.append((began, time.monotonic() - began))


async def test_an_instance_that_stops_fails_nothing_not_even_what_may_be_sent_once_only(
    shop: Shop, client: ServiceClient
) -> None:
    course = await _asked(client, 1.5, 0.4, lambda: shop.take().stop())
    assert course.failures == []
    assert len(course.took_s) >= 1.4 * PER_S


async def test_a_killed_instance_fails_nothing_that_may_be_repeated(shop: Shop, client: ServiceClient) -> None:
    course = await _asked(client, 1.5, 0.5, lambda: shop.take().stop(kill=True))
    print(
        len(course.took_s),
        len(course.failures),
        max(t for _, t in course.took_s),
        sum(t >= TIMEOUT_S for _, t in course.took_s),
    )
    assert course.safe_failures == []
    # What was under way there: 67 requests a second of 20 ms each, a quarter of them. Afterwards nothing can be sent.
    assert len(course.failures) <= 4
    assert max(took_s for _, took_s in course.took_s) < TIMEOUT_S


async def test_an_instance_that_hangs_costs_one_time_out_and_is_asked_no_more(
    shop: Shop, client: ServiceClient
) -> None:
    victim = shop.take()
    try:
        course = await _asked(client, 3.0, 0.5, lambda: os.kill(victim.pid, signal.SIGSTOP))
    finally:
        victim.stop(kill=True)
    print(
        len(course.took_s),
        len(course.failures),
        max(t for _, t in course.took_s),
        sum(t >= TIMEOUT_S for _, t in course.took_s),
    )
    assert course.safe_failures == []
    late = [took_s for _, took_s in course.took_s if took_s >= TIMEOUT_S]
    # As many as the busiest of the others had open at that moment, and not its third of a second's requests.
    assert len(late) <= 30
    assert max(late) < 2 * TIMEOUT_S


async def test_without_consul_a_killed_instance_still_fails_nothing_that_may_be_repeated(
    shop: Shop, client: ServiceClient
) -> None:
    shop.lose_consul()
    course = await _asked(client, 1.5, 0.5, lambda: shop.take().stop(kill=True))
    print(
        len(course.took_s),
        len(course.failures),
        max(t for _, t in course.took_s),
        sum(t >= TIMEOUT_S for _, t in course.took_s),
    )
    assert course.safe_failures == []
    assert len(course.failures) <= 4
