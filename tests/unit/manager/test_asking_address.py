"""Where a request comes from, whatever it says of itself: security list, line 18."""

from collections.abc import AsyncIterator, Mapping

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request
from multidict import CIMultiDict

from hoploom import kit
from hoploom.kit import fabio_api
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.manager import asking_address
from hoploom.manager.asking_address import asker
from waiting import eventually

Manager = TestClient[web.Request, web.Application]
ROUTER, STRANGER = "198.51.100.7", "203.0.113.9"


@pytest.fixture
async def app(on_mesh: OnMesh, fake_consul: FakeConsul) -> AsyncIterator[web.Application]:
    found = web.Application()
    kit.setup(found, name="manager")
    asking_address.attach(found)
    fake_consul.add_instance(fabio_api.SERVICE, ROUTER, 9998)
    async with TestServer(on_mesh(found, background=True)):
        await eventually("the router is known", lambda: found[asking_address._ROUTERS])
        yield found


def asked(app: web.Application, peer: str, *forwarded: str) -> str:
    headers: Mapping[str, str] = CIMultiDict([("X-Forwarded-For", each) for each in forwarded])
    return asker(make_mocked_request("GET", "/", headers, app=app).clone(remote=peer))


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("127.0.0.1", (), "127.0.0.1"),
        ("127.0.0.1", ("192.0.2.1",), "192.0.2.1"),
        ("127.0.0.1", ("10.0.0.1, 192.0.2.1",), "192.0.2.1"),
        ("127.0.0.1", ("10.0.0.1", "192.0.2.1"), "192.0.2.1"),
        ("::1", ("2001:db8::1",), "2001:db8::1"),
        (ROUTER, ("10.0.0.1, 192.0.2.1",), "192.0.2.1"),
        (STRANGER, ("192.0.2.1",), STRANGER),
        (STRANGER, (), STRANGER),
        (f"::ffff:{STRANGER}", ("192.0.2.1",), STRANGER),
        (f"::ffff:{ROUTER}", ("192.0.2.1",), "192.0.2.1"),
        ("::ffff:127.0.0.1", ("192.0.2.1",), "192.0.2.1"),
        ("", ("192.0.2.1",), ""),
    ],
    ids=["no router", "a router here", "forged before it", "in a header of its own", "IPv6", "a router elsewhere",
         "a stranger who forges", "a stranger", "a stranger by IPv6", "a router by IPv6", "a router here by IPv6",
         "no peer"],
)  # fmt: skip
async def test_only_what_a_router_of_the_mesh_appends_is_believed(
    app: web.Application, peer: str, forwarded: tuple[str, ...], address: str
) -> None:
    assert asked(app, peer, *forwarded) == address


async def test_a_router_that_has_gone_is_no_router(app: web.Application, fake_consul: FakeConsul) -> None:
    await fake_consul.deregister(f"{fabio_api.SERVICE}-9998")
    await eventually("it is forgotten", lambda: not app[asking_address._ROUTERS])
    assert asked(app, ROUTER, "192.0.2.1") == ROUTER
