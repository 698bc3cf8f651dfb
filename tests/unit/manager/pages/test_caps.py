"""The page of caps: what holds, and what operators make of it."""

import logging

import pytest
from aiohttp import web

from hoploom.input_service.app import PARTS
from hoploom.wire.people import Role
from unit.manager.pages.conftest import Browsers


def holds(inputs: web.Application) -> tuple[int, int]:
    known = inputs[PARTS].overlay.current
    assert known
    return known.rate_pps, known.network_pps


async def test_caps_are_set_and_taken_away(
    browsers: Browsers, inputs: web.Application, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    browser = await browsers(Role.OPERATOR)
    answer = await browser.post("/caps", data={"rate_pps": "1,000", "network_pps": "5"}, allow_redirects=False)
    assert (answer.status, answer.headers["Location"], holds(inputs)) == (303, "caps?changed", (1000, 5))
    assert "audit: olga (operator): set caps: 1000 to a campaign, 5 to a network" in caplog.text
    page = await (await browser.get("/caps?changed")).text()
    assert 'value="1000"' in page and "These hold now." in page
    await browser.post("/caps", data={"rate_pps": "0", "network_pps": "0"})
    assert holds(inputs) == (0, 0)


@pytest.mark.parametrize("text", ["", "fast", "-1", "1.5", "9" * 12, "9" * 99])
async def test_a_slip_stands_beside_its_field(browsers: Browsers, inputs: web.Application, text: str) -> None:
    browser = await browsers(Role.OPERATOR)
    answer = await browser.post("/caps", data={"rate_pps": text, "network_pps": "3"})
    page = await answer.text()
    assert answer.status == 422 and 'id="rate_pps-error"' in page and 'value="3"' in page and holds(inputs) == (0, 0)


async def test_viewers_look(browsers: Browsers, inputs: web.Application) -> None:
    browser = await browsers(Role.VIEWER)
    assert "for operators: you are viewer" in await (await browser.get("/caps")).text()
    assert (await browser.post("/caps", data={"rate_pps": "1", "network_pps": "1"})).status == 403
    assert holds(inputs) == (0, 0)
