"""Starts the engines that are the mesh's own, from the templates in consul/, fabio/ and nomad/."""

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any
from urllib.parse import urlsplit

from hoploom.kit.errors import ConfigError
from hoploom.local import queries
from hoploom.local.mesh import NODE, LocalMesh
from hoploom.local.nomad_agent import agent_values
from hoploom.local.render import render


async def consul(mesh: LocalMesh, secrets: Mapping[str, str]) -> None:
    """A Consul server with its ACLs filled in, and without what a crash left."""
    folder = mesh.places.root / "consul.d"
    render("consul/agent.hcl.j2", _values(mesh, secrets), folder / "agent.hcl")
    started = mesh.start("consul", [_path(mesh, "consul"), "agent", f"-config-dir={folder}"])
    await _alive(mesh, "consul", mesh.consul().ready())
    await mesh.consul().fill_acl(secrets)
    await queries.fill(mesh.consul(), mesh.attached.names)
    if not mesh.attached.id:
        render("consul/fabio-routes.hcl.j2", _values(mesh, secrets), folder / "fabio-routes.hcl")
    await mesh.consul().reload()
    if started:
        for service_id in await mesh.consul().clean_up():
            mesh.say("cleaned", f"{service_id}: registered, and nobody there (left by a crash)")


def fabio(mesh: LocalMesh, secrets: Mapping[str, str]) -> None:
    """A Fabio that reads the mesh's Consul."""
    path = render("fabio/fabio.properties.j2", _values(mesh, secrets), mesh.places.root / "fabio.properties")
    mesh.start("fabio", [_path(mesh, "fabio"), "-cfg", str(path)])


async def nomad(mesh: LocalMesh) -> None:
    """A Nomad server and a client."""
    for half in ("server", "client"):
        path = render(f"nomad/{half}.hcl.j2", _values(mesh, {}), mesh.places.root / f"nomad-{half}.hcl")
        mesh.start(f"nomad-{half}", [_path(mesh, "nomad"), "agent", f"-config={path}"])
        if half == "server":
            await _alive(mesh, "nomad-server", mesh.nomad().ready())
    await _alive(mesh, "nomad-client", mesh.nomad().node_ready())


def _values(mesh: LocalMesh, secrets: Mapping[str, str]) -> dict[str, Any]:
    root = mesh.places.root
    return {
        "dc": mesh.attached.dc,
        "node": NODE,
        "ports": mesh.ports,
        "tokens": secrets,
        "consul_at": urlsplit(mesh.consul_url),
        "guest_prefix": mesh.attached.prefix,
        "data_dir": str(root / "consul"),
        "server_dir": str(root / "nomad-server"),
        "client_dir": str(root / "nomad-client"),
        **agent_values(mesh.ports["nomad_rpc"]),
        "networks": ["127.0.0.0/8"],
        "proxy_addr": f"127.0.0.1:{mesh.ports['fabio_proxy']}",
        "certificates": "",
        # The mesh's only Fabio: nobody could ask another one while it leaves.
        "alone": True,
    }


def _path(mesh: LocalMesh, name: str) -> str:
    return str(mesh.record["engines"][name])


async def _alive(mesh: LocalMesh, name: str, ready: Awaitable[None]) -> None:
    """Wait for an engine to be ready, but no longer than it lives."""
    waiting = asyncio.ensure_future(ready)
    while not waiting.done():
        await asyncio.wait([waiting], timeout=0.2)
        if not waiting.done() and not mesh.process(name):
            waiting.cancel()
            raise ConfigError(f"{name} ended at once: {mesh.last_words(name)}")
    await waiting
