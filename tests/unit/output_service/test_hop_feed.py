"""The input service is told of every stored hop once, whoever is away or restarts meanwhile."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom.kit.errors import Unavailable
from hoploom.kit.http_client import Answer
from hoploom.kit.testing import OnMesh
from hoploom.output_service import hop_feed
from hoploom.output_service.app import make_app
from hoploom.output_service.handlers import STORE
from hoploom.output_service.hop_feed import HopFeed
from hoploom.output_service.settings import Settings
from hoploom.output_service.store import Store
from hoploom.wire.hops import HopAnswer, HopReport
from unit.output_service.folders import ALWAYS, stepped
from unit.wire.batches import make
from unit.wire.traces import one_hop_each, paths, traced
from waiting import eventually

TAKEN = Answer(200, b"{}")
PROBLEM = {"Content-Type": "application/problem+json"}


@dataclass
class Input:
    """An input service that answers like this; what it has heard is kept also where it refuses."""

    answer: Answer | Exception = TAKEN
    heard: list[HopReport] = field(default_factory=list)
    headers: list[Any] = field(default_factory=list)

    async def request(self, method: str, path: str, **options: Any) -> Answer:
        assert (method, path) == ("POST", "/hops")
        self.heard.append(HopReport.from_json(options["json"]))
        self.headers.append(options["headers"])
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    @property
    def hops(self) -> list[str]:
        """All hops of all reports."""
        return [str(hop) for report in self.heard for hop in report.hops]


def feed(store: Store, told: Input) -> HopFeed:
    return HopFeed(store, told, "secret")  # type: ignore[arg-type]


async def kept(store: Store, number: int, hops: Sequence[str | None], **changes: Any) -> None:
    await store.append(traced(number, columns=one_hop_each(hops), **changes))


async def all_told(store: Store, told: Input) -> None:
    each = feed(store, told)
    while await each.step():
        pass


async def test_hops_are_told_by_worker_and_campaign_and_neither_silence_nor_targets_are(store: Store) -> None:
    told = Input()
    assert await feed(store, told).step() is False
    await kept(store, 0, ["8.8.8.8", None, "1.1.1.1"])
    await kept(store, 1, ["8.8.8.8"], campaign="second-map", worker="pi-8")
    await store.append(traced(2, columns=paths(3)))
    await store.append(make(3))
    await all_told(store, told)
    found = {(each.worker, each.campaign): sorted(map(str, each.hops)) for each in told.heard}
    assert found == {
        ("pi-7", "first-map"): ["1.1.1.1", "11.0.0.1", "11.0.0.3", "11.0.0.4", "8.8.8.8"],
        ("pi-8", "second-map"): ["8.8.8.8"],
    }
    assert told.headers[0] == {"Authorization": "Bearer secret"}


async def test_what_was_told_is_not_told_again_after_a_restart(store: Store) -> None:
    await kept(store, 0, ["8.8.8.8"])
    await all_told(store, first := Input())
    await kept(store, 1, ["1.1.1.1"])
    await all_told(store, second := Input())
    assert (first.hops, second.hops) == (["8.8.8.8"], ["1.1.1.1"])


async def test_a_router_of_many_paths_is_told_of_once(store: Store) -> None:
    each = feed(store, told := Input())
    for number in range(3):
        await kept(store, number, ["8.8.8.8", "8.8.8.8"])
        assert await each.step()
    assert told.hops == ["8.8.8.8"]


AWAY = {
    "nobody answers": Unavailable("away", 7.0),
    "this instance has another token": Answer(401, b"{}", PROBLEM),
    "no input instance is routed, and whoever answers for all other paths has no such one": Answer(
        404, b'{"detail": "POST /hops: Not Found"}', PROBLEM
    ),
    "something else answers": Answer(404, b"404 page not found"),
    "the input service is older than hops": Answer(405, b"{}", PROBLEM),
    "there are too many requests": Answer(429, b"{}", PROBLEM),
    "the input service fails": Answer(500, b"{}", PROBLEM),
}


@pytest.mark.parametrize("answer", AWAY.values(), ids=AWAY)
async def test_hops_wait_while(store: Store, answer: Answer | Exception) -> None:
    await kept(store, 0, ["8.8.8.8"])
    each = feed(store, told := Input(answer))
    for _ in range(2):
        with pytest.raises(Unavailable):
            await each.step()
    told.answer = TAKEN
    assert await each.step() and not await each.step()
    assert told.hops == ["8.8.8.8"] * 3


async def test_old_files_are_finished_first_and_what_was_pruned_is_passed_over(store: Store) -> None:
    for number in range(4):
        await kept(store, number, [f"8.8.8.{number}"])
        await store.append(make(10 + number))
        await stepped(store, ALWAYS)
    assert await hop_feed.told_upto(store) == 0
    await feed(store, told := Input()).step()
    assert (told.hops, await hop_feed.told_upto(store)) == (["8.8.8.0"], 2)
    gone = dataclasses.replace(store.files.closed[1], pruned=True)
    store.files.was_closed(gone)
    await all_told(store, told)
    assert told.hops == ["8.8.8.0", "8.8.8.2", "8.8.8.3"]
    assert await hop_feed.told_upto(store) == await store.last_seq() == 8


async def test_pruned_hops_hold_up_no_later_file_and_are_said_once(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    await kept(store, 0, ["8.8.8.8"])
    await stepped(store, ALWAYS)
    await store.append(make(1))
    store.files.was_closed(dataclasses.replace(store.files.closed[0], pruned=True))
    await all_told(store, told := Input())
    await all_told(store, told)
    assert (told.heard, await hop_feed.told_upto(store)) == ([], 2)
    assert len([each for each in caplog.messages if "were pruned before" in each]) == 1


@pytest.mark.parametrize("status", [400, 403, 404, 422])
async def test_hops_that_nobody_will_ever_take_hold_up_no_others(store: Store, status: int) -> None:
    await kept(store, 0, ["8.8.8.8"])
    each = feed(store, told := Input(Answer(status, b'{"detail": "no"}', PROBLEM)))
    assert await each.step()
    told.answer = TAKEN
    await kept(store, 1, ["1.1.1.1"])
    assert await each.step()
    assert told.hops == ["8.8.8.8", "1.1.1.1"]


async def test_hops_of_a_dead_uplink_are_not_told(store: Store) -> None:
    await kept(store, 0, ["8.8.8.8"], suspect=True)
    await all_told(store, told := Input())
    assert told.heard == []


async def test_many_hops_go_in_several_reports_page_by_page(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hop_feed, "MAX_HOPS", 3)
    monkeypatch.setattr(hop_feed, "PAGE_ROWS", 7)
    every = [f"8.8.8.{number}" for number in range(20)]
    await kept(store, 0, every)
    await all_told(store, told := Input())
    assert sorted(told.hops) == sorted(every)
    assert max(len(each.hops) for each in told.heard) == 3


async def test_an_instance_tells_through_fabio_what_it_stores(
    on_mesh: OnMesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hop_feed, "LOOK_S", 0.01)
    heard: list[HopReport] = []
    answers = [503, 200]

    async def post_hops(request: web.Request) -> web.Response:
        heard.append(HopReport.from_json(await request.json()))
        return web.json_response(HopAnswer(new=1).to_json(), status=answers.pop(0), headers={"Retry-After": "0.1"})

    fabio = web.Application()
    fabio.router.add_post("/hops", post_hops)
    async with TestServer(fabio) as router:
        settings = Settings(db_dir=tmp_path / "db", fabio_addr=f"http://127.0.0.1:{router.port}")
        app = on_mesh(make_app(settings), background=True)
        async with TestClient(TestServer(app)):
            hops = dataclasses.replace(one_hop_each(["8.8.8.8"]), hop_icmp_code=np.array([0], np.int16))
            await app[STORE].append(traced(columns=hops))

            async def told() -> bool:
                return not answers

            await eventually("the hop is told", told)
    assert [list(map(str, each.hops)) for each in heard] == [["8.8.8.8"]] * 2
