"""What pages cost: server time of each page of the navigation through Fabio, bytes of the first one, a manager's core.

The mesh is `lab.ui_world`'s, in a namespace of the run: real processes with a million results, 100,000 hops in paths,
500 workers that say their ads, 200 more instances. Frames of the graph while it is moved are bench `graph`'s.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import aiohttp
import numpy as np

from hoploom import engines
from hoploom.cli.bench import Figure, at_most
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.manager.pages.rendering import NAV
from hoploom.manager.sessions import cookie
from hoploom.manager.sight import ATTENDED_S
from hoploom.wire.ads import EVERY_S
from hoploom.wire.people import Role
from lab.ads_world import LabWorker
from lab.namespace import in_namespace
from lab.ui_world import PINGED, TRACED, UiWorld, ui_world
from people_made import signed_in
from waiting import eventually

try:
    from playwright.async_api import Page, Response, async_playwright
except ImportError as error:
    raise ConfigError("this bench needs the tests' own packages: run it with `python3 tests`' environment") from error

ASKED, OPEN_S = 30, 30.0
PAGE_MS, FIRST_BYTES, CORE = 50.0, 300_000, 10.0
CHROMIUM: Final = Path("/usr/bin/chromium")
MORE: Final = (f"campaigns/{PINGED}", "matrix/fleet", f"matrix?campaign={PINGED}", f"series?campaign={PINGED}",
                f"map?campaign={PINGED}", f"paths?campaign={TRACED}")  # fmt: skip
"""Asked beside the navigation's."""

_GATHERING: Final = "being gathered from the outputs"


def measure(scale: float = 1.0) -> list[Figure]:
    """The figures.

    Args:
        scale: Part of the stored results and hops.
    """
    if not CHROMIUM.exists():
        raise ConfigError("chromium is what this bench opens a page in: install it (`apt-get install chromium`)")
    found = engines.ensure(["consul", "fabio"], report=lambda line: None)
    paths = {name: each.path for name, each in found.items()}
    with tempfile.TemporaryDirectory() as folder:
        return in_namespace(lambda: _measured(paths, Path(folder), scale))


async def _measured(paths: Mapping[str, Path], folder: Path, scale: float) -> list[Figure]:
    async with ui_world(paths, folder, scale) as world:
        _say("the mesh stands")
        api = ConsulApi(world.managers.agent.url)
        headers = await signed_in(api, Role.VIEWER)
        await api.close()
        async with aiohttp.ClientSession(headers={**headers, "Accept": "text/html"}) as session:
            await eventually("a signed-in person", lambda: _answers(session, f"{world.fabio.url}/"), 60)
            health = await _times(session, f"{world.managers.urls[0]}/health")
            saying = asyncio.create_task(_say_evenly(world))
            found = [figure for path in (*(each for each, _ in NAV), *MORE)
                     for figure in await _page(world, session, path, health)]  # fmt: skip
        found += await _opened(world, headers)
        saying.cancel()
        await asyncio.gather(saying, return_exceptions=True)
        return found


async def _page(world: UiWorld, session: aiohttp.ClientSession, path: str, health: Mapping[int, float]) -> list[Figure]:
    """Milliseconds of a page whose figures have been gathered from the output already."""
    url = f"{world.fabio.url}/{path}"
    await eventually(f"/{path}", lambda: _gathered(session, url), 60)
    before_s = _cpu_s(world.pid)
    took = await _times(session, url)
    own_ms = 1000 * (_cpu_s(world.pid) - before_s) / ASKED
    _say(f"/{path}: {took[50]:.0f} ms, {took[99]:.0f} ms; the manager's core {own_ms:.0f} ms")
    bounded = at_most(f"/{path} through Fabio, median", took[50], "ms", PAGE_MS, ("/health", health[50]))
    slow = at_most(f"/{path} through Fabio, 99 of 100", took[99], "ms", PAGE_MS, ("/health", health[99]))
    own = at_most(f"/{path}, the manager's core for each", own_ms, "ms", PAGE_MS)
    return [bounded, slow, own]


async def _gathered(session: aiohttp.ClientSession, url: str) -> bool:
    async with session.get(url, allow_redirects=False) as answer:
        return answer.status == 200 and _GATHERING not in await answer.text()


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    async with session.get(url, allow_redirects=False) as answer:
        await answer.read()
        return answer.status == 200


async def _times(session: aiohttp.ClientSession, url: str) -> dict[int, float]:
    """Milliseconds of an answer, by percentile."""
    times = []
    for _ in range(ASKED):
        began_s = time.perf_counter()
        assert await _answers(session, url), url
        times.append(1000 * (time.perf_counter() - began_s))
    return {share: float(np.percentile(times, share)) for share in (50, 99)}


async def _opened(world: UiWorld, headers: Mapping[str, str]) -> list[Figure]:
    """Home in a browser: its bytes, and what it and all workers cost the manager while it is open."""
    session_id = re.findall(rf"{cookie.PLAIN}=([^;]+)", headers["Cookie"])[0]
    url = f"{world.fabio.url}/"
    # A manager looks less often half a minute after the last page was asked for.
    await asyncio.sleep(ATTENDED_S + EVERY_S)
    without = await _percent(world, OPEN_S)
    async with async_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu"]
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=arguments)
        context = await browser.new_context()
        await context.add_cookies([{"name": cookie.PLAIN, "value": session_id, "url": url}])
        page = await context.new_page()
        size_bytes = await _loaded_bytes(page, url)
        beside = await _percent(world, OPEN_S)
        word = await page.inner_text("#live")
        await browser.close()
    assert word == "live", word
    _say(f"home: {size_bytes} bytes; without a page {without:.1f} %, with {beside:.1f} % of a core")
    name = f"{len(world.workers)} workers and a page that is open, of one manager's core"
    return [
        at_most("home with all that it loads", size_bytes, "bytes", FIRST_BYTES),
        at_most(name, beside, "%", CORE, ("while no page is open", without)),
    ]


async def _loaded_bytes(page: Page, url: str) -> int:
    """Bytes of all bodies until a page stands, not compressed."""
    answers: list[Response] = []

    def keep(answer: Response) -> None:
        answers.append(answer)

    page.on("response", keep)
    await page.goto(url, wait_until="load")
    page.remove_listener("response", keep)
    streams = [each for each in answers if "event-stream" in each.headers.get("content-type", "")]
    return sum([len(await each.body()) for each in answers if each not in streams])


async def _percent(world: UiWorld, seconds: float) -> float:
    """Of a core that the manager uses meanwhile."""
    before_s, began_s = _cpu_s(world.pid), time.monotonic()
    await asyncio.sleep(seconds)
    return 100 * (_cpu_s(world.pid) - before_s) / (time.monotonic() - began_s)


async def _say_evenly(world: UiWorld) -> None:
    """Each worker says its ad every 15 seconds, in a message of its own, for ever."""
    pause_s, began_s, count = EVERY_S / len(world.workers), time.monotonic(), 0
    async with asyncio.TaskGroup() as group:
        while True:
            group.create_task(_said(world, world.workers[count % len(world.workers)]))
            count += 1
            await asyncio.sleep(max(0.0, began_s + count * pause_s - time.monotonic()))


async def _said(world: UiWorld, worker: LabWorker) -> None:
    try:
        await world.managers.say(0, worker)
    except Unavailable as error:
        # As a worker does, which says the next one 15 seconds later.
        _say(f"an ad was not taken: {error}")


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
