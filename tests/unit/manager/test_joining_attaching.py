"""The two pages as a machine asks for them."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom import __version__, kit
from hoploom.manager import access
from hoploom.manager.joining import attaching
from hoploom.manager.settings import Settings
from waiting import eventually

NAME = f"hoploom-worker-{__version__}-linux-x86_64-cp311.tar.gz"
CONTENT = b"\x1f\x8b archive" * 1000
Client = TestClient[web.Request, web.Application]
Answered = Callable[[Client], Awaitable[None]]


@asynccontextmanager
async def asked(folder: str, urls: str = "") -> AsyncIterator[Client]:
    app, settings = web.Application(), Settings(archive_dir=folder, urls=urls)
    kit.setup(app, name="manager", agent=False)
    kit.mesh(app).settings = settings
    access.attach(app, "")
    attaching.attach(app, settings)
    async with TestClient(TestServer(app, shutdown_timeout=0.01)) as client:
        yield client


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / NAME).write_bytes(CONTENT)
    (tmp_path / f"{NAME}.sha256").write_text(f"{hashlib.sha256(CONTENT).hexdigest()}  {NAME}\n", encoding="ascii")
    (tmp_path / "secret").write_text("secret", encoding="ascii")
    return tmp_path


@pytest.mark.parametrize(
    ("urls", "headers", "expected"),
    [
        ("", {"Host": "map.example.org", "X-Forwarded-Proto": "https"}, "url=https://map.example.org\n"),
        ("https://told.example.org/, https://b", {"Host": "map.example.org"}, "url=https://told.example.org\n"),
    ],
)
async def test_the_script_has_the_address_and_the_sum(
    urls: str, headers: dict[str, str], expected: str, folder: Path
) -> None:
    async with asked(str(folder), urls) as client:
        answer = await client.get("/join", headers=headers)
        text = await answer.text()
    assert (answer.status, answer.content_type) == (200, "text/x-shellscript")
    assert expected in text and hashlib.sha256(CONTENT).hexdigest() in text


async def test_an_archive_comes_as_it_is_and_nothing_else_does(folder: Path) -> None:
    async with asked(str(folder)) as client:
        answer = await client.get(f"/archives/{NAME}")
        assert (answer.status, await answer.read()) == (200, CONTENT)
        assert "Content-Encoding" not in answer.headers
        for path in ("secret", "..%2Fsecret", "%2e%2e/secret", f"{NAME}.sha256", "x" * 500):
            assert (await client.get(f"/archives/{path}")).status == 404, path


async def test_a_host_that_is_no_address_is_refused(folder: Path) -> None:
    async with asked(str(folder)) as client:
        assert (await client.get("/join", headers={"Host": "$(id)"})).status == 400


async def test_whoever_comes_while_many_are_served_is_asked_to_come_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attaching, "MOST_DOWNLOADS", 0)
    async with asked(str(folder)) as client:
        answer = await client.get(f"/archives/{NAME}")
        assert (answer.status, answer.headers["Retry-After"]) == (503, "10")


async def test_without_a_folder_the_script_says_so_and_there_are_no_archives() -> None:
    async with asked("") as client:
        assert "--archive-dir" in await (await client.get("/join")).text()
        assert (await client.get(f"/archives/{NAME}")).status == 404


async def test_whoever_takes_nothing_is_cut_off_and_holds_no_place(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size_bytes = 256 * 2**20
    os.truncate(folder / NAME, size_bytes)
    monkeypatch.setattr(attaching, "LONGEST_S", 0.2)
    monkeypatch.setattr(attaching, "MOST_DOWNLOADS", 1)
    async with asked(str(folder)) as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", client.port, limit=2**10)
        writer.write(f"GET /archives/{NAME} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

        async def has_place() -> bool:
            answer = await client.get(f"/archives/{NAME}", headers={"Range": "bytes=0-9"})
            return answer.status == 206

        await reader.readuntil(b"\r\n\r\n")
        await eventually("a place", has_place)
        writer.close()
