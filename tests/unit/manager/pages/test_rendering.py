"""The frame of all pages: where its addresses lead, and what stands in it."""

import re

import pytest
from aiohttp.test_utils import make_mocked_request

from hoploom.manager.pages import rendering


@pytest.mark.parametrize(
    ("path", "root"),
    [
        ("/", ""),
        ("/fleet", ""),
        ("/fleet?sort=name&page=../../2", ""),
        ("/fleet/pi-1", "../"),
        ("/campaigns/a/b", "../../"),
        ("/fleet/a%2Fb", "../"),
    ],
)
def test_home_is_as_many_steps_up_as_a_page_lies_deep(path: str, root: str) -> None:
    assert rendering.root(make_mocked_request("GET", path)) == root


@pytest.mark.parametrize(
    ("path", "target", "location"),
    [("/", "", "./"), ("/pause", "", "./"), ("/campaigns/x", "campaigns", "../campaigns"), ("/a/b", "", "../")],
)
def test_who_is_sent_on_is_sent_below_the_same_prefix(path: str, target: str, location: str) -> None:
    answer = rendering.to(make_mocked_request("POST", path), target)
    assert (answer.status, answer.headers["Location"]) == (303, location)


@pytest.mark.parametrize("path", ["/", "/fleet/pi-1"])
def test_no_address_on_a_page_begins_at_the_root_of_a_host(path: str) -> None:
    text = rendering.render(make_mocked_request("GET", path), "frame.html.j2").text or ""
    addresses = re.findall(r'(?:href|src|action|data-root)="([^"]*)"', text)
    assert len(addresses) > 3
    assert not [each for each in addresses if each.startswith("/") or "//" in each]


def test_nothing_on_the_frame_needs_a_style_or_script_in_its_text() -> None:
    text = rendering.render(make_mocked_request("GET", "/"), "frame.html.j2").text or ""
    assert not re.search(r"<style|style=|<script[^>]*>[^<]|\son\w+=", text)


@pytest.mark.parametrize(
    ("method", "path", "look"),
    [("GET", "/people", ""), ("POST", "/people/invite", "../people"), ("POST", "/campaigns", "campaigns")],
)
def test_what_a_form_answers_is_renewed_from_its_section(method: str, path: str, look: str) -> None:
    assert rendering._common(make_mocked_request(method, path))["look"] == look


def test_who_is_not_signed_in_is_not_told_what_is_new() -> None:
    assert "live.js" not in (rendering.render(make_mocked_request("GET", "/"), "frame.html.j2").text or "")
