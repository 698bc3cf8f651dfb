"""What a handler asks of its request or application: the mesh, who this instance is, a client for another service."""

from aiohttp import web

from hoploom.kit.balance import ServiceClient
from hoploom.kit.membership import MESH, Mesh


def mesh(where: web.Request | web.Application) -> Mesh:
    """This instance's view of the mesh, from a request or from the application."""
    # A request of a sub-application finds the mesh of the application above it.
    return where.config_dict[MESH] if isinstance(where, web.Request) else where[MESH]


def me(where: web.Request | web.Application) -> Mesh:
    """Who this instance is: `.id`, `.name`, `.dc`."""
    return mesh(where)


def client(where: web.Request | web.Application, service: str, *, elsewhere: bool = False) -> ServiceClient:
    """A client for another service: the healthy instance that is least busy, one safe retry.

    Args:
        where: A request, or the application.
        service: Name of the service.
        elsewhere: Whether the nearest datacenter that has the service does, where this one has no healthy instance.
    """
    return mesh(where).client(service, elsewhere=elsewhere)
