"""The Consul adapter: the only module that imports python-consul2, and the only way from here to an agent.

python-consul2 opens a connection a request, drops the client certificate, knows one check a service and reads
CONSUL_HTTP_ADDR over explicit arguments. Here one pooled aiohttp session lies under it (`Consul.http_connect` is its
override point), explicit settings win, indexes are numbers, and every failure is one of ours:

* `Unavailable`: no agent, no leader, a time-out, an answer of 429 or 5xx, or a token without the permission. The caller
  keeps what it knew; a failed read never means "empty".
* `None` or an empty list: Consul answered, and there is nothing.
"""

import asyncio
import base64
import json
import warnings
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import aiohttp
from consul import base
from consul.aio import Consul
from yarl import URL

from hoploom.kit.errors import ConfigError, TooLarge, Unavailable

T = TypeVar("T")
# Consul adds up to a sixteenth of the wait as jitter before it answers ("Blocking Queries" in its manual).
_JITTER = 17 / 16
CALL_TIMEOUT_S = 5.0
CONNECT_TIMEOUT_S = 3.0
# 25 s keeps below the 30 s at which some 1.22 agents cut a blocking query.
WAIT_S = 25.0
_TOO_MANY, _REDIRECT, _SERVER_ERROR, _CONTENT_TOO_LARGE = 429, 300, 500, 413
# A transaction that meets another's change answers 409; the library gives that only as text.
_TXN_CONFLICT = "409"


@dataclass(frozen=True)
class KvEntry:
    """One key of Consul's KV store."""

    key: str
    value: bytes
    modify_index: int
    session: str = ""


@dataclass(frozen=True)
class Check:
    """The state of one health check."""

    name: str
    status: str
    output: str = ""


