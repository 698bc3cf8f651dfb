"""Where an audit looks: addresses that were named, else a mesh of this machine, else the usual ports of this machine.

Nobody else's address is ever tried. Of our own meshes' routers Consul says where their tables are (`fabio-routes`).
"""

import argparse
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from hoploom.cli import screen
from hoploom.kit import fabio_api
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.consul_records import Instance
from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.kit.http_client import HttpClient
from hoploom.local import consul_given
from hoploom.local.mesh import LocalMesh
from hoploom.local.places import DEFAULT_MESH
from hoploom.local.wishes import is_local
from hoploom.routing import observing_fabio
from hoploom.routing.audit_settings import is_loopback
from hoploom.routing.observing_fabio import Source

_CONSUL, _PAGES_PORT = "http://127.0.0.1:8500", 9998
_FABIO = "fabio"
"""The name under which a Fabio registers itself unless it is told another (registry.consul.register.name)."""


@dataclass
class Places:
    """What an audit has to look at.

    Attributes:
        consul: The agent, by its own names of services; None where none is to be asked.
        where: Its URL.
        sources: The routers.
        unseen: What cannot be looked at, and why.
    """

    consul: ConsulApi | None = None
    where: str = ""
    sources: list[Source] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags by which places are named."""
    parser.add_argument("--consul", default="", metavar="URL", help="a Consul agent (CONSUL_HTTP_ADDR)")
    consul_given.add_arguments(parser)
    more = parser.add_argument
    more("--fabio", action="append", default=[], metavar="URL", help="a Fabio, repeatable; without its pages little "
         "can be seen of it")  # fmt: skip
    more("--fabio-admin", action="append", default=[], metavar="URL", help="pages of a Fabio, like "
         "http://127.0.0.1:9998; repeatable")  # fmt: skip
    unnamed = "where nothing is named: CONSUL_HTTP_ADDR, else the mesh that runs here, else the usual ports"
    more("--mesh", default=None, help=f"name of a mesh of this machine (HOPLOOM_MESH); {unnamed}")


def cure(consul: str) -> str:
    """What to do where a Consul at this URL does not answer."""
    authority = ", its authority by --consul-ca-file" if consul.startswith("https:") else ""
    return f"name another by --consul{authority}, or look at Fabio alone by --fabio-admin"


@asynccontextmanager
async def found(args: argparse.Namespace, http: HttpClient) -> AsyncIterator[Places]:
    """The places that the arguments and the environment name.

    Raises:
        ConfigError: An address is none, or nobody is there.
    """
    places = Places()
    try:
        await _named(args, http, places)
        yield places
    finally:
        if places.consul is not None:
            await places.consul.close()


async def _named(args: argparse.Namespace, http: HttpClient, places: Places) -> None:
    is_named = args.consul or args.fabio or args.fabio_admin
    mesh = None if is_named else _mesh(args, os.environ)
    if mesh is not None:
        places.where = mesh.consul_url
        places.consul = ConsulApi(mesh.consul_url, mesh.secrets.get("management", ""))
        places.sources.append(_source(mesh.fabio_admin_url))
        await mesh.close()
    else:
        _consul(args, os.environ, places)
    for each in args.fabio_admin:
        places.sources.append(_source(_url("the pages of a Fabio", each)))
    for each in args.fabio:
        await _fabio(http, _url("a Fabio", each), places)
    if not places.sources and not args.fabio:
        await _usual_pages(http, places)
    await _by_consul(places, is_said=bool(args.consul) or mesh is not None)
    if not places.sources and not args.fabio:
        places.unseen.append(f"the table of any Fabio: none was named, and none that reads {places.where or _CONSUL} "
                             f"answers at port {_PAGES_PORT} here (--fabio-admin)")  # fmt: skip
    # The same by two names is one.
    places.sources = list({each.pages or each.table: each for each in places.sources}.values())
    if places.consul is None and not places.sources:
        raise ConfigError(f"nothing could be looked at: {'; '.join(places.unseen)}")


def _mesh(args: argparse.Namespace, environ: Mapping[str, str]) -> LocalMesh | None:
    """The mesh of this machine that is meant; None where there is none and none was named."""
    named = args.mesh or environ.get("HOPLOOM_MESH", "")
    if not named and environ.get("CONSUL_HTTP_ADDR"):
        return None
    args.mesh = named or DEFAULT_MESH
    mesh = LocalMesh(screen.places(args), screen.say_aside)
    if named:
        mesh.require_running()
    return mesh if mesh.record and mesh.is_up("consul") else None


def _consul(args: argparse.Namespace, environ: Mapping[str, str], places: Places) -> None:
    is_said = args.consul or environ.get("CONSUL_HTTP_ADDR")
    if not is_said and (args.fabio or args.fabio_admin):
        return
    given = consul_given.given(environ, args.consul, args.consul_token_file, args.consul_ca_file)
    places.where = _url("Consul", given.address or _CONSUL)
    places.consul = ConsulApi(places.where, given.token, ca_file=given.ca_file)


async def _fabio(http: HttpClient, url: str, places: Places) -> None:
    """Somebody may name a Fabio by its pages, or by the address at which it routes."""
    parts = urlsplit(url)
    usual = f"{parts.scheme}://{parts.netloc.rpartition(':')[0] or parts.netloc}:{_PAGES_PORT}"
    if await observing_fabio.has_pages(http, url):
        places.sources.append(_source(url))
    elif is_loopback(parts.netloc) and await _routes_at(http, usual, parts.port or 80):
        places.sources.append(_source(usual))
    else:
        places.unseen.append(f"the table and the settings of the Fabio at {url}: name its pages by --fabio-admin "
                             f"(usually {usual})")  # fmt: skip


async def _routes_at(http: HttpClient, pages: str, port: int) -> bool:
    """Whether these are the pages of a Fabio that routes at this port."""
    seen = await observing_fabio.look(http, _source(pages))
    return seen.settings is not None and port in seen.settings.ports


async def _by_consul(places: Places, *, is_said: bool) -> None:
    """The routers whose tables a mesh of ours routes, and those that only somebody here can name."""
    if places.consul is None:
        return
    try:
        names = await places.consul.services()
        if _FABIO in names:
            _registered((await places.consul.instances(_FABIO))[1], places)
        for name in sorted(names):
            if name == fabio_api.SERVICE or name.endswith(f"-{fabio_api.SERVICE}"):
                _routed((await places.consul.instances(name))[1], places)
    except Unavailable as error:
        if is_said or os.environ.get("CONSUL_HTTP_ADDR") or not places.where:
            raise ConfigError(f"{error}: {cure(places.where)}") from error
        await places.consul.close()
        places.consul = None
        places.unseen.append(f"Consul: nobody answers at {places.where} (--consul)")


def _registered(instances: Sequence[Instance], places: Places) -> None:
    """Fabios that have registered themselves: those on loopback of this machine, where the Consul is too."""
    is_here = is_loopback(urlsplit(places.where).netloc)
    ports = {urlsplit(each.pages).port for each in places.sources if is_loopback(urlsplit(each.pages).netloc)}
    for each in instances:
        known = {urlsplit(source.pages).netloc for source in places.sources}
        if urlsplit(each.url).netloc in known or (each.port in ports and is_local(each.address)):
            continue
        if is_here and is_loopback(urlsplit(each.url).netloc):
            places.sources.append(_source(each.url))
        else:
            why = f"the Fabio at {each.url}, which Consul knows: name its pages by --fabio-admin {each.url}"
            places.unseen.append(why)


def _routed(instances: Sequence[Instance], places: Places) -> None:
    """Fabios whose tables a mesh of ours routes: by their pages where those are here, else by the table alone."""
    is_here = is_loopback(urlsplit(places.where).netloc)
    pairs = [(instance, router) for instance in instances for router in fabio_api.routers([instance])]
    for each, router in pairs:
        is_ours = is_here and is_local(urlsplit(router.url).hostname or "")
        known = {urlsplit(source.pages).netloc for source in places.sources}
        if is_ours and urlsplit(each.url).netloc in known:
            continue
        places.sources.append(Source(router.name, each.url) if is_ours else Source(router.name, table=router.url))


async def _usual_pages(http: HttpClient, places: Places) -> None:
    """A Fabio at the usual port of this machine, where the Consul is on this machine too and is what it reads."""
    url = f"http://127.0.0.1:{_PAGES_PORT}"
    consul = urlsplit(places.where or _CONSUL)
    if is_loopback(consul.netloc):
        settings = (await observing_fabio.look(http, _source(url))).settings
        # Another mesh's Fabio may have the usual port.
        if settings and settings.consul_port == consul.port:
            places.sources.append(_source(url))


def _source(url: str) -> Source:
    # A password before the host is to be sent, and not to be shown.
    return Source(urlsplit(url).netloc.rpartition("@")[2], url)


def _url(what: str, given: str) -> str:
    """The URL that a person meant, without a slash at its end; raises ConfigError."""
    full = given if "://" in given else f"http://{given}"
    try:
        parts = urlsplit(full)
        is_wrong = parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0
    except ValueError:
        is_wrong = True
    if is_wrong:
        raise ConfigError(f"the address of {what} is like {_CONSUL}, not {given!r}")
    return full.rstrip("/")
