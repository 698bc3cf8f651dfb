"""The mesh library: puts any aiohttp application on Consul and Fabio in two lines.

    kit.setup(app, name="orders", routes=["/orders"], ready=[database_answers])
    kit.run(app)

These names are its whole public interface, under semantic versioning. It imports no service of the mapper.
"""

from aiohttp import web

from hoploom.kit import credentials, errors, metrics
from hoploom.kit.balance import ServiceClient
from hoploom.kit.errors import NotReady
from hoploom.kit.http_app import read_json, setup
from hoploom.kit.lifecycle import background, health_routes, on_drain, run
from hoploom.kit.mesh import MESH, Mesh
from hoploom.kit.settings import Settings, load, setting
from hoploom.kit.term import Term, TermEnded

__all__ = [
    "Mesh",
    "NotReady",
    "ServiceClient",
    "Settings",
    "Term",
    "TermEnded",
    "background",
    "client",
    "credentials",
    "errors",
    "health_routes",
    "load",
    "me",
    "mesh",
    "metrics",
    "on_drain",
    "read_json",
    "run",
    "setting",
    "setup",
]


def mesh(where: web.Request | web.Application) -> Mesh:
    """This instance's view of the mesh, from a request or from the application."""
    # A request of a sub-application finds the mesh of the application above it.
    return where.config_dict[MESH] if isinstance(where, web.Request) else where[MESH]


def me(where: web.Request | web.Application) -> Mesh:
    """Who this instance is: `.id`, `.name`, `.dc`."""
    return mesh(where)


def client(where: web.Request | web.Application, service: str) -> ServiceClient:
    """A client for another service: healthy instances in turn, one safe retry."""
    return mesh(where).client(service)
