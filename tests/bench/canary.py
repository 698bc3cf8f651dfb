"""The share of requests that a canary gets: one instance of a new version beside three old ones, behind two Fabios."""

import asyncio
import math
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import aiohttp

from engine_processes import Child, ConsulAgent, FabioRouter, free_ports
from hoploom import engines
from hoploom.cli.bench import Figure, at_most
from hoploom.deploying.gate import Look, Policy, Watcher, judge, target
from hoploom.kit import fabio_api
from hoploom.kit.consul_api import ConsulApi, Instance
from hoploom.kit.http_client import HttpClient
from hoploom.routing.overrides import Overrides
from hoploom.routing.weights import Weights
from waiting import until

WEIGHTS = (0.05, 0.1, 0.5)
REQUESTS, AT_ONCE = 5_000, 32
POINTS = 2.0
"""Fabio draws the target of each request: of 5,000 the share is off by 0.7 points at most in two cases of three; of n
by that times sqrt(5,000 / n), and so is the bound."""
OLD, NEW = "1.4.0", "1.4.1"
_SERVICE = Path(__file__).resolve().parents[1] / "orders_service.py"


def measure(scale: float) -> list[Figure]:
    """Each weight, with 5,000 requests where `scale` is 1."""
    found = engines.ensure(["consul", "fabio"], report=lambda line: None)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        consul = ConsulAgent(found["consul"].path, folder / "consul")
        stack.callback(consul.stop)
        consul.start()
        fabios = [FabioRouter(found["fabio"].path, folder / each, each, consul) for each in ("left", "right")]
        for fabio in fabios:
            stack.callback(fabio.stop)
            fabio.start()
        for version in (OLD, OLD, OLD, NEW):
            stack.callback(_started(consul, folder, version).stop)
        until("all four are listed", lambda: all(len(each.targets("orders")) == 4 for each in fabios), 30)
        return asyncio.run(_measured(consul, fabios, max(100, round(REQUESTS * scale))))


def _started(consul: ConsulAgent, folder: Path, version: str) -> Child:
    [port] = free_ports(1)
    told = ["--port", str(port), "--consul-addr", consul.url, "--version-tag", version]
    child = Child([sys.executable, str(_SERVICE), *told], folder / f"orders-{port}.log")
    child.start()
    return child


async def _measured(agent: ConsulAgent, fabios: list[FabioRouter], requests: int) -> list[Figure]:
    consul, http = ConsulApi(agent.url), HttpClient()
    try:

        async def routers() -> list[fabio_api.Router]:
            return fabio_api.routers((await consul.instances(fabio_api.SERVICE))[1])

        weights = Weights(consul, http, Overrides(consul), routers)
        _, instances = await consul.instances("orders")
        watcher = Watcher(http, await routers(), instances)
        figures = []
        for weight in WEIGHTS:
            shown = await weights.share("orders", NEW, weight)
            figures.append(at_most(f"{weight:.0%}: shown by both Fabios after", shown.after_s, "s", 10.0))
            figures += await _shared(weight, watcher, [each.url for each in fabios], requests)
        return figures
    finally:
        await consul.close()
        await http.close()


async def _shared(weight: float, watcher: Watcher, urls: list[str], requests: int) -> list[Figure]:
    since = await watcher.look()
    answered = await _asked(urls, requests)
    new = {each.id for each in watcher.instances if NEW in each.tags}
    got = sum(count for instance, count in answered.items() if instance in new)
    points = abs(got / requests - weight) * 100
    bound = round(POINTS * math.sqrt(REQUESTS / requests), 1)
    missed = abs(_counted(watcher.instances, since, await watcher.look()) - got)
    asked = (f"share of {requests:,} requests, %", got / requests * 100)
    return [
        at_most(f"{weight:.0%} to one of four instances: off by", points, "points", bound, asked),
        at_most(f"{weight:.0%}: requests that the gate counts wrong", missed, "requests", 0),
    ]


def _counted(instances: tuple[Instance, ...], since: Look, now: Look) -> int:
    """Requests of the new version, as the gate of a deploy has them."""
    of = {version: {target(each) for each in instances if version in each.tags} for version in (OLD, NEW)}
    return judge(since, now, of[NEW], of[OLD], Policy()).new.requests


async def _asked(urls: list[str], requests: int) -> Counter[str]:
    """Who answered so many requests, spread over the Fabios."""
    found: Counter[str] = Counter()
    numbers = iter(range(requests))

    async def client(session: aiohttp.ClientSession) -> None:
        for number in numbers:
            async with session.get(f"{urls[number % len(urls)]}/orders") as answer:
                found[(await answer.json())["instance"]] += 1

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        await asyncio.gather(*(client(session) for _ in range(AT_ONCE)))
    return found
