"""Brings a mesh up. Each step looks first and acts only on what is missing, so a second `up` goes on.

Engines of its own -> what is ours in somebody else's Consul -> jobs -> every instance passing and routed.
"""

import socket
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from hoploom import __version__, engines
from hoploom.kit.deploy import deploy_root
from hoploom.kit.errors import ConfigError
from hoploom.kit.external_nodes import EDGE
from hoploom.local import own_engines, ports, queries, submission, tokens, view
from hoploom.local.guest import Guest
from hoploom.local.mesh import ENGINES, NODE, LocalMesh
from hoploom.local.port_claims import Claims
from hoploom.local.submission import Counts
from hoploom.local.until import until

ROUTED_TIMEOUT_S = 140.0
"""Ten seconds where nothing else runs; with a load of 37 on two processors it was more than 90."""


async def up(
    mesh: LocalMesh,
    counts: Counts,
    found: Mapping[str, engines.Engine],
    *,
    only: str = "",
    listen: Sequence[str] = (),
) -> None:
    """Bring everything up that is not.

    Args:
        mesh: The mesh; what it has joined is in its record.
        counts: Instances of each service.
        found: Where the engines are that are to be its own.
        only: "kit" for Consul and Fabio alone, "engines" for these and Nomad; empty for the services, too.
        listen: Further listeners of Fabio, as `listeners.read` takes them; none leaves those of before.

    Raises:
        ConfigError: A step is not reached; with the way out.
    """
    mesh.places.make()
    secrets = tokens.ensure(mesh.places)
    with Claims() as claims:
        settle_ports(mesh, claims)
        own_engines.listen(mesh, listen, claims)
        await _start(mesh, secrets, found, with_nomad=only != "kit")
    if not only:
        await _submit(mesh, counts)
    await _until_routed(mesh, {} if only else counts.as_dict())


async def _start(
    mesh: LocalMesh, secrets: Mapping[str, str], found: Mapping[str, engines.Engine], *, with_nomad: bool
) -> None:
    """The engines, on the ports that were settled."""
    mesh.record["engines"] = {name: str(engine.path) for name, engine in found.items()}
    mesh.save()
    if mesh.attached.is_own("consul"):
        await own_engines.consul(mesh, secrets)
    if mesh.attached.id:
        await _claim(mesh)
        await _enter(mesh, secrets)
    if mesh.attached.is_own("fabio"):
        own_engines.fabio(mesh, secrets)
    if with_nomad and mesh.attached.is_own("nomad"):
        await own_engines.nomad(mesh)


def settle_ports(mesh: LocalMesh, claims: Claims) -> None:
    """Keep the ports of before, or choose free ones and say which are others than usual."""
    known: dict[str, int] = mesh.record.get("ports", {})
    if mesh.running() or (known and ports.can_have(known, claims)):
        # A mesh of an older version has fewer listeners.
        mesh.record["ports"] = {**ports.choose(claims), **known}
        return
    kept = {name: mesh.record[name] for name in ("attached", "listeners") if mesh.record.get(name)}
    mesh.record = {"v": 1, "version": __version__, "processes": {}, "ports": ports.choose(claims), **kept}
    own = {name: port for name, port in mesh.ports.items() if mesh.attached.is_own(name.partition("_")[0])}
    others = ports.moved(own)
    if others:
        text = ", ".join(f"{usual} is taken: using {port}" for usual, port in others.items())
        mesh.say("ports", text if mesh.attached.id else f"{text} (`hoploom up --attach` joins engines that run)")


async def _claim(mesh: LocalMesh) -> None:
    """The prefix is ours from here on, which `down` goes by: without that it takes nothing away."""
    await Guest(mesh.consul(), mesh.attached).claim(mesh.places.mesh)
    mesh.record["up"] = True
    mesh.save()


