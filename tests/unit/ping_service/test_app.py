"""A worker as a whole on a machine that is not the mesh's: one address, no Consul, nothing that listens."""

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from hoploom import kit
from hoploom.kit import lifecycle
from hoploom.kit.errors import ConfigError
from hoploom.ping_service.app import _as_invited, make_app
from hoploom.ping_service.identity import Identity
from hoploom.ping_service.identity_folder import Enrolment, IdentityFolder
from hoploom.ping_service.settings import Settings
from hoploom.wire.enrolment import Enrolled
from unit.ping_service.managers import ANSWER


class Edge:
    """Whoever stands at the mesh's address; writes down the first request for the orders, and knows nothing."""

    def __init__(self) -> None:
        self.asked: asyncio.Future[tuple[str, str]] = asyncio.get_running_loop().create_future()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self.server = TestServer(app, shutdown_timeout=0.01)

    async def _answer(self, request: web.Request) -> web.Response:
        if request.path.endswith("/api/v1/overlay") and not self.asked.done():
            self.asked.set_result((request.path, request.headers.get("Authorization", "")))
        return web.Response(status=503)


def settings(folder: Path, url: str) -> Settings:
    return Settings(mesh_url=url, identity_dir=str(folder / "identity"), spool_dir=str(folder / "spool"),
                    consul_addr="http://127.0.0.1:1", host="192.0.2.1")


def enrol(folder: Path, *, gateway: bool) -> None:
    identity = IdentityFolder(folder / "identity")
    identity.key()
    identity.write(Enrolment(mesh_url="https://moved.example.org", answer=replace(ANSWER, gateway=gateway)))


@pytest.mark.parametrize(("gateway", "path"), [(True, "/gateway/api/v1/overlay"), (False, "/api/v1/overlay")])
async def test_it_asks_the_address_its_owner_names_as_who_it_is(gateway: bool, path: str, tmp_path: Path) -> None:
    edge = Edge()
    enrol(tmp_path, gateway=gateway)
    async with edge.server:
        app = make_app(settings(tmp_path, str(edge.server.make_url(""))))
        served = asyncio.create_task(lifecycle.serve(app))
        assert await edge.asked == (path, f"Bearer {ANSWER.credential}")
        assert (kit.mesh(app).port, kit.mesh(app).meta["worker"]) == (0, ANSWER.name)
        os.kill(os.getpid(), signal.SIGTERM)
        await served


RATES = [(0, 0, 0), (200, 0, 200), (0, 50, 50), (200, 50, 50), (9, 50, 9)]


@pytest.mark.parametrize(("own", "invited", "expected"), RATES)
def test_it_is_no_faster_than_its_owner_and_its_invitation_allow(own: int, invited: int, expected: int) -> None:
    class Invited(Identity):
        @property
        def answer(self) -> Enrolled:
            return replace(ANSWER, max_rate_pps=invited)

    found = _as_invited(Settings(max_rate_pps=own), Invited("pi"))
    assert (found.worker, found.max_rate_pps) == ("pi", expected)


def test_one_that_has_not_joined_is_told_how(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="hoploom worker join URL"):
        make_app(settings(tmp_path, "https://map.example.org"))


def test_an_address_that_is_none_is_said(tmp_path: Path) -> None:
    enrol(tmp_path, gateway=True)
    with pytest.raises(ConfigError, match=r"map\.example\.org"):
        make_app(settings(tmp_path, "ftp://x"))
