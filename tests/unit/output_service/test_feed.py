"""Results over HTTP: pages, answers that wait, and streams of events."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import apsw
import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from hoploom.kit import metrics
from hoploom.output_service import cursors, feed, handlers
from hoploom.output_service.app import make_app
from hoploom.output_service.cursors import Place
from hoploom.output_service.settings import Settings
from hoploom.wire.batch import Batch
from hoploom.wire.batch_codec import MEDIA_TYPE_ZSTD, pack
from unit.wire.batches import make
from unit.wire.traces import traced
from waiting import eventually

Client = TestClient[web.Request, web.Application]
HEADERS = {"Authorization": "Bearer secret", "Content-Type": MEDIA_TYPE_ZSTD}
STREAM = {"Accept": "text/event-stream"}


@pytest.fixture
async def client(tmp_path: Path, on_mesh: Callable[[web.Application], web.Application]) -> AsyncIterator[Client]:
    """A client of one output instance."""
    token = tmp_path / "token"
    token.write_text("secret\n")
    app = on_mesh(make_app(Settings(db_dir=tmp_path / "db", worker_token_file=str(token))))
    async with TestClient(TestServer(app)) as opened:
        yield opened


def app_of(client: Client) -> web.Application:
    assert isinstance(client.server, TestServer)
    return client.server.app


async def post(client: Client, *batches: Batch) -> None:
    for batch in batches:
        assert (await client.post("/results", data=pack(batch), headers=HEADERS)).status == 200


async def got(client: Client, path: str, **parameters: str) -> dict[str, Any]:
    answer = await client.get(path, params=parameters)
    assert answer.status == 200
    found: dict[str, Any] = await answer.json()
    return found


def refusals(parameter: str) -> float:
    return metrics.registry.get_sample_value("hoploom_output_queries_refused_total", {"parameter": parameter}) or 0


def streamed() -> float:
    return metrics.registry.get_sample_value("hoploom_output_results_sent_total", {"by": "stream"}) or 0


async def test_pages_follow_each_other_by_their_cursor_up_to_the_end(client: Client) -> None:
    await post(client, make(1), traced(2))
    seen, parameters = [], {"limit": "4"}
    for _ in range(10):
        found = await got(client, "/results", **parameters)
        seen += [each["address"] for each in found["results"]]
        assert found["store"] == app_of(client)[handlers.STORE].uuid
        if found["next"] is None:
            break
        parameters["cursor"] = found["next"]
    assert seen == [f"10.0.0.{number}" for number in range(6, 12)] + [f"10.0.0.{number}" for number in range(6, 9)]


REFUSED: dict[str, tuple[str, dict[str, str], int, str]] = {
    "SQL is a campaign": ("/results", {"campaign": "x' OR '1'='1"}, 400, "no id of a campaign"),
    "SQL is a prefix": ("/results/feed", {"prefix": "'; DROP TABLE batches --"}, 400, "no prefix"),
    "a time is no number": ("/results", {"since": "NaN"}, 400, "since is a whole number"),
    "a number is huge": ("/results/feed", {"limit": "9" * 5000}, 400, "limit is a whole number"),
    "a cursor is a path": ("/results", {"cursor": "../../../etc/passwd"}, 400, "is no cursor"),
    "a parameter is unknown": ("/results", {"order": "desc"}, 400, "no parameter 'order'"),
    "a page may not wait": ("/results", {"wait": "5"}, 400, "no parameter 'wait'"),
    "a cursor is of another store": (
        "/results", {"cursor": cursors.text("00000000-0000-4000-8000-00000000000a", Place(1))}, 409, "answers here",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
async def test_a_question_is_refused_with_a_reason_and_counted_when(client: Client, case: str) -> None:
    path, parameters, status, reason = REFUSED[case]
    await post(client, make(1))
    name = next(iter(parameters))
    counted = "other" if "no parameter" in reason else name
    before = refusals(counted)
    answer = await client.get(path, params=parameters)
    assert (answer.status, answer.content_type) == (status, "application/problem+json")
    assert reason in (await answer.json())["detail"] and refusals(counted) == before + 1
    assert len((await got(client, "/results"))["results"]) == 6


async def test_a_reader_that_waits_is_answered_when_something_is_stored(client: Client) -> None:
    await post(client, make(1, 2))
    first = await got(client, "/results/feed")
    assert [each["seq"] for each in first["results"]] == [1, 1]
    waiting = asyncio.create_task(got(client, "/results/feed", cursor=first["cursor"], wait="55"))
    await eventually("the reader", lambda: feed.MAX_FEEDS > app_of(client)[feed.FEEDS]._value)
    await post(client, make(2, 1))
    assert [each["seq"] for each in (await asyncio.wait_for(waiting, 60))["results"]] == [2]


async def test_a_wait_ends_empty_with_the_cursor_to_ask_again_by(client: Client) -> None:
    await post(client, make(1, 2))
    found = await got(client, "/results/feed", cursor="now", wait="0")
    assert found["results"] == []
    await post(client, make(2, 1))
    again = await got(client, "/results/feed", cursor=found["cursor"])
    assert [each["seq"] for each in again["results"]] == [2]


async def test_what_a_reader_does_not_want_moves_its_cursor_and_goes_on_waiting(client: Client) -> None:
    waiting = asyncio.create_task(got(client, "/results/feed", campaign="other", wait="55"))
    await eventually("the reader", lambda: feed.MAX_FEEDS > app_of(client)[feed.FEEDS]._value)
    await post(client, make(1))
    await post(client, make(2, 1, campaign="other"))
    found = await asyncio.wait_for(waiting, 60)
    assert [each["seq"] for each in found["results"]] == [2]


async def event(stream: ClientResponse) -> dict[str, str]:
    """The next event of a stream: its fields, comments as a field without a name."""
    fields: dict[str, str] = {}
    while line := (await asyncio.wait_for(stream.content.readline(), 60)).decode().rstrip("\n"):
        name, _, value = line.partition(":")
        fields[name] = value.strip()
    return fields


async def test_a_stream_begins_with_what_is_stored_and_goes_on_with_what_comes(client: Client) -> None:
    await post(client, make(1, 2))
    async with client.get("/results/feed", headers=STREAM) as stream:
        assert (stream.status, stream.content_type) == (200, "text/event-stream")
        assert await event(stream) == {"retry": "2000"}
        assert [json.loads((await event(stream))["data"])["seq"] for _ in range(2)] == [1, 1]
        await post(client, make(2, 1))
        assert json.loads((await event(stream))["data"])["seq"] == 2


async def test_a_stream_goes_on_behind_the_last_event_that_its_reader_has(client: Client) -> None:
    await post(client, make(1, 3))
    async with client.get("/results/feed", headers=STREAM) as stream:
        seen = [await event(stream) for _ in range(3)][1:]
    resumed = {**STREAM, "Last-Event-ID": seen[-1]["id"]}
    async with client.get("/results/feed", headers=resumed, params={"cursor": "now"}) as stream:
        await event(stream)
        seen.append(await event(stream))
    assert [json.loads(each["data"])["address"] for each in seen] == ["10.0.0.3", "10.0.0.4", "10.0.0.5"]


async def test_a_stream_that_is_resumed_elsewhere_is_refused_with_a_status(client: Client) -> None:
    other = cursors.text("00000000-0000-4000-8000-00000000000a", Place(1))
    answer = await client.get("/results/feed", headers={**STREAM, "Last-Event-ID": other})
    assert (answer.status, answer.content_type) == (409, "application/problem+json")


async def test_a_silent_stream_says_that_it_lives(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "HEARTBEAT_S", 0.01)
    async with client.get("/results/feed", headers=STREAM, params={"cursor": "now"}) as stream:
        found = [await event(stream) for _ in range(3)]
    assert found[0] == {"retry": "2000"} and found[2] == {"": "nothing new"}


async def test_results_that_are_not_wanted_move_the_cursor_of_a_stream(client: Client) -> None:
    await post(client, make(1))
    async with client.get("/results/feed", headers=STREAM, params={"campaign": "other"}) as stream:
        await event(stream)
        store = app_of(client)[handlers.STORE].uuid
        assert await event(stream) == {"id": cursors.text(store, Place(2))}


async def test_streams_and_waits_end_when_the_instance_stops(client: Client) -> None:
    waiting = asyncio.create_task(got(client, "/results/feed", wait="55"))
    async with client.get("/results/feed", headers=STREAM) as stream:
        await event(stream)
        await event(stream)
        await feed.end(app_of(client))
        assert await event(stream) == {"retry": "2000"}
        assert await asyncio.wait_for(stream.content.read(), 60) == b""
    assert (await asyncio.wait_for(waiting, 60))["results"] == []


async def test_a_reader_too_many_is_put_off(client: Client) -> None:
    app_of(client)[feed.FEEDS]._value = 0
    answer = await client.get("/results/feed")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "10")


async def test_a_reader_that_takes_nothing_holds_no_transaction(client: Client) -> None:
    for number in range(1, 21):
        await post(client, make(number, 1000))
    before = streamed()
    _, writer = await asyncio.open_connection("127.0.0.1", client.port, limit=1)
    writer.write(b"GET /results/feed?limit=1000 HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n")
    await eventually("a page", lambda: streamed() > before)
    await post(client, make(30, 1000))
    await eventually("no reader", lambda: not any(app_of(client)[handlers.STORE].files._readers.values()))
    connection = apsw.Connection(str(app_of(client)[handlers.STORE].path))
    [(is_busy, pages, copied)] = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    connection.close()
    assert (is_busy, copied) == (0, pages)
    writer.close()


async def test_a_reader_that_takes_nothing_is_let_go(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "STALL_S", 0.05)
    slots = app_of(client)[feed.FEEDS]
    _, writer = await asyncio.open_connection("127.0.0.1", client.port, limit=1)
    for number in range(1, 30):
        await post(client, make(number, 1000))
    writer.write(b"GET /results/feed?limit=1000 HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n")
    await eventually("its slot", lambda: slots._value < feed.MAX_FEEDS)
    await eventually("its end", lambda: slots._value == feed.MAX_FEEDS, 20)
    writer.close()
