"""Dumps, closed files and confirmations over HTTP: what is answered, and what is refused without any effect."""

import hashlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import apsw
import pytest
import zstandard
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from hoploom.kit.http_app import health_app
from hoploom.kit.testing import OnMesh
from hoploom.output_service.app import make_app
from hoploom.output_service.dumps import ARCHIVE
from hoploom.output_service.handlers import STORE
from hoploom.output_service.settings import Settings
from hoploom.output_service.store import Store
from unit.output_service.folders import names
from unit.wire.batches import make

Client = TestClient[web.Request, web.Application]
UUID = "00000000-0000-4000-8000-00000000000b"
WORKER, OPERATOR = ({"Authorization": f"Bearer {each}"} for each in ("worker", "operator"))


@pytest.fixture
async def app(three_files: Path, tmp_path: Path, on_mesh: OnMesh) -> web.Application:
    """An output instance, not started, that prunes what the data set `main` has."""
    shutil.copytree(three_files, tmp_path / "db")
    for name in ("worker", "operator"):
        (tmp_path / name).write_text(name)
    settings = Settings(db_dir=tmp_path / "db", prune_confirmed_by="main", worker_token_file=str(tmp_path / "worker"),
                        operator_token_file=str(tmp_path / "operator"))
    return on_mesh(make_app(settings))


@pytest.fixture
async def client(app: web.Application) -> AsyncIterator[Client]:
    """A client of it; batches 1 and 2 are in closed files of their own, batch 3 in the one that is written to."""
    async with TestClient(TestServer(app)) as opened:
        yield opened


def seqs(body: bytes, tmp_path: Path) -> list[int]:
    file = tmp_path / "got.db"
    file.write_bytes(body)
    copy = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)
    return [int(str(seq)) for (seq,) in copy.execute("SELECT seq FROM batches ORDER BY seq")]


async def reason(answer: ClientResponse) -> tuple[int, str]:
    assert answer.content_type == "application/problem+json"
    return answer.status, (await answer.json())["detail"]


RANGES: dict[str, tuple[str, list[int]]] = {
    "everything": ("", [1, 2, 3]),
    "everything after nothing": ("since={store}:0", [1, 2, 3]),
    "what came since": ("since={store}:1", [2, 3]),
    "what came since, to a point": ("since={store}:1&upto=2", [2]),
    "the first ones": ("upto=1", [1]),
    "nothing new": ("since={store}:3", []),
    "nothing between": ("since={store}:2&upto=2", []),
    "everything for who knew another store": (f"since={UUID}:2", [1, 2, 3]),
    "to a point that will come": ("since={store}:2&upto=999999999999999999", [3]),
}


async def test_a_dump_has_what_is_asked_for(client: Client, app: web.Application, tmp_path: Path) -> None:
    for case, (query, wanted) in RANGES.items():
        path = f"/dump?{query.format(store=app[STORE].uuid)}"
        head, answer = await client.head(path), await client.get(path)
        body = await answer.read()
        assert seqs(body, tmp_path) == wanted, case
        first, last = (int(answer.headers[name]) for name in ("X-First-Seq", "X-Last-Seq"))
        assert list(range(first, last + 1)) == wanted, case
        assert answer.headers["X-Content-SHA256"] == hashlib.sha256(body).hexdigest()
        assert (answer.headers["X-Store"], answer.headers["Accept-Ranges"]) == (app[STORE].uuid, "none")
        for name in ("X-First-Seq", "X-Last-Seq", "ETag", "X-Store", "Content-Type"):
            assert head.headers[name] == answer.headers[name], case
        assert await head.read() == b""


async def test_a_compressed_dump_is_hashed_as_it_is_sent(client: Client, tmp_path: Path) -> None:
    answer = await client.get("/dump?compress=zstd")
    body = await answer.read()
    assert (answer.content_type, answer.headers.get("Content-Encoding")) == ("application/zstd", None)
    assert answer.headers["X-Content-SHA256"] == hashlib.sha256(body).hexdigest()
    assert answer.headers["Content-Disposition"].endswith('.db.zst"')
    assert seqs(zstandard.decompress(body), tmp_path) == [1, 2, 3]


BAD_DUMPS = {
    "no store": "since=7",
    "no number": "since={store}:",
    "a negative number": "since={store}:-1",
    "a number in words": "since={store}:one",
    "a number in other digits": "since={store}:\u0661",
    "a number over 64 bits": "since={store}:99999999999999999999",
    "SQL": "since={store}:1 OR 1=1",
    "a store in capitals": "since=" + "A" * 36 + ":1",
    "a later batch than there is": "since={store}:4",
    "no end": "upto=",
    "a negative end": "upto=-1",
    "an end before the beginning": "since={store}:2&upto=1",
    "another compression": "compress=gzip",
}


