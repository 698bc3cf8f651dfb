"""What the local mesh looks like now: every instance with its health in Consul and its routes in Fabio."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hoploom.kit import credentials, fabio_api
from hoploom.kit.errors import Unavailable
from hoploom.kit.external_nodes import EDGE
from hoploom.local.consul_agent import SERVICES
from hoploom.local.mesh import ENGINES, LocalMesh

_SEVERITY = ("critical", "warning", "passing")
_OWN = ("ready", "heartbeat")
_ASK_S = 2.0


@dataclass(frozen=True)
class InstanceView:
    """One instance for a person.

    `routed` is None where a service has no routes; `elsewhere` is a worker that nobody can connect to, without a port.
    """

    id: str
    service: str
    address: str
    port: int
    version: str
    health: str
    routes: tuple[str, ...]
    routed: bool | None
    note: str
    elsewhere: bool


async def look(mesh: LocalMesh) -> dict[str, Any]:
    """The whole view as one JSON document; `state` is "ok" or "degraded"."""
    table = await _table(mesh)
    # In a Consul of somebody else's, what is not the mesh's is nobody's business here.
    others = await mesh.consul().others() if mesh.attached.is_own("consul") else []
    instances = [view for service in (*SERVICES, *others) for view in await _instances(mesh, service, table or [])]
    engines = {name: _state(mesh, name) for name in ENGINES}
    expected = [name for name in ENGINES if name in mesh.record.get("processes", {})]
    good = (
        table is not None
        # The mesh hangs on no machine in somebody else's network.
        and all(view.health == "passing" and view.routed is not False for view in instances if not view.elsewhere)
        and all(mesh.process(name) for name in expected)
    )
    return {
        "v": 1,
        "mesh": mesh.places.mesh,
        "state": "ok" if good else "degraded",
        "engines": engines,
        "routes": len(table or []),
        "instances": [asdict(view) for view in instances],
        **await _coordination(mesh),
        "collected": await _collected(mesh, instances),
        "links": links(mesh),
    }


def links(mesh: LocalMesh) -> dict[str, str]:
    """Addresses of the pages."""
    return {
        "manager": f"{mesh.fabio_url}/",
        "consul": f"{mesh.consul_url}/ui/",
        "nomad": f"{mesh.nomad_url}/ui/",
        "fabio": f"{mesh.fabio_admin_url}/routes",
    }


def _state(mesh: LocalMesh, name: str) -> str:
    address = mesh.attached.engines.get(name.partition("-")[0])
    if address:
        return f"joined at {address}"
    return "running" if mesh.process(name) else "not running"


async def _table(mesh: LocalMesh) -> list[Mapping[str, Any]] | None:
    try:
        answer = await mesh.http.request("GET", f"{mesh.fabio_admin_url}/api/routes")
    except Unavailable:
        return None
    found: list[Mapping[str, Any]] = answer.json() or []
    # The one that comes and goes on purpose is nobody's.
    return [each for each in found if fabio_api.CANARY_PATH not in str(each.get("src"))]


async def _coordination(mesh: LocalMesh) -> dict[str, Any]:
    """Leaders, owners, campaigns, what is paused and kept names, as a manager tells it; empty where none answers."""
    wanted, single = ("leaders", "owners", "campaigns"), ("overlay", "dyfi", "routers")
    try:
        headers = credentials.header(mesh.secrets.get("operator", ""))
        answer = await mesh.http.request("GET", f"{mesh.fabio_url}/api/v1/overview", headers=headers)
        found = answer.json() if answer.ok else {}
    except Unavailable:
        found = {}
    return {**{name: found.get(name, []) for name in wanted}, **{name: found.get(name) for name in single}}


async def _collected(mesh: LocalMesh, instances: list[InstanceView]) -> list[dict[str, Any]]:
    """How far data sets are, as the instances tell it that collect into them, or that say why they do not."""
    found: list[dict[str, Any]] = []
    for each in instances:
        if each.service == "output":
            url = f"http://{each.address}:{each.port}/api/v1/output/collector"
            try:
                headers = credentials.header(mesh.secrets.get("operator", ""))
                answer = await mesh.http.request("GET", url, headers=headers, timeout_s=_ASK_S)
                said = answer.json() if answer.ok else {}
            except Unavailable:
                continue
            if said.get("leads") or said.get("why_not"):
                found.append({"instance": each.id, **said})
    return found


async def _instances(mesh: LocalMesh, service: str, table: list[Mapping[str, Any]]) -> list[InstanceView]:
    return [_view(service, entry, table) for entry in await mesh.consul().health(service)]


def _view(name: str, entry: Mapping[str, Any], table: list[Mapping[str, Any]]) -> InstanceView:
    service = entry["Service"]
    address = service["Address"] or entry["Node"]["Address"]
    statuses = {check["Status"] for check in entry["Checks"]}
    port = service.get("Port") or 0
    target = f"//{address}:{port}/"
    routes = tuple(sorted({route["src"] for route in table if target in f"{route['dst']}/"}))
    wants = any(tag.startswith("urlprefix-") for tag in service["Tags"] or ())
    # The instance's own words, unless something else is worse.
    worst = sorted(entry["Checks"], key=lambda check: (_SEVERITY.index(check["Status"]), check["Name"] not in _OWN))
    return InstanceView(
        id=service["ID"],
        service=name,
        address=address,
        port=port,
        version=(service["Meta"] or {}).get("version", ""),
        health=next(status for status in _SEVERITY if status in statuses | {"passing"}),
        routes=routes,
        routed=bool(routes) if wants else None,
        note=_note(worst[0]) if worst else "",
        elsewhere=EDGE in (service["Meta"] or {}),
    )


def _note(check: Mapping[str, Any]) -> str:
    output = (check["Output"] or check["Notes"] or "").strip()
    return output.partition("Output: ")[2] or output
