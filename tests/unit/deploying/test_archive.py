"""Whether an archive is there, and is what its sum says."""

import hashlib
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from hoploom.deploying import archive
from hoploom.kit.errors import ConfigError
from hoploom.kit.http_client import HttpClient

BODY = b"an archive" * 1000
SUM = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    http = HttpClient()
    yield http
    await http.close()


@pytest.fixture
async def url() -> AsyncIterator[str]:
    app = web.Application()
    sums = {"/a.tgz.sha256": f"{SUM}  a.tgz\n".encode(), "/c.tgz.sha256": b"\n"}
    pages = {"/a.tgz": BODY, "/b.tgz": BODY, "/c.tgz": b"", **sums}

    async def page(request: web.Request) -> web.StreamResponse:
        if request.path == "/moved":
            raise web.HTTPFound("/a.tgz")
        if request.path == "/endless.sha256":
            endless = web.StreamResponse()
            await endless.prepare(request)
            for _ in range(64):
                await endless.write(b"0" * 65_536)
            return endless
        if request.path not in pages:
            raise web.HTTPNotFound
        return web.Response(body=pages[request.path])

    app.router.add_get("/{name}", page)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


async def test_the_sum_beside_it_is_taken_where_none_is_named(http: HttpClient, url: str) -> None:
    found = await archive.look(http, f"{url}/a.tgz", "")
    assert found.checksum == f"sha256:{SUM}" and f"sha256 {SUM[:4]}.. (0.0 MB)" in found.words


async def test_a_named_sum_and_a_redirect_will_do(http: HttpClient, url: str) -> None:
    sum512 = f"sha512:{hashlib.sha512(BODY).hexdigest().upper()}"
    assert (await archive.look(http, f"{url}/moved", sum512)).checksum == sum512


async def test_a_file_is_read_where_it_lies(http: HttpClient, tmp_path: Path) -> None:
    path = tmp_path / "a.tgz"
    path.write_bytes(BODY)
    for each in (str(path), f"file://{path}"):
        assert (await archive.look(http, each, f"sha256:{SUM}")).url == each


async def test_a_large_file_is_never_whole_in_memory(tmp_path: Path, http: HttpClient) -> None:
    path, size = tmp_path / "large.tgz", 64 << 20
    with path.open("wb") as file:
        file.truncate(size)
    digest = hashlib.sha256(bytes(size)).hexdigest()
    tracemalloc.start()
    try:
        await archive.look(http, str(path), f"sha256:{digest}")
        assert tracemalloc.get_traced_memory()[1] < size / 8
    finally:
        tracemalloc.stop()


async def test_what_nomad_alone_can_fetch_is_left_to_it(http: HttpClient) -> None:
    found = await archive.look(http, "git::https://x.example/a", "")
    assert found.checksum == "" and "Nomad alone" in found.words


@pytest.mark.parametrize(
    ("path", "checksum", "words"),
    [
        ("/none.tgz", f"sha256:{SUM}", "answers 404"),
        ("/b.tgz", "", "--artifact-checksum"),
        ("/a.tgz", "sha256:" + "0" * 64, "has the sum sha256:"),
        ("/a.tgz", "crc:12", "is no sum"),
        ("/a.tgz", "sha256:", "is no sum"),
        ("/c.tgz", "", "is no sum"),
    ],
)
async def test_it_is_refused_with_the_reason(http: HttpClient, url: str, path: str, checksum: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        await archive.look(http, url + path, checksum)


async def test_an_archive_without_an_end_is_given_up(
    http: HttpClient, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MOST_BYTES", 100)
    with pytest.raises(ConfigError, match="goes on after 100 bytes"):
        await archive.look(http, f"{url}/a.tgz", f"sha256:{SUM}")


@pytest.mark.parametrize("where", ["http://127.0.0.1:1/a.tgz", "/nowhere/a.tgz"])
async def test_nobody_there_is_said(http: HttpClient, where: str) -> None:
    with pytest.raises(ConfigError, match=r"cannot be (fetched|read)"):
        await archive.look(http, where, f"sha256:{SUM}")


async def test_what_goes_on_and_on_beside_an_archive_is_no_sum(http: HttpClient, url: str) -> None:
    with pytest.raises(ConfigError, match=r"65,536 bytes, so it is no sum: name the archive's sum"):
        await archive.look(http, f"{url}/endless", "")


async def test_an_address_that_is_none_is_said(http: HttpClient) -> None:
    with pytest.raises(ConfigError, match="no address of an archive"):
        await archive.look(http, "http://[fd00::/a.tgz", "")