@dataclass(frozen=True)
class Instance:
    """One registered instance of a service with its health, as Consul's health API tells it."""

    id: str
    service: str
    address: str
    port: int
    node: str = ""
    dc: str = ""
    tags: tuple[str, ...] = ()
    meta: Mapping[str, str] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()

    @property
    def status(self) -> str:
        """The worst of its checks: passing, warning or critical."""
        found = {check.status for check in self.checks}
        return next((status for status in ("critical", "warning") if status in found), "passing")

    @property
    def url(self) -> str:
        """`http://address:port` of this instance."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"http://{host}:{self.port}"


class ConsulApi:
    """What the mesh asks of a Consul agent. Made and closed inside a running event loop."""

    def __init__(self, address: str, token: str = "") -> None:
        """Connect lazily to an agent.

        Args:
            address: Its HTTP address, such as "http://127.0.0.1:8500".
            token: ACL token; empty sends none.

        Raises:
            ConfigError: The address is no http or https URL with a host.
        """
        url = URL(address)
        if url.scheme not in ("http", "https") or not url.host:
            raise ConfigError(f"the Consul address must be like http://127.0.0.1:8500, not {address!r}")
        self._transport = _PooledTransport(url, token)
        self._consul = _PooledConsul(self._transport)

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._transport.close()

    async def kv_get(self, key: str, *, consistent: bool = False) -> KvEntry | None:
        """One key, or None where Consul has none; `consistent` asks the leader itself."""
        mode = "consistent" if consistent else None
        _, item = await _translated(self._consul.kv.get(key, consistency=mode))
        return _entry(item) if item else None

    async def kv_list(self, prefix: str) -> list[KvEntry]:
        """All keys below a prefix, in key order."""
        return (await self.kv_watch(prefix, 0))[1]

    async def kv_watch(self, prefix: str, index: int, wait_s: float = WAIT_S) -> tuple[int, list[KvEntry]]:
        """As `kv_list`, but waits until something below the prefix has changed since `index` (0: at once)."""
        found, items = await _translated(
            self._consul.kv.get(prefix, recurse=True, index=index or None, wait=_wait(wait_s))
        )
        return found, [_entry(item) for item in items or []]

    async def kv_put(self, key: str, value: bytes, *, cas: int | None = None) -> bool:
        """Write a key; with `cas` only if its modify index still is that (0: only if there is none).

        A False after a dropped connection may hide a first try that took effect: read again and compare.
        """
        return bool(await _translated(self._consul.kv.put(key, value, cas=cas)))

    async def kv_delete(self, key: str, *, recurse: bool = False) -> None:
        """Remove a key, or everything below it."""
        await _translated(self._consul.kv.delete(key, recurse=recurse or None))

    async def kv_txn(self, operations: Sequence[Mapping[str, Any]]) -> bool:
        """Carry out all operations or none; False when a check or a compare failed.

        Args:
            operations: At most 128, each `{"Verb": ..., "Key": ..., "Value": bytes, "Index": ..., "Session": ...}`.
        """
        payload = [{"KV": {**operation, **_encoded(operation)}} for operation in operations]
        try:
            await _translated(self._consul.txn.put(payload))
        except _Conflict:
            return False
        return True

    async def register(self, service: Mapping[str, Any]) -> None:
        """Register a service with its checks at the agent, replacing what stood under the same id.

        Args:
            service: Body of `PUT /v1/agent/service/register` (HashiCorp, "Service - Agent HTTP API").
        """
        parameters = [("replace-existing-checks", "true")]
        await _translated(
            self._transport.put(base.CB.bool(), "/v1/agent/service/register", parameters, json.dumps(service))
        )

    async def service(self, service_id: str) -> dict[str, Any] | None:
        """The agent's own record of a service, or None when it has none."""
        found: Any = await _translated(self._transport.get(base.CB.json(), f"/v1/agent/service/{service_id}"))
        # The library's answer to a 404 is (index, None).
        return found if isinstance(found, dict) else None

    async def deregister(self, service_id: str) -> None:
        """Remove a service from the agent; nothing happens when it is gone already."""
        await _translated(self._consul.agent.service.deregister(service_id))

    async def maintenance(self, service_id: str, *, enable: bool, reason: str = "") -> None:
        """Put an instance into or out of maintenance mode: routers leave it out at once.

        Raises:
            Unavailable: The agent is away, or knows no such service.
        """
        on = "true" if enable else "false"
        if not await _translated(self._consul.agent.service.maintenance(service_id, on, reason)):
            raise Unavailable(f"Consul knows no service {service_id}")

    async def heartbeat(self, check_id: str, status: str, output: str) -> None:
        """Renew a TTL check with "passing", "warning" or "critical" and a text for the Consul UI.

        Raises:
            Unavailable: The agent is away, or knows no such check.
        """
        checks = self._consul.agent.check
        send = {"passing": checks.ttl_pass, "warning": checks.ttl_warn, "critical": checks.ttl_fail}[status]
        # The library's answer to a 404 is False.
        if not await _translated(send(check_id, output)):
            raise Unavailable(f"Consul knows no check {check_id}")

    async def instances(
        self, service: str, *, passing: bool = True, index: int = 0, wait_s: float = WAIT_S
    ) -> tuple[int, list[Instance]]:
        """Instances of a service with their health; with an `index` it waits for a change since then."""
        found, entries = await _translated(
            self._consul.health.service(service, passing=passing or None, index=index or None, wait=_wait(wait_s))
        )
        return found, [_instance(entry) for entry in entries or []]

    async def services(self) -> dict[str, list[str]]:
        """Names of all services in the catalogue with their tags."""
        _, names = await _translated(self._consul.catalog.services())
        return dict(names or {})

    async def leader(self) -> str:
        """Address of the raft leader; empty when there is none."""
        return str(await _translated(self._consul.status.leader()) or "")


class _Conflict(Unavailable):
    """A transaction was rolled back."""


