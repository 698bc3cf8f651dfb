"""Frames of the graph of paths while it is moved: 20,000 hops, in headless Chromium without a graphics card.

The page is ours, the graph is made, and every request is answered within the browser's own process: nothing is sent.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from hoploom.cli.bench import Figure, at_most
from hoploom.kit.errors import ConfigError
from hoploom.manager.paths import drawing, graph
from hoploom.manager.paths.asked import Asked
from hoploom.wire.addresses import column
from hoploom.wire.paths import HOP, LINK, Topology

try:
    from playwright.sync_api import Route, sync_playwright
except ImportError as error:
    raise ConfigError("this bench needs the tests' own packages: run it with `python3 tests`' environment") from error

HOPS: Final = 20_000
FRAMES: Final = 240
_FEW: Final = 10
"""Hops of the graph beside: what a frame takes on this machine just now, whatever is in it."""
STATIC: Final = Path(graph.__file__).resolve().parents[1] / "static"
CHROMIUM: Final = Path("/usr/bin/chromium")
_PAGE: Final = """<!doctype html><link rel="stylesheet" href="static/page.css">
<canvas class="graph" id="graph" tabindex="0"></canvas>"""
_READY: Final = """async (data) => {
  const { Graph } = await import("./static/graph.js");
  const { nodes, links, found, way } = data;
  window.graph = new Graph(document.getElementById("graph"), { ...nodes, ...links, found, way }, () => {});
  const paint = graph.paint.bind(graph);
  window.painted = [];
  graph.paint = () => { const at = performance.now(); paint(); painted.push(performance.now() - at); };
  await new Promise((done) => setTimeout(done, 1500));
}"""
# Every frame moves by as much as a quick hand does.
_MOVES: Final = {
    "panning over all of it": "graph.pan(9 * Math.sin(frame / 19), 7 * Math.cos(frame / 23));",
    "panning near by": "graph.pan(14, frame % 80 < 40 ? 9 : -9);",
    "zooming": "graph.zoom(frame % 120 < 60 ? 1.03 : 1 / 1.03);",
}
_RUN: Final = """async ([frames, move]) => {
  const step = new Function("frame", move);
  painted.length = 0;
  const times = [];
  await new Promise((done) => {
    const next = (now) => {
      times.push(now);
      if (times.length > frames) return done();
      step(times.length);
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  });
  return { frames: times.slice(1).map((time, at) => time - times[at]), painted: [...painted] };
}"""


def measure(scale: float = 1.0) -> list[Figure]:
    """Move a graph of that part of 20,000 hops about."""
    if not CHROMIUM.exists():
        raise ConfigError("chromium is what this bench measures in: install it (`apt-get install chromium`)")
    small, whole = (_moved(each) for each in (_drawn(_FEW), _drawn(max(100, round(HOPS * scale)))))
    found: list[Figure] = []
    for move, times in whole.items():
        for share, most in ((50, 20.0), (99, 50.0)):
            anchor, value = (float(np.percentile(each[move]["frames"], share)) for each in (small, whole))
            painted = float(np.percentile(times["painted"], share))
            name = f"{move}, {share} of 100"
            found += [
                at_most(f"frame while {name}", round(value, 1), "ms", most, (f"{_FEW} hops", round(anchor, 1))),
                at_most(f"of it painted by us while {name}", round(painted, 1), "ms", most),
            ]
    return found


def _drawn(hops: int) -> dict[str, Any]:
    """The document of a graph of so many hops."""
    return drawing.document(drawing.drawing(drawing.laid(made(hops)), Asked()))


def made(count: int) -> graph.Graph:
    """A graph of so many hops behind one worker, a quarter more links than hops."""
    random = np.random.default_rng(1)
    address = column(f"10.{at >> 16}.{at >> 8 & 255}.{at & 255}" for at in range(count))
    links = np.zeros(count + count // 4, LINK)
    parent = (np.arange(count) * np.sqrt(random.random(count)) * 0.5).astype(np.int64)
    links["far"][:count], links["near"][1:count] = address, address[parent[1:]]
    across = np.sort(random.integers(0, count, (count // 4, 2)), axis=1)
    links["near"][count:], links["far"][count:] = address[across].swapaxes(0, 1)
    links["gap"], links["count"] = random.random(len(links)) < 0.05, random.integers(1, 100, len(links))
    links = links[(links["near"] != links["far"]).any(axis=1)]
    hops = np.zeros(count, HOP)
    hops["address"], hops["count"], hops["ttl_min"] = address, 1, 1
    hops["is_target"] = random.random(count) < 0.3
    return graph.merged([Topology(workers=("fleet",), links=links, hops=hops)])


def _moved(document: dict[str, Any]) -> dict[str, dict[str, list[float]]]:
    """Milliseconds between frames, and spent painting each, by the way of moving."""
    def answer(route: Route) -> None:
        name = route.request.url.partition("/static/")[2]
        if name:
            route.fulfill(path=STATIC / Path(name).name)
        else:
            route.fulfill(body=_PAGE, content_type="text/html")

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=arguments)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.route("**/*", answer)
        page.goto("http://graph.invalid/")
        page.evaluate(_READY, document)
        found = {}
        for move, step in _MOVES.items():
            if move == "panning near by":
                page.evaluate("() => { graph.zoom(8); return new Promise((done) => setTimeout(done, 1500)); }")
            found[move] = page.evaluate(_RUN, [FRAMES, step])
        browser.close()
    return found
