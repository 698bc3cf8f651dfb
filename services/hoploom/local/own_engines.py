"""Starts the engines that are the mesh's own, from the templates in consul/, fabio/ and nomad/."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from hoploom.kit.errors import ConfigError
from hoploom.local import listeners, ports, queries
from hoploom.local.listeners import Listener
from hoploom.local.mesh import NODE, LocalMesh
from hoploom.local.nomad_agent import agent_values
from hoploom.local.port_claims import Claims
from hoploom.local.render import render

# Nine times the live heap before it is collected, and no more than this: see fabio/README.md.
GOGC, FABIO_MEMORY = 800, "256MiB"


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


def listen(mesh: LocalMesh, texts: Sequence[str], claims: Claims) -> None:
    """Write down what Fabio shall listen on beside its own port; nothing wanted leaves what was wanted before.

    Raises:
        ConfigError: A text is no listener, its port is taken, or Fabio is somebody else's or runs with others.
    """
    wanted = [each.as_dict() for each in listeners.read_all(texts, mesh.ports)]
    if not wanted or wanted == mesh.record.get("listeners"):
        return
    if not mesh.attached.is_own("fabio"):
        raise ConfigError(f"--listen is for a Fabio of the mesh's own, and {mesh.attached.fabio} is somebody else's")
    if mesh.process("fabio"):
        raise ConfigError("Fabio runs, and opens its listeners when it starts: `hoploom down` first")
    for port in (each.port for each in listeners.read_all(texts, {})):
        if not ports.is_free(port) or not claims.take(port):
            raise ConfigError(f"--listen: somebody listens on port {port} already; take another")
    mesh.record["listeners"] = wanted


def fabio(mesh: LocalMesh, secrets: Mapping[str, str]) -> None:
    """A Fabio that reads the mesh's Consul."""
    path = render("fabio/fabio.properties.j2", _values(mesh, secrets), mesh.places.root / "fabio.properties")
    environ = {"CONSUL_HTTP_TOKEN_FILE": str(mesh.places.tokens / "fabio"), "GOMEMLIMIT": FABIO_MEMORY}
    mesh.start("fabio", [_path(mesh, "fabio"), "-cfg", str(path)], environ)


async def nomad(mesh: LocalMesh) -> None:
    """A Nomad server and a client."""
    for half in ("server", "client"):
        path = render(f"nomad/{half}.hcl.j2", _values(mesh, {}), mesh.places.root / f"nomad-{half}.hcl")
        mesh.start(f"nomad-{half}", [_path(mesh, "nomad"), "agent", f"-config={path}"])
        if half == "server":
            await _alive(mesh, "nomad-server", mesh.nomad().ready())
    await _alive(mesh, "nomad-client", mesh.nomad().node_ready())


def _values(mesh: LocalMesh, secrets: Mapping[str, str]) -> dict[str, Any]:
    root, further = mesh.places.root, mesh.record.get("listeners", [])
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
        "listeners": [Listener(f"{listeners.LOOPBACK}:{mesh.ports['fabio_proxy']}").as_dict(), *further],
        "certificates": "consul",
        "kv_prefix": f"{mesh.attached.prefix}/" if mesh.attached.prefix else "",
        # Nobody else routes here, so nobody has to be waited for.
        "leaving": {"grace": "1s", "wait": "5s"},
        "gogc": GOGC,
        # The mesh's only Fabio: nobody could ask another one while it leaves.
        "alone": True,
        "one_server": mesh.attached.is_own("consul"),
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
