"""The part of a manager that people sign in to, and nothing beside it; several may share one Consul."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from aiohttp import DummyCookieJar, web
from aiohttp.test_utils import TestClient, TestServer

from hoploom import kit
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.testing import OnMesh
from hoploom.manager import access
from hoploom.manager.access import Person
from hoploom.manager.people import attaching as people
from hoploom.manager.people import users
from hoploom.manager.people.desk import DESK, Desk
from hoploom.manager.people.door_book import DoorBook
from hoploom.manager.people.kv_users import PREFIX
from hoploom.manager.people.passwords import Cost, Passwords
from hoploom.manager.people.store import USERS
from hoploom.manager.people.users import User
from hoploom.manager.sessions import attaching
from hoploom.manager.settings import Settings
from hoploom.wire.people import Role
from waiting import eventually

Manager = TestClient[web.Request, web.Application]
NAME, PASSWORD = "ada", "a long walk by the lake"
FROM_US = {"Sec-Fetch-Site": "same-origin"}
PASSWORDS = Passwords(Cost(memory_kib=64, passes=1))
WHO = {Role.VIEWER: "/see", Role.OPERATOR: "/steer", Role.ADMIN: "/rule"}
"""A page and a form for each role, which say who asks."""


def small(*, development: bool = True) -> web.Application:
    """A manager with a page for each role, and the token `hlt_vera` of a viewer."""
    app = web.Application(client_max_size=8 * 2**20)
    kit.setup(app, name="manager")
    access.attach(app, "operator-token", development=development)
    people.attach(app, Settings())
    attaching.attach(app)
    people_s: access.TokenReader = {"hlt_vera": Person("vera", Role.VIEWER, by="token")}.get
    app[access.TOKENS] = people_s
    for role, path in WHO.items():
        access.add(app, [web.route("*", path, _who)], role)
    app.router.add_get("/forgotten", _who)

    async def cheap(app: web.Application) -> None:
        app[DESK] = Desk(store=app[USERS], book=DoorBook(kit.mesh(app).consul), passwords=PASSWORDS)

    app.on_startup.append(cheap)
    return app


async def _who(request: web.Request) -> web.Response:
    found = access.person(request)
    return web.json_response({"name": found.name, "role": found.role.word, "by": found.by})


async def make_user(consul: ConsulApi, name: str = NAME, role: Role = Role.ADMIN) -> User:
    """Somebody with `PASSWORD`."""
    user = User(name=name, role=role, hash=await PASSWORDS.hashed(PASSWORD))
    await consul.kv_put(f"{PREFIX}{name}", users.packed(user))
    return user


@asynccontextmanager
async def serving(on_mesh: OnMesh, count: int, *, development: bool = True) -> AsyncIterator[list[Manager]]:
    """So many managers, once they know the users; their clients keep no cookies."""
    async with AsyncExitStack() as stack:
        found = []
        for _ in range(count):
            app = on_mesh(small(development=development), background=True)
            client = TestClient(TestServer(app), cookie_jar=DummyCookieJar())
            found.append(await stack.enter_async_context(client))
        for each in found:
            await eventually("the users are known", partial(_knows_users, each))
        yield found


def _knows_users(manager: Manager) -> bool:
    return bool(app_of(manager)[USERS].users())


def app_of(manager: Manager) -> web.Application:
    """The application behind a client."""
    app: web.Application = manager.server.app  # type: ignore[attr-defined]
    return app
