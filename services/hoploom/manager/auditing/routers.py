"""The routers that are registered, each by a name that is its alone."""

from collections import Counter
from dataclasses import replace
from urllib.parse import urlsplit

from hoploom.kit import fabio_api
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.fabio_api import Router


async def registered(consul: ConsulApi) -> list[Router]:
    """All Fabios of the mesh, also those that do not pass: one that hangs is what is looked for.

    Raises:
        Unavailable: Consul is away.
    """
    _, found = await consul.instances(fabio_api.SERVICE, passing=False)
    return distinct(fabio_api.routers(found))


def distinct(found: list[Router]) -> list[Router]:
    """The same; where two are called by one node, each with its address."""
    names = Counter(each.name for each in found)
    return sorted(
        (
            each if names[each.name] == 1 else replace(each, name=f"{each.name} at {urlsplit(each.url).netloc}")
            for each in found
        ),
        key=lambda each: each.name,
    )
