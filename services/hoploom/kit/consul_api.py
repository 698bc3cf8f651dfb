"""The Consul adapter: the only way from here to an agent. `consul_transport` lies under it.

* `Unavailable`: no agent, no leader, a time-out, an answer of 429 or 5xx, or a token without the permission. The caller
  keeps what it knew; a failed read never means "empty".
* `None` or an empty list: Consul answered, and there is nothing.

Ordinary reads of keys outlast an election of Consul's servers; those that ask the leader itself, waits and writes fail
at once: who leads, and who stores, has a policy of their own.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from yarl import URL

from hoploom.kit import external_nodes, kv_sizes, retry
from hoploom.kit.consul_records import Check, Instance, KvEntry, decoded, encoded, entry, instance
from hoploom.kit.consul_transport import (
    AS_FLAG,
    AS_JSON,
    WAIT_S,
    Conflicting,
    PooledConsul,
    Transport,
    translated,
)
from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.kit.external_nodes import ExternalNode
from hoploom.kit.names import PLAIN, Names

__all__ = ["LOCK_FLAG", "Check", "ConsulApi", "Instance", "KvEntry"]

LOCK_FLAG = 0x2DDCCBC058A50C18
"""Marks a key as a lock, so that `consul lock` and our elections exclude each other.

Source: HashiCorp, api/lock.go (LockFlagValue)."""

_FOR_EVER = "87600h"


class ConsulApi:
    """What the mesh asks of a Consul agent. Made and closed inside a running event loop."""

    def __init__(self, address: str, token: str = "", names: Names = PLAIN, ca_file: str = "") -> None:
        """Connect lazily to an agent.

        Args:
            address: Its HTTP address, such as "http://127.0.0.1:8500".
            token: ACL token; empty sends none.
            names: How the mesh's keys and services are called there; callers always say `hoploom/...` and `input`.
            ca_file: Certificates that an https address is checked by; empty for those of the system.

        Raises:
            ConfigError: The address is no http or https URL with a host, or the file holds no certificate.
        """
        try:
            url = URL(address)
        except ValueError:
            # A port or an IPv6 address that is none.
            url = URL()
        if url.scheme not in ("http", "https") or not url.host:
            raise ConfigError(f"the Consul address must be like http://127.0.0.1:8500, not {address!r}")
        self._transport = Transport(url, token, ca_file)
        self._consul = PooledConsul(self._transport)
        self.names = names

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._transport.close()

    async def kv_get(self, key: str, *, consistent: bool = False) -> KvEntry | None:
        """One key, or None where Consul has none; `consistent` asks the leader itself."""
        if consistent:
            _, item = await translated(self._consul.kv.get(self.names.key(key), consistency="consistent"))
        else:
            _, item = await _read(lambda: self._consul.kv.get(self.names.key(key)))
        return self._entry(item) if item else None

    async def kv_list(self, prefix: str) -> list[KvEntry]:
        """All keys below a prefix, in key order."""
        return (await self.kv_watch(prefix, 0))[1]

    async def kv_watch(self, prefix: str, index: int, wait_s: float = WAIT_S) -> tuple[int, list[KvEntry]]:
        """As `kv_list`, but waits until something below the prefix has changed since `index` (0: at once)."""
        return await self.kv_of("", prefix, index, wait_s)

    async def kv_of(
        self, dc: str, prefix: str, index: int = 0, wait_s: float = WAIT_S
    ) -> tuple[int, list[KvEntry]]:
        """As `kv_watch`, in the KV store of another datacenter; raises Unavailable while that one is away."""
        async def ask() -> Any:
            return await self._consul.kv.get(
                self.names.key(prefix), recurse=True, index=index or None, wait=_wait(wait_s), dc=dc or None
            )

        found, items = await (translated(ask()) if index else _read(ask))
        return found, [self._entry(item) for item in items or []]

    async def kv_put(self, key: str, value: bytes, *, cas: int | None = None) -> bool:
        """Write a key; with `cas` only if its modify index still is that (0: only if there is none).

        A False after a dropped connection may hide a first try that took effect: read again and compare.
        """
        kv_sizes.measure([value])
        return bool(await translated(self._consul.kv.put(self.names.key(key), value, cas=cas)))

    async def kv_put_of(self, dc: str, key: str, value: bytes, *, cas: int | None = None) -> bool:
        """As `kv_put`, in the KV store of another datacenter; raises Unavailable while that one is away."""
        kv_sizes.measure([value])
        written = self._consul.kv.put(self.names.key(key), value, cas=cas, dc=dc or None)
        return bool(await translated(written))

    async def kv_delete(self, key: str, *, recurse: bool = False) -> None:
        """Remove a key, or everything below it."""
        await translated(self._consul.kv.delete(self.names.key(key), recurse=recurse or None))

    async def kv_delete_of(self, dc: str, key: str, *, cas: int) -> bool:
        """Remove a key of another datacenter, if its modify index still is that."""
        return bool(await translated(self._consul.kv.delete(self.names.key(key), cas=cas, dc=dc or None)))

    async def kv_txn(self, operations: Sequence[Mapping[str, Any]]) -> tuple[KvEntry, ...] | None:
        """Carry out all operations or none.

        Args:
            operations: At most 128, each `{"Verb": ..., "Key": ..., "Value": bytes, "Index": ..., "Session": ...,
                "Flags": ...}`, or one on the catalogue, as `external_nodes` makes them.

        Returns:
            The keys that were written, with their new indexes and without values, and those that were got
            ("get-or-empty"), with theirs; None when a check or a compare failed.
        """
        kv_sizes.measure_transaction(operations)
        payload = [self._sent(each) for each in operations]
        try:
            found = await translated(self._consul.txn.put(payload))
        except Conflicting:
            return None
        items = [each["KV"] for each in (found or {}).get("Results") or () if "KV" in each]
        return tuple(self._entry({**each, "Value": decoded(each)}) for each in items)

    async def session_create(self, session: Mapping[str, Any]) -> str:
        """Make a session, and give its id.

        Args:
            session: Body of `PUT /v1/session/create` (HashiCorp, "Sessions - HTTP API").

        Raises:
            Unavailable: The agent is away, or a check that it binds to is critical.
        """
        found: Any = await translated(self._transport.put(AS_JSON, "/v1/session/create", None, json.dumps(session)))
        return str(found["ID"])

    async def session_renew(self, session_id: str) -> bool:
        """Keep a session alive for another TTL; False when it has ended.

        Raises:
            Unavailable: It is not known whether it has.
        """
        found: Any = await translated(self._transport.put(AS_JSON, f"/v1/session/renew/{session_id}"))
        # The library's answer to a 404 is (index, None).
        return isinstance(found, list)

    async def session_destroy(self, session_id: str) -> None:
        """End a session; its locks are free after their delay."""
        await translated(self._transport.put(AS_FLAG, f"/v1/session/destroy/{session_id}"))

    async def register(self, service: Mapping[str, Any]) -> None:
        """Register a service with its checks at the agent, replacing what stood under the same id.

        Args:
            service: Body of `PUT /v1/agent/service/register` (HashiCorp, "Service - Agent HTTP API"), named for it.
        """
        put, replacing = self._transport.put, [("replace-existing-checks", "true")]
        await translated(put(AS_FLAG, "/v1/agent/service/register", replacing, json.dumps(service)))

    async def service(self, service_id: str) -> dict[str, Any] | None:
        """The agent's own record of a service, or None when it has none."""
        found: Any = await translated(self._transport.get(AS_JSON, f"/v1/agent/service/{service_id}"))
        # The library's answer to a 404 is (index, None).
        return found if isinstance(found, dict) else None

    async def deregister(self, service_id: str) -> None:
        """Remove a service from the agent; nothing happens when it is gone already."""
        await translated(self._consul.agent.service.deregister(service_id))

    async def pass_critical_checks(self, service_id: str) -> None:
        """Have an instance's critical checks pass from now on, until they are looked at again; register it afterwards.

        A check that the agent knows keeps its status, whatever is registered, and sessions end with a check that is
        removed. So each becomes a heartbeat for a moment, which may be told to pass. What looks at it goes on.
        """
        only = [("filter", f'ServiceID == "{service_id}" and Status == "critical"')]
        found: Any = await translated(self._transport.get(AS_JSON, "/v1/agent/checks", only))
        for check_id, check in (found or {}).items():
            # As heartbeat it would end by its own time too, though it is another check by then.
            body = {"ID": check_id, "Name": check["Name"], "ServiceID": service_id, "TTL": _FOR_EVER}
            await translated(self._transport.put(AS_FLAG, "/v1/agent/check/register", None, json.dumps(body)))
            await translated(self._transport.put(AS_FLAG, f"/v1/agent/check/pass/{check_id}"))

    async def maintenance(self, service_id: str, *, enable: bool, reason: str = "") -> None:
        """Put an instance into or out of maintenance mode: routers leave it out at once.

        Raises:
            Unavailable: The agent is away, or knows no such service.
        """
        on = "true" if enable else "false"
        if not await translated(self._consul.agent.service.maintenance(service_id, on, reason)):
            raise Unavailable(f"Consul knows no service {service_id}")

    async def heartbeat(self, check_id: str, status: str, output: str) -> None:
        """Renew a TTL check with "passing", "warning" or "critical" and a text for the Consul UI.

        Raises:
            Unavailable: The agent is away, or knows no such check.
        """
        checks = self._consul.agent.check
        send = {"passing": checks.ttl_pass, "warning": checks.ttl_warn, "critical": checks.ttl_fail}[status]
        # The library's answer to a 404 is False.
        if not await translated(send(check_id, output)):
            raise Unavailable(f"Consul knows no check {check_id}")

    async def instances(
        self, service: str, *, passing: bool = True, index: int = 0, wait_s: float = WAIT_S, dc: str = ""
    ) -> tuple[int, list[Instance]]:
        """Instances of a service with their health; with an `index` it waits for a change since then.

        Args:
            service: Name of the service.
            passing: Only those of which every check passes.
            index: Index of the last answer; 0 answers at once.
            wait_s: Longest wait for a change.
            dc: Datacenter to ask; empty for the agent's own.

        Raises:
            Unavailable: Consul is away, or that datacenter is.
        """
        found, entries = await translated(
            self._consul.health.service(
                self.names.service(service),
                passing=passing or None, index=index or None, wait=_wait(wait_s), dc=dc or None,
            )
        )
        return found, [instance(each, service) for each in entries or []]

    async def external_nodes(self, service: str) -> list[ExternalNode]:
        """The nodes without an agent that this mesh has entered, each with this service as far as it has it."""
        ours = [("node-meta", f"{external_nodes.MESH}:{self.names.prefix}")]
        path = f"/v1/health/service/{self.names.service(service)}"
        # Nodes first: one that is entered in between is seen without its service at worst.
        nodes: Any = await translated(self._transport.get(AS_JSON, "/v1/catalog/nodes", ours))
        entries: Any = await translated(self._transport.get(AS_JSON, path, ours))
        return external_nodes.standing(nodes or [], entries or [], service, self.names)

    async def datacenters(self) -> list[str]:
        """Names of all datacenters that this one is joined with, its own among them; those that are away too."""
        found: list[str] = await translated(self._consul.catalog.datacenters())
        return list(found)

    async def own_dc(self) -> str:
        """Name of the agent's own datacenter."""
        found: Any = await translated(self._transport.get(AS_JSON, "/v1/agent/self"))
        return str(found["Config"]["Datacenter"])

    async def nearest(self, service: str) -> list[Instance]:
        """Passing instances by the service's prepared query: of this datacenter, or of the nearest that has any.

        Args:
            service: Name of the service; its query stands in `consul/queries/`.

        Raises:
            Unavailable: Consul is away, or knows no such query.
        """
        query = self.names.query(service)
        found: Any = await translated(self._transport.get(AS_JSON, f"/v1/query/{query}/execute"))
        # The library's answer to a 404 is (index, None).
        if not isinstance(found, dict):
            raise Unavailable(f"Consul knows no prepared query {query}")
        return [instance(each, service) for each in found["Nodes"] or []]

    async def services(self, dc: str = "") -> dict[str, list[str]]:
        """Names of all services in a datacenter's catalogue (empty: its own) with their tags, as Consul has them."""
        _, names = await translated(self._consul.catalog.services(dc=dc or None))
        return dict(names or {})

    async def leader(self) -> str:
        """Address of the raft leader; empty when there is none."""
        return str(await translated(self._consul.status.leader()) or "")

    def _sent(self, operation: Mapping[str, Any]) -> dict[str, Any]:
        if external_nodes.is_catalogue(operation):
            return external_nodes.as_sent(operation, self.names)
        return {"KV": {**operation, "Key": self.names.key(operation["Key"]), **encoded(operation)}}

    def _entry(self, item: Mapping[str, Any]) -> KvEntry:
        return entry(item, self.names.plain_key(item["Key"]))


def _wait(seconds: float) -> str:
    return f"{seconds:g}s"


async def _read(ask: Callable[[], Awaitable[Any]]) -> Any:
    """What is read, also while another server comes to lead."""
    async for attempt in retry.through_an_election():
        with attempt:
            return await translated(ask())
    raise AssertionError("tenacity ends by an answer or an exception")
