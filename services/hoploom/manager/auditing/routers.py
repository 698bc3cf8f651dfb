"""The routers that are registered."""

from hoploom.kit import fabio_api
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.fabio_api import Router


async def registered(consul: ConsulApi) -> list[Router]:
    """All Fabios of the mesh by name, also those that do not pass: one that hangs is what is looked for.

    Raises:
        Unavailable: Consul is away.
    """
    _, found = await consul.instances(fabio_api.SERVICE, passing=False)
    return sorted(fabio_api.routers(found), key=lambda each: each.name)