async def test_a_dump_is_refused_with_a_reason(client: Client, app: web.Application) -> None:
    for case, query in BAD_DUMPS.items():
        url = URL("/dump?" + query.format(store=app[STORE].uuid).replace(" ", "%20"))
        assert (await reason(await client.get(url)))[0] == 400, case
        assert (await client.head(url)).status == 400, case
    assert not list(app[STORE].files.folder.glob(".dump-*"))


async def test_closed_files_are_listed_and_fetched_whole(client: Client, app: web.Application, tmp_path: Path) -> None:
    listed = await (await client.get("/dumps")).json()
    assert (listed["v"], listed["store"], listed["last_seq"]) == (1, app[STORE].uuid, 3)
    for seq, each in enumerate(listed["files"], 1):
        answer = await client.get(f"/dumps/{each['name']}")
        body = await answer.read()
        assert (len(body), hashlib.sha256(body).hexdigest()) == (each["bytes"], each["sha256"])
        assert answer.headers["X-Content-SHA256"] == each["sha256"]
        assert (answer.headers["X-First-Seq"], answer.headers["X-Last-Seq"]) == (str(seq), str(seq))
        assert seqs(body, tmp_path) == [seq]


@pytest.mark.parametrize(("at", "number"), [("1", 0), ("2", 1), ("3", 2), ("4", None), ("0", None)])
async def test_the_batch_of_a_number_is_named_from_whichever_file(client: Client, at: str, number: int | None) -> None:
    listed = await (await client.get("/dumps", params={"at": at})).json()
    assert listed["at"] == (None if number is None else make(number).batch)


async def test_a_number_that_is_none_is_refused(client: Client) -> None:
    status, why = await reason(await client.get("/dumps", params={"at": "1 OR 1"}))
    assert (status, "at is the seq of a batch" in why) == (400, True)


PARTS: dict[str, tuple[dict[str, str], int, slice]] = {
    "the whole": ({}, 200, slice(None)),
    "the first bytes": ({"Range": "bytes=0-15"}, 206, slice(0, 16)),
    "from the middle on": ({"Range": "bytes=5000-"}, 206, slice(5000, None)),
    "the last bytes": ({"Range": "bytes=-100"}, 206, slice(-100, None)),
    "more than there is": ({"Range": "bytes=100-99999999"}, 206, slice(100, None)),
    "a part of the same": ({"Range": "bytes=0-15", "If-Range": "{tag}"}, 206, slice(0, 16)),
    "a part of another": ({"Range": "bytes=0-15", "If-Range": '"x"'}, 200, slice(None)),
}


async def test_of_a_file_that_part_is_sent_which_is_asked_for(client: Client) -> None:
    whole = await client.get("/dumps/results-000001.db")
    body = await whole.read()
    for case, (headers, status, part) in PARTS.items():
        tagged = {name: value.format(tag=whole.headers["ETag"]) for name, value in headers.items()}
        answer = await client.get("/dumps/results-000001.db", headers=tagged)
        assert (answer.status, await answer.read()) == (status, body[part]), case
        start, stop, _ = part.indices(len(body))
        shown = f"bytes {start}-{stop - 1}/{len(body)}" if status == 206 else None
        assert answer.headers.get("Content-Range") == shown, case
        head = await client.head("/dumps/results-000001.db", headers=tagged)
        assert (head.status, head.headers["Content-Length"]) == (status, str(stop - start)), case


async def test_a_part_that_cannot_be_sent_is_said_with_the_size(client: Client) -> None:
    size = (await (await client.get("/dumps")).json())["files"][0]["bytes"]
    for asked in ("bytes=99999999-", "bytes=5-2", "bytes=0-1,3-4", "lines=1-2"):
        answer = await client.get("/dumps/results-000001.db", headers={"Range": asked})
        assert (answer.status, answer.headers["Content-Range"]) == (416, f"bytes */{size}"), asked


async def test_who_has_a_file_is_not_sent_it_again(client: Client) -> None:
    tag = (await client.head("/dumps/results-000001.db")).headers["ETag"]
    answer = await client.get("/dumps/results-000001.db", headers={"If-None-Match": tag})
    assert (answer.status, await answer.read()) == (304, b"")


