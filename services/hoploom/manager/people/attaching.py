"""Puts the people into a manager: their store, which is followed while it serves, and the desk that lets them in."""

from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web

from hoploom import kit
from hoploom.manager import access
from hoploom.manager.people import handlers
from hoploom.manager.people.desk import DESK, Desk
from hoploom.manager.people.door_book import DoorBook
from hoploom.manager.people.file_users import FileUsers
from hoploom.manager.people.kv_users import KvUsers
from hoploom.manager.people.passwords import Passwords
from hoploom.manager.people.store import USERS
from hoploom.manager.people.users_file import UsersFile
from hoploom.manager.settings import Settings
from hoploom.wire.people import Role

__all__ = ["DESK", "attach"]


def attach(app: web.Application, settings: Settings) -> None:
    """Give an application `USERS` and a desk, there when it starts, and their API; call it after `access.attach`.

    Args:
        app: The application, on the mesh.
        settings: Name the file of users, if they are in one.

    Raises:
        ConfigError: That file will not do.
    """
    file = UsersFile(Path(settings.users_file)) if settings.users_file else None

    async def peopled(app: web.Application) -> AsyncIterator[None]:
        consul = kit.mesh(app).consul
        app[USERS] = FileUsers(file) if file else KvUsers(consul)
        app[DESK] = Desk(store=app[USERS], book=DoorBook(consul), passwords=Passwords())
        yield

    app.cleanup_ctx.append(peopled)
    kit.background(app, _follow)
    app[handlers.URLS] = tuple(each.strip() for each in settings.urls.split(",") if each.strip())
    access.add(app, handlers.routes(), Role.ADMIN)


async def _follow(app: web.Application) -> None:
    await app[USERS].follow()
