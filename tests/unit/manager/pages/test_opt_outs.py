"""The page of opt-outs: who stands on it, and how a block comes on it and off it."""

import logging
from html import unescape

import pytest
from aiohttp import web

from hoploom.input_service.app import PARTS
from hoploom.wire.overlay import OptOut
from hoploom.wire.people import Role
from unit.manager.pages.conftest import Browsers

NOTE = "\u05d0" * 200


async def test_a_block_comes_on_the_list_and_off_it(
    browsers: Browsers, inputs: web.Application, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    browser = await browsers(Role.OPERATOR)
    assert "Nobody has opted out." in await (await browser.get("/opt-outs")).text()
    wish = {"block": " 2001:DB8::/32 ", "until": "2999-01-31", "note": NOTE}
    for _ in range(2):
        answer = await browser.post("/opt-outs", data=wish, allow_redirects=False)
        assert answer.status == 303, await answer.text()
        assert answer.headers["Location"] == "opt-outs"
    page = await (await browser.get("/opt-outs")).text()
    assert "2001:db8::/32" in page and "2999-01-31" in page and f"<bdi>{NOTE}</bdi>" in page and "1 of 1" in page
    assert caplog.text.count("audit: olga (operator): opt out: 2001:DB8::/32, until 2999-01-31") == 1
    answer = await browser.post("/opt-outs/remove", data={"block": "2001:db8::/32"}, allow_redirects=False)
    assert answer.status == 303 and "Nobody has opted out." in await (await browser.get("/opt-outs")).text()


@pytest.mark.parametrize(
    ("wish", "said", "field"),
    [
        ({"block": ""}, "", "block"),
        ({"block": "x<script>"}, "not an IP address", "block"),
        ({"block": "10.0.0.1/8"}, "host bits", "block"),
        ({"block": "::1", "until": "2001-01-01"}, "its last day is 2001-01-01", "until"),
        ({"block": "::1", "until": "soon"}, "no day such as", "until"),
        ({"block": "::1", "note": "x" * 201}, "at most 200 characters", "note"),
    ],
)
async def test_a_slip_stands_beside_its_field_and_what_was_typed_stays(
    browsers: Browsers, inputs: web.Application, wish: dict[str, str], said: str, field: str
) -> None:
    browser = await browsers(Role.OPERATOR)
    answer = await browser.post("/opt-outs", data=wish)
    page = await answer.text()
    assert answer.status == 422 and said in unescape(page) and f'id="{field}-error"' in page and "<script>" not in page
    assert all(each[:100] in unescape(page) for each in wish.values())
    known = inputs[PARTS].overlay.current
    assert known and not known.opt_outs


async def test_a_long_list_has_pages_and_is_searched(browsers: Browsers, inputs: web.Application) -> None:
    blocks = [OptOut(block=f"10.0.{number}.0/24", note="mail") for number in range(150)]
    await inputs[PARTS].overlay.change(
        lambda before: before.__class__(opt_outs=tuple(sorted(blocks, key=lambda each: each.block)))
    )
    browser = await browsers(Role.VIEWER)
    page = await (await browser.get("/opt-outs?page=2")).text()
    assert "101 to 150 of 150" in page and page.count("opt-outs/remove") == 50
    assert "1 of 150" in await (await browser.get("/opt-outs?q=10.0.77.")).text()
    assert "None of 150 is like that" in await (await browser.get("/opt-outs?q=nobody")).text()


async def test_viewers_look_and_change_nothing(browsers: Browsers, inputs: web.Application) -> None:
    browser = await browsers(Role.VIEWER)
    assert "for operators: you are viewer" in await (await browser.get("/opt-outs")).text()
    for path in ("/opt-outs", "/opt-outs/remove"):
        assert (await browser.post(path, data={"block": "::1"})).status == 403
    known = inputs[PARTS].overlay.current
    assert known and known.version == 0
