"""Puts a worker together: no routes, heartbeats instead of inbound checks, one loop; it gives back what it holds.

On a machine of the mesh it knows Consul's agent and Fabio. Elsewhere (`--mesh-url`) it knows one address of the mesh,
and asks there: it is registered nowhere, and nothing listens.
"""

from collections.abc import AsyncIterator
from dataclasses import replace

from aiohttp import web

from hoploom import kit
from hoploom.kit import Mesh, ServiceClient, credentials
from hoploom.kit.errors import NotReady
from hoploom.kit.http_client import HttpClient
from hoploom.ping_service import advertising, anchors, owner
from hoploom.ping_service.ad_body import Portrait
from hoploom.ping_service.advertising import Advertising
from hoploom.ping_service.boot_count import BootCount
from hoploom.ping_service.enrolling import mesh_url
from hoploom.ping_service.identity import Identity, JoinedIdentity
from hoploom.ping_service.identity_folder import IdentityFolder
from hoploom.ping_service.lease_client import LeaseClient
from hoploom.ping_service.orders import Orders
from hoploom.ping_service.outbox import Outbox
from hoploom.ping_service.probing import boot_id
from hoploom.ping_service.pushed import Line, Pushed
from hoploom.ping_service.settings import Settings
from hoploom.ping_service.spool import Spool
from hoploom.ping_service.station import Station
from hoploom.ping_service.work import Worker
from hoploom.prober.politeness import smallest


def make_app(settings: Settings) -> web.Application:
    """The worker as an application; its pages are /health, /ready and /metrics alone."""
    app = web.Application()
    kit.setup(app, name="ping", inbound=False, agent=not settings.mesh_url)
    mesh = kit.mesh(app)
    mesh.settings = settings
    # A misspelt one is said now.
    anchors.parse(settings.anchors)
    identity = _identity(mesh, settings)
    settings = _as_invited(settings, identity)
    client = LeaseClient(_edge(mesh, identity), identity, identity.name)
    station = Station(settings, client, orders=Orders(owner=owner.limits(settings)))
    outbox = Outbox(Spool(settings.spool_folder(), settings.spool_bytes), station.clock, boot_id())
    worker = Worker(station, outbox)

    pushed = Pushed(station, _line(mesh, identity, settings))

    async def is_let_in() -> None:
        if identity.trouble:
            raise NotReady(identity.trouble)

    mesh.ready = (worker.can_probe, is_let_in)
    mesh.reports.append(worker.report)
    mesh.meta.update({"worker": station.name, "group": settings.group or station.name})

    async def spool(_: web.Application) -> AsyncIterator[None]:
        await outbox.open(settings.wait_lock_s)
        yield
        await outbox.close()

    async def work(_: web.Application) -> None:
        await worker.run()

    async def listen(_: web.Application) -> None:
        await pushed.run()

    async def renew(_: web.Application) -> None:
        await identity.run()

    async def leave(_: web.Application) -> None:
        await worker.leave()

    app.cleanup_ctx.append(spool)
    _advertise(app, identity, Portrait(station, outbox, worker.report))
    kit.background(app, work)
    kit.background(app, renew)
    kit.background(app, listen)
    kit.on_drain(app, leave)
    return app


def _advertise(app: web.Application, identity: Identity, portrait: Portrait) -> None:
    """Have the managers told how this worker is, where it joined; the mesh's own machines stand in Consul."""
    if not identity.mesh_url:
        return
    mesh, settings = kit.mesh(app), portrait.settings
    clients = advertising.clients(identity.mesh_url, settings.mesh_ca_file)
    boots = BootCount(IdentityFolder.at(settings.identity_dir).path)
    told = Advertising(identity, boots, portrait.body, clients)
    mesh.reports.append(lambda: told.trouble)

    async def close(_: web.Application) -> AsyncIterator[None]:
        yield
        for each in clients:
            await each.close()

    async def tell(_: web.Application) -> None:
        await told.run(portrait.news)

    async def take_leave(_: web.Application) -> None:
        await told.leave()

    app.cleanup_ctx.append(close)
    kit.background(app, tell)
    # Before the leases are given back, for which there may not be time enough.
    kit.on_drain(app, take_leave)


def _identity(mesh: Mesh, settings: Settings) -> Identity:
    """Who this worker is: with the mesh's own token one of the mesh's machines, else one that joined."""
    token = credentials.read(settings.worker_token_file)
    if not settings.mesh_url:
        return Identity(settings.lasting_name, token)
    mesh.http = HttpClient(settings.mesh_ca_file)
    found = JoinedIdentity(IdentityFolder.at(settings.identity_dir), mesh.http)
    # The owner's word, where the mesh has moved since.
    found.mesh_url = mesh_url(settings.mesh_url)
    return found


def _as_invited(settings: Settings, identity: Identity) -> Settings:
    """Its name is what the mesh calls it, and its rate the smaller of what its owner and its invitation allow."""
    told = identity.answer.max_rate_pps if identity.answer else 0
    return replace(settings, worker=identity.name, max_rate_pps=smallest(settings.max_rate_pps, told))


def _edge(mesh: Mesh, identity: Identity) -> ServiceClient:
    """The way to the mesh."""
    if not identity.mesh_url:
        return mesh.through_fabio()
    # Which of both a manager says, and may say otherwise later.
    return ServiceClient.through(
        mesh.http, lambda: f"{identity.mesh_url}/gateway" if identity.gateway else identity.mesh_url
    )


def _line(mesh: Mesh, identity: Identity, settings: Settings) -> Line:
    """The way to what managers push: where it joined, or by Fabio."""
    joined = ServiceClient.through(mesh.http, lambda: identity.mesh_url)
    edge = joined if identity.mesh_url else mesh.through_fabio()

    def is_wanted() -> bool:
        return settings.push and (identity.answer is None or identity.answer.push)

    return Line(mesh.http, edge, identity.headers, is_wanted)
