"""The output service over HTTP: what is answered, and that nothing is answered with success that is not stored."""

import asyncio
import contextlib
import gzip
import hashlib
import json
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import apsw
import pytest
import zstandard
from aiohttp import AddrInfoType, ClientError, ClientResponse, ClientSession, TCPConnector, web
from aiohttp.test_utils import TestClient, TestServer

from hoploom.kit.errors import ConfigError
from hoploom.output_service import dumps, handlers, sending
from hoploom.output_service.app import make_app
from hoploom.output_service.settings import Settings
from hoploom.wire.batch import OTHER_CONTENT
from hoploom.wire.batch_codec import MEDIA_TYPE, MEDIA_TYPE_JSON, MEDIA_TYPE_ZSTD, pack, to_document
from unit.wire.batches import make
from unit.wire.traces import traced
from waiting import eventually

Client = TestClient[web.Request, web.Application]
TOKEN = {"Authorization": "Bearer secret"}
ZSTD = {**TOKEN, "Content-Type": MEDIA_TYPE_ZSTD}
JSON = {**TOKEN, "Content-Type": MEDIA_TYPE_JSON}


@pytest.fixture
async def client(tmp_path: Path, on_mesh: Callable[[web.Application], web.Application]) -> AsyncIterator[Client]:
    """A client of one output instance that takes bodies of up to 1 MB."""
    token = tmp_path / "token"
    token.write_text("secret\n")
    settings = Settings(db_dir=tmp_path / "db", worker_token_file=str(token), max_body_bytes=10**6)
    async with TestClient(TestServer(on_mesh(make_app(settings)))) as opened:
        yield opened


def app_of(client: Client) -> web.Application:
    assert isinstance(client.server, TestServer)
    return client.server.app


async def stored(client: Client) -> int:
    return int((await app_of(client)[handlers.STORE].read("SELECT count(*) FROM ping_results"))[0][0])


async def problem(answer: ClientResponse) -> tuple[int, str]:
    """The status and the reason of a refusal, which has to be a problem document."""
    assert answer.content_type == "application/problem+json"
    return answer.status, (await answer.json())["detail"]


async def test_a_batch_is_acknowledged_with_its_rows_and_again_as_a_duplicate(client: Client) -> None:
    answers = [await (await client.post("/results", data=pack(make()), headers=ZSTD)).json() for _ in range(2)]
    assert [(each["stored"], each["duplicate"], each["seq"]) for each in answers] == [(6, False, 1), (6, True, 1)]
    assert await stored(client) == 6


async def test_the_same_batch_in_another_encoding_is_a_duplicate(client: Client) -> None:
    plain = zstandard.decompress(pack(make()))
    for data, media_type in (
        (pack(make()), MEDIA_TYPE_ZSTD),
        (plain, MEDIA_TYPE),
        (json.dumps(to_document(make())), MEDIA_TYPE_JSON),
        (json.dumps(to_document(make())), MEDIA_TYPE_JSON + "; charset=utf-8"),
    ):
        answer = await client.post("/results", data=data, headers={**TOKEN, "Content-Type": media_type})
        assert answer.status == 200
    assert await stored(client) == 6


REFUSED: dict[str, tuple[bytes, dict[str, str], int, str]] = {
    "there is no token": (pack(make()), {"Content-Type": MEDIA_TYPE_ZSTD}, 401, "Bearer"),
    "the token is wrong": (pack(make()), {**ZSTD, "Authorization": "Bearer guess"}, 401, "Bearer"),
    "it is no JSON": (b"{", JSON, 400, "no JSON"),
    "it is 100,000 deep": (b"[" * 100_000, JSON, 400, "no JSON"),
    "it is half a MessagePack": (zstandard.decompress(pack(make()))[:99], ZSTD, 400, "no MessagePack"),
    "an RTT is negative": (json.dumps(to_document(make())).replace("100,", "-7,", 1).encode(), JSON, 422, "RTTs"),
    "a position is outside the lease": (pack(make(stop=3)), ZSTD, 422, "row 3"),
    "it is over the limit": (b"x" * (10**6 + 1), ZSTD, 413, "over 1000000 bytes"),
    "it is a zstd bomb": (zstandard.compress(bytes(512 * 2**20)), ZSTD, 413, "unpacks to more"),
    "it is a gzip bomb": (gzip.compress(bytes(2**26)), {**JSON, "Content-Encoding": "gzip"}, 415, "without one"),
    "it is a form": (b"a=b", {**TOKEN, "Content-Type": "application/x-www-form-urlencoded"}, 400, "send application"),
}


