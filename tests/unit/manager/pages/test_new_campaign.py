"""The form of a new campaign: planned first, started once, and whatever will not do is said with all that was typed."""

import io
import logging
import re
from html import unescape
from typing import Any

import pytest
from aiohttp import FormData, web

from hoploom.input_service.app import PARTS
from hoploom.manager.app import MAX_BODY_BYTES
from hoploom.wire.people import Role
from unit.manager.pages.conftest import Browser, Browsers

RTL = "\u05d0" * 200
Page = tuple[int, str]


def form(step: str, **fields: str) -> FormData:
    data = FormData(default_to_multipart=True)
    for name, text in {"key": "k1", "step": step, "blocks": "127.0.0.1", "own": "yes", **fields}.items():
        data.add_field(name, text)
    return data


async def sent(browser: Browser, data: FormData) -> Page:
    answer = await browser.post("/campaigns/new", data=data, allow_redirects=False)
    return answer.status, answer.headers.get("Location", "") or unescape(await answer.text())


def planned(page: str) -> str:
    found = re.search(r'name="planned" value="([^"]+)"', page)
    assert found, page
    return found.group(1)


async def made(inputs: web.Application) -> list[Any]:
    return await inputs[PARTS].campaigns.all()


async def test_a_campaign_of_one_address_is_planned_and_started_once(
    browsers: Browsers, inputs: web.Application, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    browser = await browsers(Role.OPERATOR)
    status, page = await sent(browser, form("plan", name=RTL))
    assert status == 200 and "Nothing was sent." in page and "<strong>1</strong>: 1 IPv4" in page
    assert f"value=\"{RTL}\"" in page and await made(inputs) == []
    # A double click sends the same form twice.
    answers = [await sent(browser, form("start", name=RTL, planned=planned(page))) for _ in range(2)]
    [campaign] = await made(inputs)
    assert answers == [(303, f"../campaigns/{campaign.id}")] * 2 and campaign.name == RTL
    assert "audit: olga (operator): make a campaign" in caplog.text and "is made by olga, request" in caplog.text
    shown = await (await browser.get(f"/campaigns/{campaign.id}")).text()
    assert f"<bdi>{RTL}</bdi>" in shown


async def test_what_was_not_planned_is_not_started(browsers: Browsers, inputs: web.Application) -> None:
    browser = await browsers(Role.OPERATOR)
    _, page = await sent(browser, form("plan"))
    status, again = await sent(browser, form("start", blocks="127.0.0.0/24", planned=planned(page)))
    assert status == 422 and "another plan than the one that was shown" in again and "<strong>256</strong>" in again
    status, _ = await sent(browser, form("start", planned=""))
    assert status == 422 and await made(inputs) == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"blocks": ""}, "Name at least one block or address"),
        ({"blocks": "::1\n<b>bad</b> line"}, "Line 2: "),
        ({"blocks": "127.0.0.1", "own": ""}, "tick “My own networks”"),
        ({"blocks": "8.8.8.8"}, "name who answers for it, such as noc@example.org"),
        ({"blocks": "240.0.0.0/8"}, "nobody may probe 240.0.0.0/8"),
        ({"blocks": "2a00::/12", "contact": "noc@example.org"}, "or raise “Targets at most”"),
        ({"rate_pps": "fast"}, "a whole number, such as 100"),
        ({"blocks": "8.8.8.8", "contact": "noc@example.org", "rate_pps": "0"}, "give a rate"),
        ({"per_prefix": "x"}, "sampling"),
        ({"name": "x" * 201}, "at most 200 characters"),
    ],
)
async def test_a_slip_is_a_sentence_and_what_was_typed_stays(
    browsers: Browsers, inputs: web.Application, fields: dict[str, str], said: str
) -> None:
    browser = await browsers(Role.OPERATOR)
    for step in ("plan", "start"):
        answer = await browser.post("/campaigns/new", data=form(step, **{"name": "kept", **fields}))
        raw = await answer.text()
        page = unescape(raw)
        assert answer.status == 422 and said in page and "Nothing was sent." in page, page
        assert (fields.get("blocks") or "Blocks") in page and fields.get("name", "kept")[:50] in page
        assert "<b>bad" not in raw
    assert await made(inputs) == []


async def test_other_peoples_networks_need_a_yes(browsers: Browsers, inputs: web.Application) -> None:
    browser = await browsers(Role.OPERATOR)
    public = {"blocks": "192.88.98.0/24", "own": "", "contact": "noc@example.org"}
    _, page = await sent(browser, form("plan", **public))
    assert "I answer for these probes as <bdi>noc@example.org</bdi>" in page
    status, page = await sent(browser, form("start", **public, planned=planned(page)))
    assert status == 422 and "say that you answer for the probes" in page and await made(inputs) == []
    status, _ = await sent(browser, form("start", **public, planned=planned(page), agreed="yes"))
    assert status == 303 and [each.contact for each in await made(inputs)] == ["noc@example.org"]


async def test_lists_are_read_from_files_and_stay_in_the_form(browsers: Browsers) -> None:
    browser = await browsers(Role.OPERATOR)
    data = form("plan", blocks="127.0.0.1")
    data.add_field("lists", b"127.0.1.0/24 # b\r\n", filename="cloud.txt", content_type="text/plain")
    data.add_field("lists", b"\xef\xbb\xbf127.0.2.0/24\n", filename="b.txt", content_type="text/plain")
    data.add_field("lists", b"", filename="", content_type="application/octet-stream")
    status, page = await sent(browser, data)
    assert status == 200 and "<strong>513</strong>" in page
    assert "127.0.0.1\n# from cloud.txt\n127.0.1.0/24 # b\n# from b.txt\n127.0.2.0/24</textarea>" in page


async def test_a_body_that_is_too_large_is_a_page_with_the_way_out(browsers: Browsers) -> None:
    browser = await browsers(Role.OPERATOR)
    data = form("plan")
    data.add_field("lists", io.BytesIO(b"#" * MAX_BODY_BYTES), filename="long.txt")
    answer = await browser.post("/campaigns/new", data=data)
    assert answer.status == 413 and "split the list" in await answer.text()


async def test_while_the_input_service_is_away_nothing_typed_is_lost(
    browsers: Browsers, inputs: web.Application
) -> None:
    browser = await browsers(Role.OPERATOR)
    _, page = await sent(browser, form("plan", name="kept"))
    inputs[PARTS].campaigns._consul.away = True  # type: ignore[attr-defined]
    status, page = await sent(browser, form("start", name="kept", planned=planned(page)))
    assert status == 503 and 'value="kept"' in page and "the same form makes no second campaign" in page
    assert planned(page)


@pytest.mark.parametrize("role", [Role.VIEWER])
async def test_viewers_make_no_campaigns(browsers: Browsers, inputs: web.Application, role: Role) -> None:
    browser = await browsers(role)
    assert (await browser.get("/campaigns/new")).status == 403
    assert (await sent(browser, form("plan")))[0] == 403
    assert await made(inputs) == []


async def test_a_form_is_empty_at_first_and_two_forms_are_two_campaigns(browsers: Browsers) -> None:
    browser = await browsers(Role.OPERATOR)
    pages = [await (await browser.get("/campaigns/new")).text() for _ in range(2)]
    keys = {re.search(r'name="key" value="(\w+)"', each).group(1) for each in pages}  # type: ignore[union-attr]
    assert len(keys) == 2 and all('name="planned" value=""' in each for each in pages)
