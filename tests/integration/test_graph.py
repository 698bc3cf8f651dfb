"""The picture of paths in a real browser: it is drawn, moves, and says what is known of a hop that is chosen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, sync_playwright

from bench.graph import CHROMIUM, STATIC, made
from hoploom.manager.paths.asked import Asked
from hoploom.manager.paths.drawing import document, drawing, laid

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs chromium")
WHOLE = laid(made(300))
PAGE = """<!doctype html><link rel="stylesheet" href="static/page.css">
<p id="graph-actions" hidden><button data-do="nearer">Nearer</button><button data-do="fit">All</button></p>
<canvas class="graph" id="graph" tabindex="0" data-source="api" hidden></canvas><p id="graph-state"></p>
<section id="node"></section><script type="module" src="static/paths.js"></script>"""
# How many pixels are not of the colour of the first one.
INKED = """() => {
  const canvas = document.getElementById("graph");
  const pixels = new Uint32Array(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer);
  return pixels.reduce((count, each) => count + (each !== pixels[0]), 0);
}"""


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    """What the browser is told at `api`; a test may put something else there."""
    return {}


@pytest.fixture(scope="module")
def browser(answers: dict[str, Any]) -> Iterator[Page]:
    """A browser whose every request is answered in its own process."""

    def answer(route: Route) -> None:
        name = route.request.url.rpartition("/")[2]
        if "/static/" in route.request.url:
            route.fulfill(path=STATIC / Path(name).name)
        elif name == "api":
            route.fulfill(**answers)
        else:
            route.fulfill(body=PAGE, content_type="text/html")

    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        page = made.new_page(viewport={"width": 800, "height": 700})
        page.route("**/*", answer)
        yield page
        made.close()


def drawn(browser: Page, answers: dict[str, Any], asked: Asked) -> None:
    """Load the page of a question, until its picture is there."""
    answers.clear()
    answers["json"] = document(drawing(WHOLE, asked))
    browser.goto("http://graph.invalid/paths")
    browser.wait_for_function(f"() => !document.getElementById('graph').hidden && ({INKED})() > 500")


def test_a_picture_is_drawn_and_moves_by_keys_and_buttons(browser: Page, answers: dict[str, Any]) -> None:
    drawn(browser, answers, Asked())
    assert "301 of 301 nodes" in browser.inner_text("#graph-state")
    browser.focus("#graph")
    for key in ("ArrowLeft", "ArrowUp"):
        for _ in range(15):
            browser.keyboard.press(key)
    # All of it is out of sight, until all of it is shown again.
    browser.wait_for_function(f"() => ({INKED})() < 50")
    browser.click("[data-do=fit]")
    browser.wait_for_function(f"() => ({INKED})() > 500")


def test_a_hop_that_is_chosen_says_what_is_known_of_it(browser: Page, answers: dict[str, Any]) -> None:
    drawn(browser, answers, Asked())
    browser.focus("#graph")
    browser.keyboard.press("Enter")
    assert "worker" in browser.inner_text("#node") and "fleet" in browser.inner_text("#node h3")
    browser.click("#node ul a")
    assert browser.url.startswith("http://graph.invalid/paths/10.")


def test_a_picture_that_cannot_be_fetched_is_no_dead_end(browser: Page, answers: dict[str, Any]) -> None:
    answers.clear()
    answers.update(status=503, json={"detail": "try again"})
    browser.goto("http://graph.invalid/paths")
    browser.wait_for_function("() => document.getElementById('graph-state').textContent.includes('try again')")
    assert "the tables show the same" in browser.inner_text("#graph-state")