@pytest.mark.parametrize("body, headers, status, reason", REFUSED.values(), ids=REFUSED)
async def test_a_batch_is_refused_with_a_reason_and_no_row_when(
    client: Client, body: bytes, headers: dict[str, str], status: int, reason: str
) -> None:
    found, detail = await problem(await client.post("/results", data=body, headers=headers))
    assert found == status and reason in detail
    assert await stored(client) == 0


async def test_other_content_under_a_known_id_is_refused(client: Client) -> None:
    await client.post("/results", data=pack(make()), headers=ZSTD)
    answer = await client.post("/results", data=pack(make(lease="another")), headers=ZSTD)
    assert (await problem(answer))[0] == 409 and (await answer.json())["title"] == OTHER_CONTENT
    assert await stored(client) == 6


async def test_a_batch_that_is_being_stored_conflicts_with_itself(client: Client) -> None:
    app = app_of(client)
    stranger = apsw.Connection(str(app[handlers.STORE].path))
    stranger.execute("BEGIN IMMEDIATE")
    first = asyncio.create_task(client.post("/results", data=pack(make()), headers=ZSTD))
    second = asyncio.create_task(client.post("/results", data=pack(make()), headers=ZSTD))
    done, [waiting] = await asyncio.wait([first, second], return_when=asyncio.FIRST_COMPLETED)
    assert (await problem(done.pop().result()))[0] == 409
    stranger.execute("ROLLBACK")
    assert (await waiting).status == 200
    assert not app[handlers.IN_FLIGHT]
    stranger.close()


async def test_more_bytes_than_there_is_room_for_are_put_off_until_the_disk_has_the_others(client: Client) -> None:
    app = app_of(client)
    app[handlers.INTAKE].max_bytes = 100_000
    stranger = apsw.Connection(str(app[handlers.STORE].path))
    stranger.execute("BEGIN IMMEDIATE")
    posts = [
        asyncio.create_task(client.post("/results", data=pack(make(number, 1000)), headers=ZSTD)) for number in range(4)
    ]
    await eventually("three are put off", lambda: sum(each.done() for each in posts) == 3)
    done, [waiting] = await asyncio.wait(posts, timeout=0.2)
    assert [each.result().status for each in done] == [503] * 3
    assert all(int(each.result().headers["Retry-After"]) > 0 for each in done)
    stranger.execute("ROLLBACK")
    assert (await waiting).status == 200
    assert app[handlers.INTAKE].size_bytes == 0
    assert (await client.post("/results", data=pack(make(7, 1000)), headers=ZSTD)).status == 200
    assert await stored(client) == 2000
    stranger.close()


async def test_a_refused_batch_leaves_its_room_to_others(client: Client) -> None:
    app_of(client)[handlers.INTAKE].max_bytes = 100_000
    for _ in range(20):
        assert (await client.post("/results", data=pack(make(stop=3)), headers=ZSTD)).status == 422
    assert (await client.post("/results", data=pack(make()), headers=ZSTD)).status == 200


async def test_a_body_that_does_not_come_on_holds_no_room(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "SLOW_S", 0.05)
    monkeypatch.setattr(handlers, "SLOWEST_BYTES_S", 1e9)

    async def body() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.Event().wait()

    with contextlib.suppress(ClientError):
        answer = await client.post("/results", data=body(), headers=ZSTD)
        assert (await problem(answer))[0] == 503
    assert app_of(client)[handlers.INTAKE].size_bytes == 0


async def test_a_full_disk_is_507_with_a_time_to_come_back_and_then_all_is_taken(client: Client) -> None:
    store = app_of(client)[handlers.STORE]
    store.writer.connection.pragma("max_page_count", store.writer.connection.pragma("page_count"))
    data = pack(make(rows=4096))
    answer = await client.post("/results", data=data, headers=ZSTD)
    assert (await problem(answer))[0] == 507 and int(answer.headers["Retry-After"]) > 0
    assert await stored(client) == 0
    store.writer.connection.pragma("max_page_count", 2**30)
    assert (await client.post("/results", data=data, headers=ZSTD)).status == 200
    assert await stored(client) == 4096


