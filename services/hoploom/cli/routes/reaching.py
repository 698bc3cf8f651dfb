"""How commands about routes reach a Consul and its Fabios: those of a mesh of this machine, or any by their URLs."""

import argparse
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from hoploom.cli import screen
from hoploom.kit import fabio_api
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.kit.fabio_api import Router
from hoploom.kit.http_client import HttpClient
from hoploom.kit.names import DEFAULT_PREFIX, PLAIN, Names
from hoploom.local import consul_given
from hoploom.local.mesh import LocalMesh
from hoploom.local.places import DEFAULT_MESH
from hoploom.routing.overrides import KVPATH, Overrides
from hoploom.routing.weights import Weights

_ASK_S = 2.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags by which a Consul and its Fabios are named."""
    parser.add_argument("--mesh", default=None, help="name of a mesh of this machine (HOPLOOM_MESH); the default")
    parser.add_argument("--consul", default="", metavar="URL", help="any Consul instead (CONSUL_HTTP_ADDR)")
    consul_given.add_arguments(parser)
    pages = "pages of a Fabio, like http://127.0.0.1:9998; repeatable; else those that Consul knows as fabio-routes"
    parser.add_argument("--fabio", action="append", default=[], metavar="URL", help=pages)


@dataclass(frozen=True)
class Reach:
    """A Consul and its Fabios.

    Attributes:
        consul: The agent, with its token, by the mesh's names.
        plain: The same, by its own names of services and keys.
        http: For everything else.
        names: How the mesh's things are called there.
        where: For a person.
        kvpath: Below which the Fabios read overrides.
        key: Name of our key there.
        fabios: Pages that were named; none for those that Consul knows.
    """

    consul: ConsulApi
    plain: ConsulApi
    http: HttpClient
    names: Names
    where: str
    kvpath: str = KVPATH
    key: str = DEFAULT_PREFIX
    fabios: tuple[str, ...] = ()

    async def routers(self, dc: str = "") -> Sequence[Router]:
        """The Fabios that were named, or those that pass in a datacenter; raises Unavailable."""
        if self.fabios:
            return [Router(urlsplit(each).netloc, f"{each}/api/routes") for each in self.fabios]
        _, found = await self.consul.instances(fabio_api.SERVICE, dc=dc)
        routers = fabio_api.routers(found)
        if not routers:
            raise Unavailable(f"{self.where} knows no Fabio that shows its routes: name its pages by --fabio "
                              "http://HOST:9998")  # fmt: skip
        return routers

    def overrides(self, dc: str = "") -> Overrides:
        """Our key in a datacenter; empty for the agent's own."""
        return Overrides(self.plain, self.kvpath, self.key, dc, self.names)

    def weights(self, dc: str = "") -> Weights:
        """Shares by tag in a datacenter; empty for the agent's own."""
        return Weights(self.plain, self.http, self.overrides(dc), lambda: self.routers(dc), self.names)


@asynccontextmanager
async def reached(args: argparse.Namespace) -> AsyncIterator[Reach]:
    """The Consul and the Fabios that the arguments name.

    Raises:
        ConfigError: No such mesh runs here, an address is none, or nobody knows the datacenter.
        Unavailable: A Fabio that was named does not answer.
    """
    http = HttpClient()
    named = args.mesh or os.environ.get("HOPLOOM_MESH")
    is_elsewhere = args.consul or (os.environ.get("CONSUL_HTTP_ADDR") and not named)
    if args.fabio and not is_elsewhere:
        raise ConfigError("--fabio names the pages of somebody else's Fabio: name its Consul too, by --consul URL")
    reach = await _elsewhere(args, http) if is_elsewhere else await _local(args, http)
    try:
        # Commands that are for all datacenters, such as `deploy`, ask for none.
        await _known(reach, getattr(args, "dc", ""))
        yield reach
    finally:
        await reach.consul.close()
        await reach.plain.close()
        await http.close()


async def _known(reach: Reach, dc: str) -> None:
    """Raises ConfigError for a datacenter that Consul is not joined with, naming those that it is."""
    if dc and dc not in (known := await reach.plain.datacenters()):
        raise ConfigError(f"{reach.where} knows no datacenter {dc!r}, only {', '.join(sorted(known))}")


async def _elsewhere(args: argparse.Namespace, http: HttpClient) -> Reach:
    given = consul_given.given(os.environ, args.consul, args.consul_token_file, args.consul_ca_file)
    consul = ConsulApi(given.address, given.token, ca_file=given.ca_file)
    fabios = tuple(_pages(each) for each in args.fabio)
    try:
        kvpath = await _kvpath(http, fabios[0]) if fabios else KVPATH
    except Unavailable:
        await consul.close()
        await http.close()
        raise
    return Reach(consul, consul, http, PLAIN, f"Consul at {given.address}", kvpath, fabios=fabios)


async def _local(args: argparse.Namespace, http: HttpClient) -> Reach:
    args.mesh = args.mesh or os.environ.get("HOPLOOM_MESH", DEFAULT_MESH)
    mesh = LocalMesh(screen.places(args), screen.say)
    mesh.require_running()
    attached, names = mesh.attached, mesh.attached.names
    # A mesh of before has no token for this.
    token = mesh.secrets.get("routing", mesh.secrets.get("management", ""))
    consul, plain = ConsulApi(mesh.consul_url, token, names), ConsulApi(mesh.consul_url, token)
    where = f"mesh {mesh.places.mesh}"
    if attached.fabio:
        # Somebody else's Fabio reads where its owner says, and what is ours there has our prefix.
        kvpath = await _kvpath(http, attached.fabio_admin) if attached.fabio_admin else KVPATH
        return Reach(consul, plain, http, names, where, kvpath, names.prefix)
    # Ours among strangers reads below our own keys.
    return Reach(consul, plain, http, names, where, KVPATH if names == PLAIN else f"{names.prefix}/{KVPATH}")


def _pages(url: str) -> str:
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        is_one = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        parts, is_one = urlsplit(""), False
    if not is_one:
        raise ConfigError(f"the pages of a Fabio are like http://127.0.0.1:9998, not {url!r}")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


async def _kvpath(http: HttpClient, pages: str) -> str:
    """Where a Fabio says that it reads overrides; nothing else of its configuration is kept: its token is there."""
    answer = await http.request("GET", f"{pages}/api/config", timeout_s=_ASK_S)
    if not answer.ok:
        raise Unavailable(f"the pages of Fabio at {pages} do not answer: {answer.reason()}")
    config: Any = answer.json()
    try:
        return str(config["Registry"]["Consul"]["KVPath"]).strip("/")
    except (KeyError, TypeError):
        raise Unavailable(f"what answers at {pages} are not the pages of a Fabio") from None
