"""Chromium as a person with a careful eye has it: whatever a page says on the console, or cannot load, is a complaint.

A violation of the content security policy, an error in a script, a request that fails and an answer of 400 and more are
all told there. Who wants a page that is refused takes its complaints out again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request, ViewportSize, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
WIDE, NARROW = ViewportSize(width=1280, height=900), ViewportSize(width=360, height=740)
PATIENT_MS = 60_000
"""A busy machine may take long over a page."""

_GRAVE = ("serious", "critical")
_WIDTHS = "() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
# A stream of news ends when the page is left, which is no fault.
_LEFT = "net::ERR_ABORTED"


@dataclass
class Visitor:
    """A person at a browser.

    Attributes:
        page: What is seen.
        complaints: What the browser has complained of so far.
        loaded_bytes: What came over the network since it was last set to 0, bodies and headers.
    """

    page: Page
    complaints: list[str] = field(default_factory=list)
    loaded_bytes: int = 0

    def watch(self) -> None:
        """Listen for complaints."""
        self.page.on("console", lambda said: self._complain(said.text, is_grave=said.type == "error"))
        self.page.on("pageerror", lambda error: self._complain(str(error), is_grave=True))
        self.page.on("requestfailed", self._failed)
        self.page.on("requestfinished", self._finished)

    def looks(self, *, dark: bool = False, narrow: bool = False) -> None:
        """Wear another pair of eyes, or hold a phone."""
        self.page.emulate_media(color_scheme="dark" if dark else "light")
        self.page.set_viewport_size(NARROW if narrow else WIDE)

    def barriers(self, *rules: str) -> list[str]:
        """What axe-core finds on the page that is serious or critical, each with its place; `rules` are all of its."""
        only = {"runOnly": {"type": "rule", "values": list(rules)}} if rules else None
        found = Axe().run(self.page, options=only).response["violations"]
        return [
            f"{each['id']}: {node['html'][:160]}"
            for each in found
            if each["impact"] in _GRAVE
            for node in each["nodes"]
        ]

    def overhang(self) -> int:
        """Pixels by which the page is wider than what shows it."""
        whole, shown = self.page.evaluate(_WIDTHS)
        return int(whole) - int(shown)

    def _complain(self, text: str, *, is_grave: bool) -> None:
        if is_grave:
            self.complaints.append(f"{self.page.url}: {text}")

    def _failed(self, request: Request) -> None:
        if request.failure != _LEFT:
            self.complaints.append(f"{request.url}: {request.failure}")

    def _finished(self, request: Request) -> None:
        sizes = request.sizes()
        self.loaded_bytes += sizes["responseBodySize"] + sizes["responseHeadersSize"]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser for the time of the block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@contextmanager
def visiting(browser: Browser) -> Iterator[Visitor]:
    """Somebody new, without a cookie, for the time of the block."""
    context = browser.new_context(viewport=WIDE)
    context.set_default_timeout(PATIENT_MS)
    visitor = Visitor(context.new_page())
    visitor.watch()
    yield visitor
    context.close()
