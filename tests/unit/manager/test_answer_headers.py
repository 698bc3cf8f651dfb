"""What every answer says to browsers, errors too: security list, line 19."""

from collections.abc import AsyncIterator

import pytest

from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from people_made import signed_in
from unit.manager.sessions.small import Manager, serving

HTTPS = {"X-Forwarded-Proto": "https"}


@pytest.fixture
async def manager(on_mesh: OnMesh, fake_consul: FakeConsul) -> AsyncIterator[Manager]:
    await signed_in(fake_consul)
    async with serving(on_mesh, 1) as [found]:
        yield found


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/see", 200), ("GET", "/sign-in", 200), ("GET", "/forgotten", 403), ("GET", "/nothing", 404),
        ("POST", "/sign-in", 403), ("DELETE", "/sign-in", 405), ("GET", "/health", 200), ("HEAD", "/see", 200),
    ],
)  # fmt: skip
async def test_every_answer_says_it(
    manager: Manager, fake_consul: FakeConsul, method: str, path: str, status: int
) -> None:
    shown = {"Cookie": (await signed_in(fake_consul))["Cookie"]} | HTTPS
    async with manager.request(method, path, headers=shown) as answer:
        assert answer.status == status
        told = answer.headers
    policy = {each.strip() for each in told["Content-Security-Policy"].split(";")}
    assert policy >= {"default-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"}
    assert "unsafe" not in told["Content-Security-Policy"]
    assert told["X-Content-Type-Options"] == "nosniff"
    assert told["Referrer-Policy"] == "same-origin"
    assert told["Cache-Control"] == "no-store"
    assert int(told["Strict-Transport-Security"].removeprefix("max-age=")) >= 365 * 24 * 3600
    assert "Server" not in told


async def test_plain_http_promises_no_https(manager: Manager) -> None:
    async with manager.get("/sign-in") as answer:
        assert "Strict-Transport-Security" not in answer.headers