class _PooledTransport(base.HTTPClient):  # type: ignore[misc]
    """One aiohttp session for all calls of python-consul2."""

    def __init__(self, url: URL, token: str) -> None:
        super().__init__(f"[{url.host}]" if ":" in str(url.host) else url.host, url.port, url.scheme)
        self._headers = {"X-Consul-Token": token} if token else {}
        self._session: aiohttp.ClientSession | None = None

    # The library calls these four. Its headers carry nothing but a token, and the pool sends ours.
    async def get(self, callback: Any, path: str, params: Any = None, headers: Any = None) -> Any:
        return callback(await self._call("GET", path, params))

    async def put(self, callback: Any, path: str, params: Any = None, data: Any = "", headers: Any = None) -> Any:
        return callback(await self._call("PUT", path, params, data))

    async def post(self, callback: Any, path: str, params: Any = None, data: Any = "", headers: Any = None) -> Any:
        return callback(await self._call("POST", path, params, data))

    async def delete(self, callback: Any, path: str, params: Any = None, data: Any = "", headers: Any = None) -> Any:
        return callback(await self._call("DELETE", path, params, data))

    async def _call(self, method: str, path: str, params: Any, data: Any = "") -> Any:
        if self._session is None:
            # No limit on connections: blocking queries would starve the rest of a pool.
            connector = aiohttp.TCPConnector(limit=0)
            self._session = aiohttp.ClientSession(connector=connector, headers=self._headers, trust_env=False)
        timeout = aiohttp.ClientTimeout(total=_patience(params), sock_connect=CONNECT_TIMEOUT_S)
        url = URL(self.uri(path, params), encoded=True)
        try:
            async with self._session.request(
                method, url, data=data or None, timeout=timeout, allow_redirects=False
            ) as answer:
                content = await answer.read()
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(f"Consul at {self.base_uri} does not answer ({_named(error)})") from error
        text = content.decode("utf-8", "replace")
        _refuse(answer.status, text)
        known: dict[str, Any] = dict(answer.headers)
        index = known.get("X-Consul-Index", "0")
        known["X-Consul-Index"] = int(index) if index.isdecimal() else 0
        return base.Response(answer.status, known, text, content)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


class _PooledConsul(Consul):  # type: ignore[misc]
    """python-consul2 over the pooled transport, deaf to CONSUL_HTTP_*."""

    def __init__(self, transport: _PooledTransport) -> None:
        self._pooled = transport
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            super().__init__(loop=asyncio.get_running_loop())
        self.token = None

    def http_connect(self, *_: Any, **__: Any) -> _PooledTransport:
        return self._pooled


def _patience(params: Any) -> float:
    wanted = dict(params or [])
    if "index" not in wanted:
        return CALL_TIMEOUT_S
    return float(str(wanted.get("wait", f"{WAIT_S}s")).removesuffix("s")) * _JITTER + CALL_TIMEOUT_S


def _refuse(status: int, text: str) -> None:
    reason = text.strip()[:200] or "no reason given"
    if status == _CONTENT_TOO_LARGE:
        raise TooLarge(f"Consul refuses the value: {reason}")
    if status == _TOO_MANY or status >= _SERVER_ERROR or _REDIRECT <= status < _REDIRECT + 100:
        raise Unavailable(f"Consul answered {status}: {reason}")


async def _translated(call: Awaitable[T]) -> T:
    try:
        return await call
    except (base.ACLPermissionDenied, base.ACLDisabled) as error:
        raise Unavailable(f"Consul refused the token: {error}") from error
    except base.ConsulException as error:
        if str(error).startswith(_TXN_CONFLICT):
            raise _Conflict(str(error)) from error
        raise Unavailable(f"Consul refused the call: {error}") from error
    except ValueError as error:
        raise Unavailable("the answer is no JSON: something else than Consul answers at that address") from error


def _named(error: Exception) -> str:
    return str(error) or type(error).__name__


def _wait(seconds: float) -> str:
    return f"{seconds:g}s"


def _entry(item: Mapping[str, Any]) -> KvEntry:
    return KvEntry(item["Key"], item["Value"] or b"", int(item["ModifyIndex"]), item.get("Session") or "")


def _encoded(operation: Mapping[str, Any]) -> dict[str, str]:
    value = operation.get("Value")
    return {"Value": base64.b64encode(value).decode("ascii")} if isinstance(value, bytes) else {}


def _instance(entry: Mapping[str, Any]) -> Instance:
    service, node = entry["Service"], entry["Node"]
    checks = tuple(Check(each["Name"], each["Status"], each.get("Output") or "") for each in entry["Checks"])
    return Instance(
        id=service["ID"],
        service=service["Service"],
        address=service["Address"] or node["Address"],
        port=int(service["Port"]),
        node=node["Node"],
        dc=node.get("Datacenter") or "",
        tags=tuple(service.get("Tags") or ()),
        meta=dict(service.get("Meta") or {}),
        checks=checks,
    )