async def _enter(mesh: LocalMesh, secrets: Mapping[str, str]) -> None:
    """Among strangers: what is ours in Consul carries the prefix, and Fabio's routes are seen at its pages."""
    attached, guest = mesh.attached, Guest(mesh.consul(), mesh.attached)
    if attached.consul and attached.consul_acl and attached.makes_tokens:
        await guest.enter_tokens(secrets)
    if attached.consul:
        await queries.fill(mesh.consul(), attached.names)
    metrics = f"http://127.0.0.1:{mesh.ports['fabio_metrics']}/metrics" if attached.is_own("fabio") else ""
    await guest.enter_routes(mesh.fabio_admin_url, NODE, metrics)


async def _submit(mesh: LocalMesh, counts: Counts) -> None:
    nomad, jobs, names = mesh.nomad(), deploy_root() / "nomad", mesh.attached.names
    common = {
        "datacenters": f'["{mesh.attached.node_dc}"]',
        "driver": "raw_exec",
        "user": "",
        "command": sys.executable,
        "version": __version__,
        "consul_addr": mesh.consul_url,
        "fabio_addr": mesh.fabio_url,
        "token_dir": str(mesh.places.tokens),
        "prefix": names.prefix,
        "service_prefix": names.service_prefix,
        "route_prefix": names.route_prefix,
    }
    places = mesh.places
    own = submission.variables(places.data, places.data_set, places.worker_archives, f"{_host_name()}-")
    doors = {name: url for name, url in view.links(mesh).items() if name != "manager"}
    own["manager"]["doors"] = submission.doors(doors)
    for name, count in counts.as_dict().items():
        deployed = await nomad.deployed(name, mesh.record.get("version", __version__))
        if deployed:
            mesh.say("version", f"{name} stays at {deployed['version']}, as it was deployed")
        variables = {**common, "count": str(count), **own.get(name, {}), **deployed}
        await nomad.run(jobs / f"{name}.nomad.hcl", variables)
    mesh.record["version"] = __version__
    mesh.save()


async def _until_routed(mesh: LocalMesh, wanted: Mapping[str, int]) -> None:
    async def routed() -> bool:
        return await _routed(mesh, wanted)

    what = "all instances passing in Consul and listed by Fabio"
    try:
        await until(what, routed, ROUTED_TIMEOUT_S, "see `hoploom status`")
    except ConfigError as error:
        own = [name for name in ENGINES if mesh.attached.is_own(name)]
        reasons = [f"{name}: {mesh.last_words(name)}" for name in own if not mesh.process(name) and wanted]
        reasons += await mesh.nomad().complaints() if wanted else []
        raise ConfigError(f"{error}. {' '.join(reasons)}".strip()) from error


async def _routed(mesh: LocalMesh, wanted: Mapping[str, int]) -> bool:
    table = await _table(mesh)
    for name, count in wanted.items():
        # A worker that may not probe here says so by a warning; the mesh is up all the same.
        wanted_status = ("passing", "warning") if name == "ping" else ("passing",)
        good = [entry for entry in await mesh.consul().health(name) if _is(entry, wanted_status)]
        there = mesh.attached.names.service(name)
        routes = {route["dst"] for route in table if route["service"] == there}
        if len(good) < count or (name != "ping" and len(routes) < count):
            return False
    if mesh.attached.id:
        # Its table was not asked through Fabio itself; whether it routes to us is, by a page that is open to all.
        return (await mesh.http.request("GET", f"{mesh.fabio_url}/sign-in")).ok
    return bool(table)


async def _table(mesh: LocalMesh) -> list[dict[str, Any]]:
    """Fabio's routes; through Fabio itself where it is ours."""
    url = f"{mesh.fabio_admin_url}/api/routes" if mesh.attached.id else f"{mesh.fabio_url}/_mesh/{NODE}/api/routes"
    answer = await mesh.http.request("GET", url)
    found: list[dict[str, Any]] = (answer.json() or []) if answer.ok else []
    return found


def _is(entry: Mapping[str, Any], statuses: tuple[str, ...]) -> bool:
    """Whether an instance is one that was started here, and in such a state."""
    was_started = EDGE not in (entry["Service"]["Meta"] or {})
    return was_started and all(check["Status"] in statuses for check in entry["Checks"])


def _host_name() -> str:
    name = "".join(each if each.isalnum() or each == "-" else "-" for each in socket.gethostname().split(".")[0])
    return name.lower()[:40] or "worker"