async def test_a_dump_is_the_whole_store_with_its_length_and_checksum(client: Client, tmp_path: Path) -> None:
    await client.post("/results", data=pack(make()), headers=ZSTD)
    answer = await client.get("/dump")
    body = await answer.read()
    assert int(answer.headers["Content-Length"]) == len(body)
    assert answer.headers["X-Content-SHA256"] == hashlib.sha256(body).hexdigest()
    assert answer.headers["Content-Disposition"].startswith("attachment")
    (tmp_path / "got.db").write_bytes(body)
    assert apsw.Connection(str(tmp_path / "got.db")).execute("SELECT count(*) FROM ping_results").get == 6
    await every_dump_is_gone(client, tmp_path)


async def test_a_client_that_leaves_in_the_middle_of_a_dump_leaves_no_file(client: Client, tmp_path: Path) -> None:
    store = app_of(client)[handlers.STORE]
    for number in range(30):
        await store.append(make(number, 4096))
    for _ in range(5):
        answer = await client.get("/dump")
        assert answer.content.at_eof() is False
        answer.close()
    await every_dump_is_gone(client, tmp_path)


async def test_a_client_that_stops_reading_a_dump_loses_its_place(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "STALL_S", 0.05)
    store = app_of(client)[handlers.STORE]
    for number in range(40):
        await store.append(make(number, 4096))
    async with ClientSession(connector=TCPConnector(socket_factory=narrow)) as session:
        answer = await session.get(client.make_url("/dump"))
        await every_dump_is_gone(client, tmp_path)
        with pytest.raises(ClientError):
            await answer.read()


def narrow(found: AddrInfoType) -> socket.socket:
    """A socket that takes little before it is read; else the kernels at both ends may take the whole dump."""
    made = socket.socket(*found[:3])
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**16)
    made.setblocking(False)
    return made


async def every_dump_is_gone(client: Client, tmp_path: Path) -> None:
    """Wait until all places for dumps are free again, and look that nothing was left."""
    slots = app_of(client)[dumps.DUMPS]
    async with asyncio.timeout(60):
        for _ in range(dumps.MAX_DUMPS):
            await slots.acquire()
    assert not list((tmp_path / "db").glob(".dump-*"))


async def test_more_dumps_at_once_than_allowed_are_put_off(client: Client) -> None:
    slots = app_of(client)[dumps.DUMPS]
    for _ in range(dumps.MAX_DUMPS):
        await slots.acquire()
    answer = await client.get("/dump")
    assert (await problem(answer))[0] == 503 and int(answer.headers["Retry-After"]) > 0


async def test_the_newest_results_are_read_back(client: Client) -> None:
    await client.post("/results", data=pack(make()), headers=ZSTD)
    found = (await (await client.get("/api/v1/results?campaign=first-map&limit=2")).json())["results"]
    assert [(row["address"], row["outcome"]) for row in found] == [("10.0.0.5", "lost"), ("10.0.0.4", "answered")]
    older = (await (await client.get(f"/api/v1/results?before={found[-1]['row']}")).json())["results"]
    assert len(older) == 4


async def test_traceroutes_are_read_back_with_their_hops_and_listed_with_their_counts(client: Client) -> None:
    for batch in (make(9), traced()):
        assert (await client.post("/results", data=pack(batch), headers=ZSTD)).status == 200
    found = (await (await client.get("/api/v1/results?kind=trace&campaign=first-map&limit=2")).json())["results"]
    assert [each["address"] for each in found] == ["10.0.0.2", "10.0.0.1"]
    assert [each["hop"] for each in found[1]["hops"]] == ["11.0.0.1", None, "11.0.0.3", "10.0.0.1"]
    older = await client.get(f"/api/v1/results?kind=trace&before={found[-1]['row']}")
    assert [each["address"] for each in (await older.json())["results"]] == ["10.0.0.0"]
    listed = (await (await client.get("/api/v1/output/campaigns/2000000001/batches")).json())["batches"]
    assert [(each["kind"], each["rows"], each["answered"], each["hops"]) for each in listed] == [
        ("ping", 6, 4, 0),
        ("trace", 3, 2, 12),
    ]


