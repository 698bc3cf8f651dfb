"""Pictures of pages, of a whole mesh that maps an internet of the lab in a network namespace of its own.

Three workers ping six networks, one of which loses packets on its way. A namespace has the ports that the README names,
whatever runs beside it, and nothing leaves it.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from playwright.sync_api import Page, expect

from browser import WIDE, chromium, visiting
from hoploom import engines
from lab.internet.tun import Internet
from local_cli import Cli
from waiting import until

WAYS = {"amsterdam": (4, 0.0), "frankfurt": (7, 0.0), "helsinki": (13, 0.0), "oslo": (16, 0.12), "singapore": (88, 0.0),
        "virginia": (46, 0.0)}  # fmt: skip
"""Networks: milliseconds of one way, and the part of the packets that is lost on each."""

_IN_NAMESPACE = 'ip link set lo up && exec "$0" -m lab.picture_pages "$@"'
_NAME, _RATE_PPS, _HEIGHT = "six cities", 120, 1000
_MEASURED_S = 45.0


def make(file: Path) -> None:
    """Bring the mesh up, and take the picture after which the file is named."""
    engines.ensure(engines.NAMES, report=lambda line: None)
    command = ["unshare", "-n", "sh", "-c", _IN_NAMESPACE, sys.executable, str(file.absolute())]
    subprocess.run(command, check=True)


def declared() -> str:
    """The internet, as `lab.internet.files` reads it."""
    lines = ['[interfaces.door]\naddress = "10.0.0.1"\ndelay_ms = 0.3\n']
    for at, (city, (delay_ms, loss)) in enumerate(WAYS.items(), 1):
        lines.append(f'[interfaces.{city}]\naddress = "10.{at}.255.1"\ndelay_ms = {delay_ms}\nloss = {loss}\n')
        lines.append(f'[[prefixes]]\nprefix = "10.{at}.0.0/24"\npath = ["door", "{city}"]\ndelay_ms = 0.2\n')
    return "\n".join(lines)


def _campaign() -> dict[str, object]:
    blocks = [f"10.{at}.0.0/24" for at in range(1, len(WAYS) + 1)]
    return {
        "v": 1, "id": "six-cities", "name": _NAME, "blocks": blocks, "allow_private": True, "apart": True,
        "sources": [[city, 1] for city in WAYS], "rate_pps": _RATE_PPS, "rounds": 3,
    }  # fmt: skip


def _begin(cli: Cli) -> None:
    headers = {"Authorization": f"Bearer {cli.token('operator')}", "Content-Type": "application/json"}
    body = json.dumps(_campaign()).encode()
    urllib.request.urlopen(urllib.request.Request(f"{cli.fabio}/api/v1/campaigns", body, headers), timeout=30).close()


def _home(page: Page, cli: Cli) -> None:
    expect(page.locator("#campaigns")).to_contain_text(_NAME)
    expect(page.locator("#matrix")).to_contain_text("oslo")


def _matrix(page: Page, cli: Cli) -> None:
    page.goto(f"{cli.fabio}/matrix?campaign=six-cities")
    expect(page.get_by_role("main")).to_contain_text("oslo")


def _consul(page: Page, cli: Cli) -> None:
    page.goto(f"http://127.0.0.1:{cli.port('consul_http')}/ui/dc1/services")
    expect(page.get_by_text("output", exact=True).first).to_be_visible()


PAGES: Mapping[str, Callable[[Page, Cli], None]] = {"home.png": _home, "matrix.png": _matrix, "consul.png": _consul}
"""What leads to each page and waits until it shows what it is to show."""


def _take(file: Path) -> None:
    with tempfile.TemporaryDirectory() as folder, Internet(declared()), chromium() as browser:
        cli = Cli(Path(folder))
        try:
            cli.good("up", "--detach", "--workers", "3", "127.1.0.0/24")
            _begin(cli)
            _let_it_measure(time.monotonic() + _MEASURED_S)
            with visiting(browser) as visitor:
                visitor.page.goto(cli.good("ui", "--print").strip())
                expect(visitor.page.get_by_role("heading", name="Home")).to_be_attached()
                visitor.page.set_viewport_size({"width": WIDE["width"], "height": _HEIGHT})
                PAGES[file.name](visitor.page, cli)
                visitor.page.screenshot(path=file)
        finally:
            cli.run("down", "--purge")


def _let_it_measure(until_s: float) -> None:
    until("some rounds of pings", lambda: time.monotonic() > until_s, _MEASURED_S, 1.0)


if __name__ == "__main__":
    os.environ.pop("HOPLOOM_MESH", None)
    expect.set_options(timeout=60_000)
    _take(Path(sys.argv[1]))
