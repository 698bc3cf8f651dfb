"""Reads the route table of a Fabio, and finds the Fabios of the mesh.

Every Fabio routes its own table to the mesh (service `fabio-routes`, path `/_mesh/<name>/api/routes`), so that anybody
can see it while the admin port stays on loopback; and its metrics likewise (`fabio-metrics`, `/_mesh/<name>/metrics`).
"""

import ipaddress
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from hoploom.kit.consul_api import Instance
from hoploom.kit.errors import Unavailable

SERVICE = "fabio-routes"
CANARY = "route-canary"
"""A service that nobody asks: a manager takes it in and out of all tables, and sees how soon they follow."""

CANARY_PATH = "/_mesh/canary/"
OWN = frozenset({SERVICE, "fabio-metrics", "fabio", CANARY})
"""Services by which Fabios and what audits them are registered."""

_OK = 200


@dataclass(frozen=True)
class Router:
    """One Fabio.

    Attributes:
        name: Of its node.
        url: Where its own route table is answered.
        metrics_url: Where its metrics are; empty where nobody says.
    """

    name: str
    url: str
    metrics_url: str = ""


@dataclass(frozen=True)
class RouteEntry:
    """One line of a route table: requests for `src` go to `dst` with this share."""

    service: str
    src: str
    dst: str
    host: str = ""
    path: str = ""
    opts: str = ""
    weight: float = 0.0
    tags: tuple[str, ...] = ()


def routers(instances: Sequence[Instance]) -> list[Router]:
    """The Fabios behind the passing instances of `fabio-routes`; one without our metadata is not ours and left out.

    Each has a name of its own: where two are on one node, with its address.
    """
    found = [
        Router(each.node or each.id, f"http://{each.meta['proxy']}{each.meta['path']}", each.meta.get("metrics", ""))
        for each in instances
        if "proxy" in each.meta and "path" in each.meta
    ]
    names = Counter(each.name for each in found)
    return [
        each if names[each.name] == 1 else replace(each, name=f"{each.name} at {urlsplit(each.url).netloc}")
        for each in found
    ]


def without_canaries(table: Iterable[RouteEntry]) -> list[RouteEntry]:
    """A table as it is for everybody: without the route that comes and goes on purpose."""
    return [each for each in table if CANARY_PATH not in each.src]


async def routes(session: aiohttp.ClientSession, url: str, timeout_s: float) -> list[RouteEntry]:
    """Read a route table; arguments and errors as those of `text`, and Unavailable for what is no route table."""
    return parsed(await text(session, url, timeout_s), url)


async def text(session: aiohttp.ClientSession, url: str, timeout_s: float) -> bytes:
    """A route table as it is answered: a long one costs ten times as much to understand as to ask for.

    Args:
        session: The pool to use.
        url: Of `/api/routes`, at the admin port or through the mesh.
        timeout_s: Seconds until the whole answer has to be there.

    Raises:
        Unavailable: No answer, or one that says that there is none.
    """
    try:
        async with session.get(url, timeout=aiohttp.ClientTimeout(total=timeout_s), allow_redirects=False) as answer:
            body = await answer.read()
    except (aiohttp.ClientError, OSError) as error:
        raise Unavailable(f"no route table from {url} ({str(error) or type(error).__name__})") from error
    if answer.status != _OK:
        raise Unavailable(f"no route table from {url}: status {answer.status}")
    return body


def parsed(body: bytes, url: str) -> list[RouteEntry]:
    """The lines of a table that `url` has answered; raises Unavailable where it is none."""
    try:
        return [_entry(item) for item in json.loads(body) or []]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unavailable(f"what {url} answers is no route table of Fabio's") from error


def lists(table: Sequence[RouteEntry], address: str, port: int) -> bool:
    """Whether the table sends anything to this address and port."""
    return any(_target(entry.dst) == (_plain(address), port) for entry in table)


def _target(dst: str) -> tuple[str, int | None]:
    try:
        parts = urlsplit(dst)
        return _plain(parts.hostname or ""), parts.port
    except ValueError:
        # Somebody's redirect to an impossible port is no target of ours.
        return "", None


def _plain(address: str) -> str:
    """One spelling for an address or name: ::1 for [::1] and 0:0:0:0:0:0:0:1, names in small letters."""
    bare = address.strip("[]").lower()
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return bare


def _entry(item: Mapping[str, Any]) -> RouteEntry:
    return RouteEntry(
        service=item["service"],
        src=item["src"],
        dst=item["dst"],
        host=item.get("host", ""),
        path=item.get("path", ""),
        opts=item.get("opts") or "",
        weight=float(item.get("weight") or 0.0),
        tags=tuple(item.get("tags") or ()),
    )
