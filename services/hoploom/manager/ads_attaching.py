"""Puts ads into a manager: what it hears, what it says, and whom it tells."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator
from functools import partial

from aiohttp import web

from hoploom import __version__, kit
from hoploom.kit.errors import ConfigError, Unavailable, Unprocessable
from hoploom.kit.http_client import HttpClient
from hoploom.manager import access, ads_handlers, ads_own
from hoploom.manager.ads_flood import SAY_TIMEOUT_S, Flood
from hoploom.manager.ads_hearing import Hearing
from hoploom.manager.ads_own import OwnAds
from hoploom.manager.ads_peers import Peers
from hoploom.manager.ads_proof import Proof
from hoploom.manager.registry import REGISTRY, Registry
from hoploom.manager.settings import Settings
from hoploom.manager.signing import SIGNING
from hoploom.trust.attaching import GUARD, KEY_SET, ROLL
from hoploom.wire import ad_bodies, advertised
from hoploom.wire.ad_bodies import ManagerBody

TEND_EVERY_S = 1.0
_OWN = web.AppKey("manager_own_ads", OwnAds)
_FLOOD = web.AppKey("manager_flood", Flood)
_PEERS = web.AppKey("manager_peers", Peers)


def attach(app: web.Application, settings: Settings, token: str) -> None:
    """Give a manager its ads; call it after `trust.attaching.attach`, and before `signing.attach`.

    The last ad is signed while the manager stops, so its keys are to end after it.

    Args:
        app: The application, on the mesh.
        settings: Of the manager.
        token: The mesh's own token, which managers show each other; empty where there is none.

    Raises:
        ConfigError: A setting names something that is no URL.
    """
    urls, peers = _urls(settings.urls, "urls"), _urls(settings.peers, "peers")
    access.add(app, ads_handlers.routes(), None)
    app[REGISTRY] = Registry()

    async def opened(app: web.Application) -> AsyncIterator[None]:
        mesh, registry = kit.mesh(app), app[REGISTRY]
        from_loopback = _is_loopback(mesh.address)
        careful = HttpClient(
            why_not=partial(advertised.why_not, from_loopback=from_loopback), unacked_s=SAY_TIMEOUT_S
        )
        plain = HttpClient(unacked_s=SAY_TIMEOUT_S)
        app[_FLOOD] = Flood(mesh.id, registry.held)
        app[ROLL].when_gone(registry.forget)
        proof = Proof(app[GUARD], app[KEY_SET])
        app[ads_handlers.HEARING] = hearing = Hearing(registry, proof, app[_FLOOD])
        app[_PEERS] = Peers(mesh, registry, hearing, app[_FLOOD], token, peers, plain, careful, from_loopback)
        app[_OWN] = OwnAds(mesh.id, partial(_body, mesh, urls), partial(_sign, app))
        yield
        await careful.close()
        await plain.close()

    app.cleanup_ctx.append(opened)
    kit.background(app, _live)
    kit.on_drain(app, _leave)


async def _live(app: web.Application) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(app[_FLOOD].run())
        group.create_task(app[_PEERS].follow())
        group.create_task(app[_PEERS].pull())
        group.create_task(ads_own.advertise(app[_OWN], app[REGISTRY], app[_FLOOD]))
        group.create_task(_tend(app[REGISTRY]))


async def _tend(registry: Registry) -> None:
    while True:
        await asyncio.sleep(TEND_EVERY_S)
        registry.tend()


async def _leave(app: web.Application) -> None:
    await ads_own.take_leave(app[_OWN], app[REGISTRY], app[_FLOOD])


def _body(mesh: kit.Mesh, urls: tuple[str, ...]) -> ManagerBody:
    return ManagerBody(urls=urls or (mesh.url,), dc=mesh.dc, version=mesh.settings.version_tag or __version__)


def _sign(app: web.Application, message: bytes) -> tuple[str, str] | None:
    try:
        current = app[SIGNING].current
    except Unavailable:
        return None
    return current.record.kid, current.signer.sign(message)


def _urls(text: str, setting: str) -> tuple[str, ...]:
    try:
        return ad_bodies.urls(tuple(each.strip() for each in text.split(",") if each.strip()))
    except Unprocessable as error:
        raise ConfigError(f"{setting}: {error}") from error


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
