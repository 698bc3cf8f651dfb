"""Other datacenters are asked how far they are, rarely, and what they said last stands while they are away."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from hoploom.input_service import elsewhere as module
from hoploom.input_service.elsewhere import Elsewhere
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.membership import Mesh
from unit.input_service.test_pulling import THEIRS
from unit.input_service.test_slice_sums import row

CAMPAIGN = replace(THEIRS, slices={"dc1": 1, "dc2": 3}, here="dc1")


class Other:
    """An input instance of dc2."""

    def __init__(self) -> None:
        self.asked, self.status, self.done = 0, 200, 1

    async def answer(self, request: web.Request) -> web.Response:
        assert request.path_qs == module.PATH
        self.asked += 1
        row_of = {"campaign": CAMPAIGN.to_json(), "groups": {"all": row(3072, self.done)}}
        return web.json_response({"v": 1, "campaigns": [row_of]}, status=self.status)


@pytest.fixture
async def other(fake_consul: FakeConsul) -> AsyncIterator[Other]:
    found, app = Other(), web.Application()
    app.router.add_get("/api/v1/campaigns", found.answer)
    async with TestServer(app) as server:
        fake_consul.add_instance("input", "127.0.0.1", server.port or 0, dc="dc2")
        yield found


@pytest.fixture
async def mesh(fake_consul: FakeConsul) -> AsyncIterator[Mesh]:
    found = Mesh("input")
    found.consul = fake_consul
    yield found
    await found.close()


async def test_one_answer_serves_all_who_look_within_a_second(mesh: Mesh, other: Other) -> None:
    elsewhere = Elsewhere(mesh)
    for _ in range(3):
        found = await elsewhere.parts(CAMPAIGN)
        assert found["dc2"].groups["all"]["done"] == 1 and found["dc2"].as_of_us and not found["dc2"].away
    assert other.asked == 1


async def test_nobody_is_asked_for_a_campaign_of_this_datacenter(mesh: Mesh, other: Other) -> None:
    for each in (replace(CAMPAIGN, slices={}), replace(CAMPAIGN, parent="x"), replace(CAMPAIGN, slices={}, home_dc="")):
        assert await Elsewhere(mesh).parts(each) == {}
    assert other.asked == 0


@pytest.mark.parametrize("fault", ["cut", "refuses", "gone"])
async def test_what_was_said_last_stands_while_nobody_answers(
    mesh: Mesh, other: Other, fake_consul: FakeConsul, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(module, "FRESH_S", 0.0)
    elsewhere = Elsewhere(mesh)
    before = (await elsewhere.parts(CAMPAIGN))["dc2"]
    if fault == "cut":
        fake_consul.away_datacenters = {"dc2"}
    elif fault == "refuses":
        other.status = 503
    else:
        (gone,) = (await fake_consul.instances("input", dc="dc2"))[1]
        elsewhere._known["dc2"].instances = [replace(gone, port=1)]
        await fake_consul.deregister(gone.id)
    found = (await elsewhere.parts(CAMPAIGN))["dc2"]
    assert (found.groups, found.as_of_us) == (before.groups, before.as_of_us) and found.away
    # A moment later nobody waits for it again.
    asked = other.asked
    assert (await elsewhere.parts(CAMPAIGN))["dc2"] == found and other.asked == asked
    monkeypatch.setattr(module, "AGAIN_S", 0.0)
    elsewhere._known["dc2"].next_s = 0.0
    fake_consul.away_datacenters, other.status, other.done = set(), 200, 9
    if fault != "gone":
        found = (await elsewhere.parts(CAMPAIGN))["dc2"]
        assert found.groups["all"]["done"] == 9 and not found.away


async def test_a_datacenter_that_was_never_heard_has_said_nothing(mesh: Mesh, fake_consul: FakeConsul) -> None:
    found = (await Elsewhere(mesh).parts(CAMPAIGN))["dc2"]
    assert (found.groups, found.as_of_us) == ({}, 0) and found.away
