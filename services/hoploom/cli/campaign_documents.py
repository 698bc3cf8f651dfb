"""What the input service of a running mesh says of campaigns; nothing where no mesh runs."""

from collections.abc import Mapping
from typing import Any

from hoploom.cli import screen
from hoploom.kit.balance import ServiceClient
from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.local.mesh import LocalMesh
from hoploom.local.places import Places

_TIMEOUT_S = 3.0


async def documents(places: Places, wanted: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    """Documents of campaigns by id.

    Args:
        places: Of the mesh.
        wanted: Number of each campaign; one of the same id and another number is another mesh's.
    """
    mesh = LocalMesh(places, screen.say_aside)
    try:
        mesh.require_running()
        client = ServiceClient.through(mesh.http, mesh.fabio_url, mesh.secrets["operator"])
        found = {name: await _document(client, name) for name in wanted}
    except (ConfigError, Unavailable):
        return {}
    finally:
        await mesh.close()
    return {name: each for name, each in found.items() if each.get("number") == wanted[name]}


async def _document(client: ServiceClient, name: str) -> dict[str, Any]:
    answer = await client.request("GET", f"/api/v1/campaigns/{name}", timeout_s=_TIMEOUT_S)
    found = answer.json().get("campaign") if answer.ok else None
    return found if isinstance(found, dict) else {}
