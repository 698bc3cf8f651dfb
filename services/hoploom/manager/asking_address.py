"""The address that a request comes from, as far as it can be believed.

A router appends to `X-Forwarded-For` what it has seen itself. So its last entry counts, and none before it, and only
where a router of the mesh sends: who comes directly may write what it likes.
"""

import ipaddress
from collections.abc import Iterable

from aiohttp import web

from hoploom import kit
from hoploom.kit import fabio_api, watch
from hoploom.kit.consul_api import Instance

_LONGEST = 64
_ROUTERS = web.AppKey("asking_routers", set[str])


def attach(app: web.Application) -> None:
    """Follow where the mesh's routers are."""
    app[_ROUTERS] = set()
    kit.background(app, _follow)


def asker(request: web.Request) -> str:
    """The address that a request comes from."""
    peer = _plain(request.remote or "")
    if not _is_router(request, peer):
        return peer[:_LONGEST]
    seen = ",".join(request.headers.getall("X-Forwarded-For", [])).rpartition(",")[2].strip()
    return (seen or peer)[:_LONGEST]


def _plain(peer: str) -> str:
    """An address of IPv4 as such, where a listener for both families says it as one of IPv6."""
    return peer.removeprefix("::ffff:") if "." in peer else peer


def _is_router(request: web.Request, peer: str) -> bool:
    try:
        if ipaddress.ip_address(peer).is_loopback:
            return True
    except ValueError:
        return False
    return peer == kit.mesh(request).address or peer in request.app[_ROUTERS]


async def _follow(app: web.Application) -> None:
    consul, routers = kit.mesh(app).consul, app[_ROUTERS]

    def learn(found: Iterable[Instance]) -> None:
        routers.clear()
        routers.update(each.address for each in found)

    await watch.follow(
        "the routers", lambda index: consul.instances(fabio_api.SERVICE, passing=False, index=index), learn
    )