BAD_NAMES = (
    "results-000009.db", "live-000003.db", "live-000003.db-wal", "owner.lock", "results-1.db", "..%2Fworker",
    "..%2fdb%2fresults-000001.db", "%2e%2e", "results-000001.db%00", "results-000001.db%0a", "%2Fetc%2Fpasswd",
    "results-000001.db%2f", "results-%D9%A1%D9%A1%D9%A1%D9%A1%D9%A1%D9%A1.db", "%FF",
)


async def test_no_other_file_is_ever_sent(client: Client) -> None:
    for name in BAD_NAMES:
        answer = await client.get(URL(f"/dumps/{name}", encoded=True))
        assert answer.status == 404, name


async def test_a_link_in_the_place_of_a_file_that_is_not_known_is_not_followed(
    client: Client, app: web.Application, tmp_path: Path
) -> None:
    (app[STORE].files.folder / "results-000007.db").symlink_to(tmp_path / "worker")
    assert (await client.get("/dumps/results-000007.db")).status == 404


async def test_what_was_confirmed_is_pruned_and_said_so(client: Client, app: web.Application, tmp_path: Path) -> None:
    answer = await confirm(client, app, upto=1, headers=WORKER)
    assert (answer.status, (await answer.json())["upto"]) == (200, 1)
    await app[ARCHIVE].step()
    assert names(app[STORE].files.folder) == {"results-000002.db", "live-000003.db"}
    listed = (await (await client.get("/dumps")).json())["files"]
    assert [each["pruned"] for each in listed] == [True, False]
    status, why = await reason(await client.get("/dumps/results-000001.db"))
    assert (status, "pruned" in why) == (404, True)
    assert (await client.head("/dump")).headers["X-First-Seq"] == "2"
    assert seqs(await (await client.get("/dump")).read(), tmp_path) == [2, 3]


async def confirm(client: Client, app: web.Application, *, headers: dict[str, str], **changes: Any) -> ClientResponse:
    said = {"v": 1, "data_set": "main", "data_set_uuid": UUID, "store": app[STORE].uuid, **changes}
    return await client.post("/api/v1/output/confirmed", json=said, headers=headers)


async def test_operators_may_confirm_too_and_the_furthest_word_counts(client: Client, app: web.Application) -> None:
    for upto, wanted in ((2, 2), (1, 2), (3, 3)):
        answer = await confirm(client, app, upto=upto, headers=OPERATOR)
        assert (await answer.json())["upto"] == wanted


BAD_WORDS: dict[str, tuple[dict[str, Any], dict[str, str], int]] = {
    "nobody": ({"upto": 3}, {}, 401),
    "somebody else": ({"upto": 3}, {"Authorization": "Bearer guess"}, 401),
    "who means another store": ({"upto": 3, "store": UUID}, WORKER, 409),
    "who has more than there is": ({"upto": 4}, WORKER, 422),
    "who has no number": ({}, WORKER, 400),
    "who has no name": ({"upto": 3, "data_set": "a/b"}, WORKER, 400),
    "who says very much": ({"upto": 3, "more": "x" * 5000}, WORKER, 400),
}


async def test_nothing_is_pruned_for_who_may_not_confirm_or_talks_nonsense(
    client: Client, app: web.Application
) -> None:
    for case, (changes, headers, status) in BAD_WORDS.items():
        answer = await confirm(client, app, headers=headers, **changes)
        assert (await reason(answer))[0] == status, case
    await app[ARCHIVE].step()
    assert len(names(app[STORE].files.folder)) == 3


async def test_a_dump_is_made_though_a_file_begins_and_another_goes_meanwhile(
    client: Client, app: web.Application, tmp_path: Path
) -> None:
    store: Store = app[STORE]
    with store.files.leased(3):
        await store.rotate(0, 0)
        await store.append(make(3, 600))
        assert seqs(await (await client.get("/dump")).read(), tmp_path) == [1, 2, 3, 4]


async def test_the_health_port_has_all_of_it_too(client: Client, app: web.Application, tmp_path: Path) -> None:
    async with TestClient(TestServer(health_app(app))) as small:
        assert seqs(await (await small.get("/dump")).read(), tmp_path) == [1, 2, 3]
        assert len((await (await small.get("/dumps")).json())["files"]) == 2
        assert seqs(await (await small.get("/dumps/results-000002.db")).read(), tmp_path) == [2]
        assert (await small.get("/api/v1/results")).status == 404