async def test_traceroutes_are_in_a_dump(client: Client, tmp_path: Path) -> None:
    await client.post("/results", data=pack(traced()), headers=ZSTD)
    file = tmp_path / "dump.db"
    file.write_bytes(await (await client.get("/dump")).read())
    with contextlib.closing(apsw.Connection(str(file))) as dumped:
        joined = "SELECT count(*) FROM traceroutes JOIN traceroute_hops USING (batch_key, address)"
        assert dumped.execute(joined).get == 12


async def test_the_batches_of_a_campaign_are_listed_with_their_counts(client: Client) -> None:
    await client.post("/results", data=pack(make()), headers=ZSTD)
    listed = await (await client.get("/api/v1/output/campaigns/2000000001/batches")).json()
    wanted: dict[str, Any] = {"rows": 6, "answered": 4, "lost": 2, "unreachable": 0, "failed": 0, "group": "pi-7"}
    assert [{name: each[name] for name in wanted} for each in listed["batches"]] == [wanted]


async def test_batches_are_listed_page_by_page(client: Client) -> None:
    for number in range(5):
        await client.post("/results", data=pack(make(number)), headers=ZSTD)
    pages, after = [], ""
    while True:
        path = f"/api/v1/output/campaigns/2000000001/batches?limit=2{after}"
        document = await (await client.get(path)).json()
        pages.append([each["seq"] for each in document["batches"]])
        if document["next"] is None:
            break
        after = f"&after={document['next']}"
    assert pages == [[1, 2], [3, 4], [5]]


async def test_what_a_dead_uplink_lost_is_listed_as_suspect_and_covers_nothing(client: Client) -> None:
    for batch in (make(), make(1, suspect=True), make(2, rows=0, start=12, stop=18)):
        assert (await client.post("/results", data=pack(batch), headers=ZSTD)).status == 200
    listed = await (await client.get("/api/v1/output/campaigns/2000000001/batches")).json()
    assert [each["suspect"] for each in listed["batches"]] == [0, 1, 0]
    where = f"revision={'ab' * 32}&round=0&group=pi-7&family=4"
    found = await (await client.get(f"/api/v1/output/campaigns/2000000001/coverage?{where}")).json()
    assert found["ranges"] == [[0, 5], [12, 17]]


BAD_READS = {
    "a limit of nothing": "/api/v1/results?limit=0",
    "a limit over the limit": "/api/v1/results?limit=1001",
    "a limit that is no number": "/api/v1/results?limit=many",
    "a limit of five thousand digits": "/api/v1/results?limit=" + "9" * 5000,
    "a cursor over 64 bits": "/api/v1/results?before=99999999999999999999",
    "a kind that is not there": "/api/v1/results?kind=survey",
    "a campaign in SQL": "/api/v1/results?campaign=x'%20OR%201=1--",
    "a campaign that is no UTF-8": "/api/v1/results?campaign=%ff",
    "a page of too many batches": "/api/v1/output/campaigns/1/batches?limit=10001",
    "a page of batches after a word": "/api/v1/output/campaigns/1/batches?after=x",
    "a campaign's number in words": "/api/v1/output/campaigns/first/batches",
    "a campaign's number in superscript": "/api/v1/output/campaigns/%C2%B2/batches",
    "a campaign's number over 64 bits": "/api/v1/output/campaigns/" + "9" * 30 + "/batches",
}


@pytest.mark.parametrize("path", BAD_READS.values(), ids=BAD_READS)
async def test_a_read_is_refused_with(client: Client, path: str) -> None:
    assert (await problem(await client.get(path)))[0] == 400


async def test_an_instance_whose_writer_ended_is_not_ready(client: Client) -> None:
    assert (await client.get("/ready")).status == 200
    await asyncio.to_thread(app_of(client)[handlers.STORE].close)
    assert (await client.get("/ready")).status == 503


async def test_a_second_instance_on_the_same_folder_does_not_start(client: Client, tmp_path: Path) -> None:
    settings = Settings(db_dir=tmp_path / "db", worker_token_file=str(tmp_path / "token"))
    with pytest.raises(ConfigError, match="already owns"):
        await TestServer(make_app(settings)).start_server()
