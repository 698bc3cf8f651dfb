"""What a mesh enters in a Consul that is somebody else's, and takes away again. Nothing else there is touched.

All of it carries the prefix: keys, services, sessions, policies; tokens have ids made from the mesh's own.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from hoploom.kit import fabio_api
from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.kit.external_nodes import MESH
from hoploom.local import queries
from hoploom.local.attached import Attached
from hoploom.local.consul_agent import SERVICES, ConsulAdmin, accessor

TOKENS = (*SERVICES, "fabio", "prometheus", "routing")
_NOT_FOUND = 404
MARK = "hoploom/mesh"
"""Says whose the keys are; written before anything else."""


class Guest:
    """One mesh as a guest of a Consul."""

    def __init__(self, consul: ConsulAdmin, attached: Attached) -> None:
        """Know the host, and who we are."""
        self._consul, self._attached, self._names = consul, attached, attached.names

    async def claim(self, mesh: str) -> None:
        """Mark the prefix as this mesh's.

        Raises:
            ConfigError: Something is there that this mesh did not write.
        """
        owner = await self._owner()
        if owner is not None:
            self._require(ours=owner == self._attached.id)
            return
        keys = await self._read(f"{self._names.prefix}/?keys")
        services = await self._consul.must("GET", "/v1/catalog/services")
        self._require(ours=keys is None and not any(self._names.service(name) in services for name in SERVICES))
        mark = {"mesh": mesh, "id": self._attached.id}
        taken = await self._consul.must("PUT", f"/v1/kv/{self._names.key(MARK)}?cas=0", mark)
        self._require(ours=bool(taken))

    async def _owner(self) -> str | None:
        """Id of the mesh that has marked the prefix; None where nobody has."""
        mark = await self._read(f"{self._names.key(MARK)}?raw")
        return None if mark is None else str(_said(mark).get("id", ""))

    async def _read(self, path: str) -> bytes | None:
        """What is below a path of the KV store, None for nothing; raises Unavailable where it cannot be known."""
        answer = await self._consul.call("GET", f"/v1/kv/{path}")
        if not answer.ok and answer.status != _NOT_FOUND:
            raise Unavailable(f"Consul refused to read {path}: {answer.reason()}")
        return answer.body if answer.ok else None

    def _require(self, *, ours: bool) -> None:
        if not ours:
            what = f"keys or services under {self._names.prefix!r} that this mesh did not enter"
            raise ConfigError(f"Consul at {self._consul.url} has {what}: take another name by --prefix")

    async def enter_tokens(self, secrets: Mapping[str, str]) -> None:
        """A policy and a token for each service; a second time changes nothing."""
        for name in TOKENS:
            await self._consul.policy(name)
            await self._consul.token_for(name, self._accessor(name), secrets[name])

    async def enter_routes(self, admin: str, node: str, metrics: str) -> None:
        """Tell our instances where a Fabio shows its routes; it is asked there directly, and routes nobody there.

        Args:
            admin: Its pages.
            node: Name of this node.
            metrics: Its page of metrics; empty where nobody knows.
        """
        parts = urlsplit(admin)
        name = self._names.service(fabio_api.SERVICE)
        await self._consul.must("PUT", "/v1/agent/service/register?replace-existing-checks=true", {
            "ID": f"{name}-{node}",
            "Name": name,
            "Address": parts.hostname,
            "Port": parts.port,
            "Meta": {"proxy": parts.netloc, "path": "/api/routes", **({"metrics": metrics} if metrics else {})},
            "Check": {
                "CheckID": f"{name}-{node}:health", "Name": "Fabio answers", "HTTP": f"{admin}/health",
                "Interval": "1s", "Timeout": "3s", "Status": "passing",
            },
        })  # fmt: skip

    async def leave(self) -> None:
        """Deregister what is left of ours; keys and tokens stay for the next `up`.

        Raises:
            Unavailable: Consul does not answer, or refuses.
        """
        if await self._owner() != self._attached.id:
            return
        ours = {self._names.service(name) for name in (*SERVICES, fabio_api.SERVICE, fabio_api.CANARY, "fabio")}
        for service_id, each in (await self._consul.must("GET", "/v1/agent/services")).items():
            if each["Service"] in ours:
                await self._consul.must("PUT", f"/v1/agent/service/deregister/{service_id}")
        # Workers elsewhere, which have no agent that would take them out.
        for node in await self._consul.must("GET", f"/v1/catalog/nodes?node-meta={MESH}:{self._names.prefix}"):
            await self._consul.must("PUT", "/v1/catalog/deregister", {"Node": node["Node"]})

    async def purge(self) -> None:
        """Remove all that this mesh has entered, if it has: sessions, prepared queries, keys, tokens and policies.

        Raises:
            Unavailable: Not all could be removed; nothing else was touched, and a second time goes on.
        """
        if await self._owner() != self._attached.id:
            return
        await self._end_sessions()
        await self._remove_queries()
        if self._attached.consul_acl and self._attached.makes_tokens:
            await self._remove_tokens()
        # Last, because the mark goes with it.
        await self._consul.must("DELETE", f"/v1/kv/{self._names.prefix}/?recurse")

    async def _end_sessions(self) -> None:
        ours = tuple(f"{self._names.service(name)}-" for name in SERVICES)
        for each in await self._consul.must("GET", "/v1/session/list"):
            if each["Name"].startswith(ours):
                await self._consul.must("PUT", f"/v1/session/destroy/{each['ID']}")

    async def _remove_queries(self) -> None:
        ours = {each["Name"] for each in queries.definitions(self._names)}
        for each in await self._consul.must("GET", "/v1/query"):
            if each["Name"] in ours:
                await self._consul.must("DELETE", f"/v1/query/{each['ID']}")

    async def _remove_tokens(self) -> None:
        for name in TOKENS:
            token = f"/v1/acl/token/{self._accessor(name)}"
            if (await self._consul.call("GET", token)).ok:
                await self._consul.must("DELETE", token)
            policy = await self._consul.call("GET", f"/v1/acl/policy/name/{self._names.prefix}-{name}")
            if policy.ok:
                await self._consul.must("DELETE", f"/v1/acl/policy/{policy.json()['ID']}")

    def _accessor(self, name: str) -> str:
        return accessor(f"{self._attached.id}/{name}")


def _said(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


