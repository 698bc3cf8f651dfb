"""A person at a browser before a real mesh: comes in, maps, pauses, sees what dies, and goes."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from functools import partial

import pytest
from playwright.sync_api import Browser, expect

from browser import CHROMIUM, PATIENT_MS, Visitor, chromium, visiting
from listeners import listener
from local_cli import Cli
from waiting import until

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs chromium")
NAV = ("", "fleet", "campaigns", "map", "paths", "matrix", "series", "stored", "mesh", "api", "people")
OTHERS = ("campaigns/new", "opt-outs", "caps", "account", "account/tokens")
MOST_BYTES = 300_000


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    cli = Cli(tmp_path_factory.mktemp("state"))
    try:
        cli.good("up", "--detach", "--workers", "2", "127.1.0.0/22")
        yield cli
    finally:
        cli.run("down", "--purge")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENT_MS)
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def visitor(browser: Browser, cli: Cli) -> Iterator[Visitor]:
    """The mesh's owner, who has come in by the link of `hoploom ui`."""
    with visiting(browser) as visitor:
        come_in(visitor, cli)
        yield visitor


def come_in(visitor: Visitor, cli: Cli) -> None:
    visitor.page.goto(cli.good("ui", "--print").strip())
    expect(visitor.page).to_have_title(re.compile("^Home"))


@pytest.fixture(autouse=True)
def contented(visitor: Visitor) -> Iterator[None]:
    """No test leaves a complaint of the browser behind."""
    yield
    complaints, visitor.complaints = visitor.complaints, []
    assert not complaints


def look_at(visitor: Visitor, cli: Cli, page: str) -> None:
    visitor.page.goto(f"{cli.fabio}/{page}")


def test_a_campaign_is_planned_made_and_seen_to_its_end_without_loading_again(visitor: Visitor, cli: Cli) -> None:
    page = visitor.page
    look_at(visitor, cli, "campaigns/new")
    page.get_by_label("Blocks and addresses").fill("127.2.0.0/23 # two racks")
    page.get_by_label("Name", exact=True).fill("two racks")
    page.get_by_label("My own networks").check()
    page.get_by_label("Packets a second").fill("200")
    page.get_by_role("button", name="Show the plan").click()
    expect(page.get_by_text("Nothing was sent.", exact=True)).to_be_visible()
    expect(page.locator("dl.facts").first).to_contain_text("512")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("two racks")
    page.evaluate("window.here = true")
    expect(page.locator("#state")).to_contain_text("finished")
    expect(page.locator("#campaign")).to_contain_text("512 of 512 done")
    assert page.evaluate("window.here"), "the page was loaded again"


def test_pause_is_reached_and_pressed_by_the_keyboard_alone(visitor: Visitor, cli: Cli) -> None:
    page = visitor.page
    look_at(visitor, cli, "map")
    for pressed, then in (("Pause all probing", "Resume probing"), ("Resume probing", "Pause all probing")):
        page.locator("body").focus()
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.textContent").strip() == pressed:
                break
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name=then)).to_be_visible()
        until("what input knows", partial(is_paused, cli, wanted=then == "Resume probing"), 10)


def is_paused(cli: Cli, *, wanted: bool) -> bool:
    return bool(cli.status()["overlay"]["paused"]) is wanted


def test_no_page_has_a_serious_barrier(visitor: Visitor, cli: Cli) -> None:
    found = {}
    for name in (*NAV, *OTHERS):
        visitor.looks(dark=False)
        look_at(visitor, cli, name)
        found[name] = visitor.barriers()
        visitor.looks(dark=True)
        # All else is the same by day and by night.
        found[f"{name} in the dark"] = visitor.barriers("color-contrast")
    assert not {name: each for name, each in found.items() if each}


def test_on_a_phone_no_page_is_wider_than_the_screen(visitor: Visitor, cli: Cli) -> None:
    visitor.looks(narrow=True)
    found = {}
    for name in (*NAV, *OTHERS):
        look_at(visitor, cli, name)
        found[name] = visitor.overhang()
    visitor.looks()
    assert {name: each for name, each in found.items() if each > 0} == {}


def test_the_first_page_is_small(browser: Browser, cli: Cli) -> None:
    with visiting(browser) as visitor:
        come_in(visitor, cli)
        visitor.page.wait_for_load_state("load")
        assert 5_000 < visitor.loaded_bytes < MOST_BYTES


def test_who_is_killed_turns_red_on_a_page_that_is_open(visitor: Visitor, cli: Cli) -> None:
    page = visitor.page
    look_at(visitor, cli, "fleet")
    page.evaluate("window.here = true")
    victim = next(each for each in cli.status()["instances"] if each["service"] == "ping")
    row = page.get_by_role("row").filter(has_text=victim["id"])
    expect(row).to_contain_text("passing")
    os.kill(listener(victim["port"]), signal.SIGKILL)
    expect(row).to_contain_text("critical")
    assert page.evaluate("window.here"), "the page was loaded again"


def test_who_signs_out_is_out(visitor: Visitor, cli: Cli) -> None:
    page = visitor.page
    look_at(visitor, cli, "")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    look_at(visitor, cli, "fleet")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
