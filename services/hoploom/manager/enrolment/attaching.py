"""Puts enrolment into a manager."""

from aiohttp import web

from hoploom import kit
from hoploom.kit.last_known import LastKnown
from hoploom.manager import access
from hoploom.manager.enrolment import handlers
from hoploom.manager.enrolment.book import Book
from hoploom.manager.enrolment.desk import Circumstances, Desk
from hoploom.manager.enrolment.wrong_tokens import WrongTokens
from hoploom.manager.registry import REGISTRY
from hoploom.manager.settings import Settings
from hoploom.manager.signing import SIGNING
from hoploom.trust.attaching import KEY_SET, REVOCATIONS
from hoploom.trust.numbers import Numbers
from hoploom.wire.ads import WORKER
from hoploom.wire.enrolment import MAX_MANAGERS
from hoploom.wire.people import Role


def attach(app: web.Application, settings: Settings) -> None:
    """Invite, enrol, renew and forget here; after those of the guard, the ads and the signing keys."""
    app[handlers.WRONG_TOKENS] = WrongTokens()
    app[handlers.URLS] = tuple(each.strip() for each in settings.urls.split(",") if each.strip())

    async def start(app: web.Application) -> None:
        mesh = kit.mesh(app)
        book = Book(mesh.consul, Numbers.of(mesh.consul, mesh.dc, mesh.home_dc))
        app[handlers.LISTED] = LastKnown(book.listed, handlers.KEPT_S)
        app[handlers.DESK] = Desk(
            book=book,
            signing=app[SIGNING],
            keys=app[KEY_SET],
            is_revoked=app[REVOCATIONS].is_revoked,
            around=around,
        )

    def around(name: str) -> Circumstances:
        registry = app[REGISTRY]
        known = dict.fromkeys(url for each in registry.managers() for url in each.body.urls[:1])
        return Circumstances(
            gateway=settings.gateway,
            push=True,
            managers=tuple(known)[:MAX_MANAGERS],
            highest_boot=registry.highest(WORKER, name),
        )

    app.on_startup.append(start)
    access.add(app, handlers.of_workers(), None)
    access.add(app, handlers.of_operators(), Role.OPERATOR)
