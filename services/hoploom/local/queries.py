"""The prepared queries of `consul/queries/`: a service here, or where there is none in the nearest datacenter."""

import json
from collections.abc import Mapping
from typing import Any

from hoploom.kit.deploy import deploy_root
from hoploom.kit.names import PLAIN, Names
from hoploom.local.consul_agent import ConsulAdmin


def definitions(names: Names = PLAIN) -> list[dict[str, Any]]:
    """Bodies of `POST /v1/query`, by the names that the mesh has at this Consul (HashiCorp, "Prepared Query API")."""
    found = []
    for path in sorted((deploy_root() / "consul" / "queries").glob("*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        service = {**document["Service"], "Service": names.service(document["Service"]["Service"])}
        found.append({**document, "Name": names.query(path.stem), "Service": service})
    return found


async def fill(admin: ConsulAdmin, names: Names = PLAIN) -> list[str]:
    """Create or renew the queries; a second time changes nothing.

    Returns:
        Names of those that were written.

    Raises:
        Unavailable: Consul does not take one.
    """
    known = {each["Name"]: each for each in (await admin.must("GET", "/v1/query")) or []}
    written = []
    for wanted in definitions(names):
        there = known.get(wanted["Name"])
        if there is None:
            await admin.must("POST", "/v1/query", wanted)
        elif not _holds(there, wanted):
            await admin.must("PUT", f"/v1/query/{there['ID']}", wanted)
        else:
            continue
        written.append(wanted["Name"])
    return written


def _holds(there: Any, wanted: Any) -> bool:
    """Whether all that is wanted is so; Consul adds its own defaults."""
    if isinstance(wanted, Mapping):
        return isinstance(there, Mapping) and all(_holds(there.get(name), each) for name, each in wanted.items())
    return bool(there == wanted)
