"""The pages of campaigns: what they show, what operators do there, and what stands while something is away."""

import logging
from html import unescape

import pytest
from aiohttp import web

from hoploom.input_service.app import PARTS
from hoploom.manager.sight import SIGHT
from hoploom.wire.campaign_request import CampaignRequest
from hoploom.wire.people import Role
from unit.manager.pages.conftest import Browser, Browsers

RTL = "\u05d0" * 200


async def campaign(inputs: web.Application, name: str = "demo", title: str = "<b>bold</b>") -> None:
    wanted = CampaignRequest(id=name, name=title, blocks=("127.0.0.0/24", "::1"), allow_private=True)
    await inputs[PARTS].campaigns.create(wanted)


async def shown(browser: Browser, path: str) -> str:
    app = browser.app
    assert app
    await app[SIGHT].fresh()
    answer = await browser.get(path)
    assert answer.status == 200, await answer.text()
    return await answer.text()


async def test_the_list_names_every_campaign_and_how_it_stands(browsers: Browsers, inputs: web.Application) -> None:
    browser = await browsers(Role.VIEWER)
    assert "None yet." in await shown(browser, "/campaigns")
    await campaign(inputs)
    await campaign(inputs, "other", RTL)
    page = await shown(browser, "/campaigns")
    assert "2 of 2 campaigns" in page and "&lt;b&gt;bold&lt;/b&gt;" in page and f"<bdi>{RTL}</bdi>" in page
    assert page.index(RTL) < page.index("bold"), "the newest first"
    assert "waiting" in page and "257" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [("q=BOLD", ["demo"]), ("q=other", ["other"]), ("state=waiting", ["demo", "other"]), ("state=running", []),
     ("state=nonsense&page=x", ["demo", "other"]), ("page=999999", ["demo", "other"]), ("q=%00%3Cb%3E", [])],
)  # fmt: skip
async def test_some_are_chosen(browsers: Browsers, inputs: web.Application, query: str, found: list[str]) -> None:
    browser = await browsers(Role.VIEWER)
    await campaign(inputs)
    await campaign(inputs, "other", "other")
    page = await shown(browser, f"/campaigns?{query}")
    assert [name for name in ("demo", "other") if f'href="campaigns/{name}"' in page] == found
    assert bool(found) or "None of 2 is like that" in page


async def test_one_shows_its_settings_groups_and_parts(browsers: Browsers, inputs: web.Application) -> None:
    browser = await browsers(Role.VIEWER)
    await campaign(inputs)
    page = await shown(browser, "/campaigns/demo")
    assert "256 IPv4, 1 IPv6" in page and "as fast as the workers can" in page and "no worker has asked for it" in page
    assert 'action="demo/pause"' in page and "for operators: you are viewer" in page
    assert (await browser.get("/campaigns/none")).status == 404
    assert (await browser.get("/campaigns/..%2Foverlay")).status == 404


async def test_an_operator_pauses_resumes_and_stops_for_good(
    browsers: Browsers, inputs: web.Application, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    browser = await browsers(Role.OPERATOR)
    await campaign(inputs)
    for act, word in (("pause", "paused"), ("resume", "waiting")):
        answer = await browser.post(f"/campaigns/demo/{act}", allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (303, "../../campaigns/demo")
        assert f"</span> {word}</span>" in await (await browser.get("/campaigns/demo")).text()
        assert f"audit: olga (operator): {act} a campaign: demo" in caplog.text
    unsure = await browser.post("/campaigns/demo/stop")
    assert unsure.status == 400 and "tick the box" in await unsure.text()
    for _ in range(2):
        answer = await browser.post("/campaigns/demo/stop", data={"sure": "yes"}, allow_redirects=False)
        assert answer.status == 303
    page = await (await browser.get("/campaigns/demo")).text()
    assert "Stopped for good by <bdi>olga</bdi>" in page and "Resume" not in page.partition("<main")[2]
    assert caplog.text.count("stop a campaign: demo") == 1
    again = await browser.post("/campaigns/demo/resume")
    assert again.status == 422 and "was stopped by olga, for good" in unescape(await again.text())


@pytest.mark.parametrize("path", ["none/pause", "none/stop", "A/pause", "demo/x"])
async def test_what_there_is_not_is_not_steered(browsers: Browsers, path: str) -> None:
    browser = await browsers(Role.OPERATOR)
    assert (await browser.post(f"/campaigns/{path}", data={"sure": "yes"})).status == 404


async def test_viewers_steer_nothing_and_nobody_without_the_pages_word(
    browsers: Browsers, inputs: web.Application
) -> None:
    await campaign(inputs)
    viewer, operator = await browsers(Role.VIEWER), await browsers(Role.OPERATOR)
    for act in ("pause", "stop"):
        assert (await viewer.post(f"/campaigns/demo/{act}", data={"sure": "yes"})).status == 403
        forged = await operator.post(f"/campaigns/demo/{act}", data={"sure": "yes"}, headers={"X-CSRF": "x"})
        assert forged.status == 403
    assert not (await inputs[PARTS].campaigns.get("demo")).stopped_us
    known = inputs[PARTS].overlay.current
    assert known and not known.is_paused("demo")


async def test_what_was_seen_last_stands_while_the_input_service_is_away(
    browsers: Browsers, inputs: web.Application
) -> None:
    browser = await browsers(Role.VIEWER)
    await campaign(inputs)
    await shown(browser, "/campaigns")
    inputs[PARTS].campaigns._consul.away = True  # type: ignore[attr-defined]
    for path in ("/campaigns", "/campaigns/demo"):
        page = await shown(browser, path)
        assert "What follows is" in page and "bold" in page
