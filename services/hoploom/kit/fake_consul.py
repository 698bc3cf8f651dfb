"""An in-process Consul for tests: the same calls as `ConsulApi`, the same answers, no agent.

The contract tests run against this and against the real Consul, so that it cannot drift. It knows the KV store with
compare-and-set, transactions, locks and blocking reads, services with their checks, and sessions; it runs no checks
itself. Times are the event loop's, so that it works on a virtual one too.
"""

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hoploom.kit import external_nodes
from hoploom.kit.consul_api import LOCK_FLAG, Check, ConsulApi, Instance, KvEntry
from hoploom.kit.consul_transport import WAIT_S
from hoploom.kit.errors import TooLarge, Unavailable
from hoploom.kit.external_nodes import ExternalNode
from hoploom.kit.fake_catalog import FakeCatalog
from hoploom.kit.names import PLAIN

# Consul's own limits ("KV Store API" and "Txn API" in its manual).
_VALUE_BYTES, _OPERATIONS = 512 * 1024, 128
_MAINTENANCE = "_service_maintenance"
# Consul ends a session between one and two times its TTL; the fake at the longest that is allowed.
_TTL_FACTOR = 2.0
OWN_DC = "dc1"


@dataclass
class _Session:
    """A session with what ends it."""

    ttl_s: float
    lock_delay_s: float
    checks: frozenset[str]
    end: asyncio.TimerHandle | None = None


class FakeConsul(ConsulApi):
    """Consul in a dictionary. `away = True` makes every call fail as if no agent answered.

    Attributes:
        dc: Name of its datacenter.
        wan: Fakes of other datacenters by name, as far as they are joined.
        away_datacenters: Other datacenters that cannot be reached; what was entered there is not seen then.
    """

    def __init__(self, dc: str = OWN_DC) -> None:
        """Begin empty."""
        self.dc, self.names = dc, PLAIN
        self.wan: dict[str, FakeConsul] = {}
        self._away = False
        self._index = 1
        self._keys: dict[str, KvEntry] = {}
        self._records: dict[str, dict[str, Any]] = {}
        self._checks: dict[str, dict[str, Check]] = {}
        self._catalog = FakeCatalog()
        self._sessions: dict[str, _Session] = {}
        self._delayed_until_s: dict[str, float] = {}
        self._numbers = itertools.count(1)
        self._changed = asyncio.Event()
        self.away_datacenters: set[str] = set()

    @property
    def away(self) -> bool:
        """Whether every call fails, those that are waiting included."""
        return self._away

    @away.setter
    def away(self, away: bool) -> None:
        self._away = away
        self._wake()

    async def close(self) -> None:
        """Nothing is open."""

    def set_check(self, service_id: str, check_name: str, status: str, output: str = "") -> None:
        """Give a check of a registered instance a status, as Consul's own probing would."""
        self._checks[service_id][check_name] = Check(check_name, status, output)
        self._end_unbacked()
        self._change()

    def add_instance(
        self, service: str, address: str, port: int, *, dc: str = "", meta: Mapping[str, str] | None = None
    ) -> None:
        """Enter a passing instance of a service that a test has started itself."""
        record = {"ID": f"{service}-{port}", "Name": service, "Address": address, "Port": port}
        self._records[f"{service}-{port}"] = {**record, "Datacenter": dc or self.dc, "Meta": dict(meta or {})}
        self._checks[f"{service}-{port}"] = {}
        self._change()

    async def kv_get(self, key: str, *, consistent: bool = False) -> KvEntry | None:
        """See `ConsulApi.kv_get`."""
        self._answer()
        return self._keys.get(key)

    async def kv_watch(self, prefix: str, index: int, wait_s: float = WAIT_S) -> tuple[int, list[KvEntry]]:
        """See `ConsulApi.kv_watch`."""
        await self._past(index, wait_s)
        return self._index, [self._keys[key] for key in sorted(self._keys) if key.startswith(prefix)]

    async def kv_of(
        self, dc: str, prefix: str, index: int = 0, wait_s: float = WAIT_S
    ) -> tuple[int, list[KvEntry]]:
        """See `ConsulApi.kv_of`."""
        if dc in ("", self.dc):
            return await self.kv_watch(prefix, index, wait_s)
        found = await self._at(dc).kv_watch(prefix, index, wait_s)
        # Cut meanwhile.
        self._at(dc)
        return found

    async def kv_put(self, key: str, value: bytes, *, cas: int | None = None) -> bool:
        """See `ConsulApi.kv_put`."""
        self._answer()
        if len(value) > _VALUE_BYTES:
            raise TooLarge(f"Consul refuses the value: {len(value)} bytes are over the limit of {_VALUE_BYTES}")
        done = self._put(key, value, cas)
        self._wake()
        return done

    async def kv_put_of(self, dc: str, key: str, value: bytes, *, cas: int | None = None) -> bool:
        """See `ConsulApi.kv_put_of`."""
        return await (self if dc in ("", self.dc) else self._at(dc)).kv_put(key, value, cas=cas)

    async def kv_delete(self, key: str, *, recurse: bool = False) -> None:
        """See `ConsulApi.kv_delete`."""
        self._answer()
        for gone in [known for known in self._keys if known == key or (recurse and known.startswith(key))]:
            del self._keys[gone]
        self._change()

    async def kv_delete_of(self, dc: str, key: str, *, cas: int) -> bool:
        """See `ConsulApi.kv_delete_of`."""
        fake = self if dc in ("", self.dc) else self._at(dc)
        known = await fake.kv_get(key)
        if known is not None and known.modify_index != cas:
            return False
        await fake.kv_delete(key)
        return True

    async def kv_txn(self, operations: Sequence[Mapping[str, Any]]) -> tuple[KvEntry, ...] | None:
        """See `ConsulApi.kv_txn`; knows the verbs of `_apply` and `_agrees`, and the catalogue's."""
        self._answer()
        if len(operations) > _OPERATIONS:
            raise TooLarge(f"Consul refuses the value: {len(operations)} operations, {_OPERATIONS} are the limit")
        before = dict(self._keys), self._index, self._catalog.copy()
        catalogue = external_nodes.is_catalogue
        good = all((self._catalog.apply if catalogue(each) else self._apply)(each) for each in operations)
        self._index += any(map(catalogue, operations))
        if not good:
            self._keys, self._index, self._catalog.nodes = before
        self._wake()
        return tuple(entry for each in operations if (entry := self._told(each))) if good else None

    def _told(self, operation: Mapping[str, Any]) -> KvEntry | None:
        """What the answer to a transaction says of an operation."""
        key = operation.get("Key", "")
        known = self._keys.get(key)
        if operation.get("Verb") == "get-or-empty":
            return known or KvEntry(key, b"", 0)
        return replace(known, value=b"") if known else None

    async def session_create(self, session: Mapping[str, Any]) -> str:
        """See `ConsulApi.session_create`."""
        self._answer()
        checks = frozenset(each["ID"] for each in session.get("ServiceChecks", ()))
        for check in checks - self._good_checks():
            raise Unavailable(f"Consul answered 500: check {check!r} is missing or in critical state")
        session_id = f"00000000-0000-0000-0000-{next(self._numbers):012}"
        ttl_s, delay_s = _seconds(session.get("TTL", "0s")), _seconds(session.get("LockDelay", "15s"))
        self._sessions[session_id] = _Session(ttl_s, delay_s, checks)
        self._keep(session_id)
        return session_id

    async def session_renew(self, session_id: str) -> bool:
        """See `ConsulApi.session_renew`."""
        self._answer()
        if session_id in self._sessions:
            self._keep(session_id)
        return session_id in self._sessions

    async def session_destroy(self, session_id: str) -> None:
        """See `ConsulApi.session_destroy`."""
        self._answer()
        self.end_session(session_id)

    def end_session(self, session_id: str) -> None:
        """End a session as its TTL or a critical check would: its locks are free after their delay."""
        session = self._sessions.pop(session_id, None)
        if session is None:
            return
        if session.end:
            session.end.cancel()
        for key, entry in list(self._keys.items()):
            if entry.session == session_id:
                self._delayed_until_s[key] = asyncio.get_running_loop().time() + session.lock_delay_s
                self._put(key, entry.value, None, session="")
        self._change()

    async def register(self, service: Mapping[str, Any]) -> None:
        """See `ConsulApi.register`."""
        self._answer()
        self._records[service["ID"]] = dict(service)
        known = self._checks.get(service["ID"], {})
        given = {check["Name"]: check.get("Status", "critical") for check in service.get("Checks", ())}
        self._checks[service["ID"]] = {name: known.get(name, Check(name, status)) for name, status in given.items()}
        self._change()

    async def service(self, service_id: str) -> dict[str, Any] | None:
        """See `ConsulApi.service`."""
        self._answer()
        record = self._records.get(service_id)
        return {**record, "Service": record["Name"]} if record else None

    async def deregister(self, service_id: str) -> None:
        """See `ConsulApi.deregister`."""
        self._answer()
        if self._records.pop(service_id, None) is not None:
            del self._checks[service_id]
            self._end_unbacked()
            self._change()

    async def pass_critical_checks(self, service_id: str) -> None:
        """See `ConsulApi.pass_critical_checks`."""
        self._answer()
        for name, each in self._checks.get(service_id, {}).items():
            if each.status == "critical":
                self._checks[service_id][name] = Check(name, "passing")
        self._change()

    async def maintenance(self, service_id: str, *, enable: bool, reason: str = "") -> None:
        """See `ConsulApi.maintenance`."""
        self._answer()
        if service_id not in self._checks:
            raise Unavailable(f"Consul knows no service {service_id}")
        self._checks[service_id].pop(_MAINTENANCE, None)
        if enable:
            # The reason goes to the check's notes, not to its output.
            self._checks[service_id][_MAINTENANCE] = Check("Service Maintenance Mode", "critical")
        self._change()

    async def heartbeat(self, check_id: str, status: str, output: str) -> None:
        """See `ConsulApi.heartbeat`."""
        self._answer()
        for service_id, record in self._records.items():
            for check in record.get("Checks", ()):
                if check["CheckID"] == check_id:
                    self.set_check(service_id, check["Name"], status, output)
                    return
        raise Unavailable(f"Consul knows no check {check_id}")

    async def instances(
        self, service: str, *, passing: bool = True, index: int = 0, wait_s: float = WAIT_S, dc: str = ""
    ) -> tuple[int, list[Instance]]:
        """See `ConsulApi.instances`."""
        if dc in self.wan:
            return await self._at(dc).instances(service, passing=passing, index=index, wait_s=wait_s)
        if dc and (dc in self.away_datacenters or dc not in await self.datacenters()):
            raise Unavailable("Consul answered 500: No path to datacenter")
        await self._past(index, wait_s)
        found = [self._instance(record) for record in self._records.values() if record["Name"] == service]
        there = [each for each in found if each.dc == (dc or self.dc)]
        there += self._catalog.instances(service, self.dc)
        return self._index, [each for each in there if not passing or each.status == "passing"]

    async def external_nodes(self, service: str) -> list[ExternalNode]:
        """See `ConsulApi.external_nodes`."""
        self._answer()
        return self._catalog.standing(service)

    async def datacenters(self) -> list[str]:
        """See `ConsulApi.datacenters`."""
        self._answer()
        entered = {record.get("Datacenter", self.dc) for record in self._records.values()}
        return [self.dc, *sorted((entered | self.away_datacenters | self.wan.keys()) - {self.dc})]

    async def own_dc(self) -> str:
        """See `ConsulApi.own_dc`."""
        self._answer()
        return self.dc

    async def nearest(self, service: str) -> list[Instance]:
        """See `ConsulApi.nearest`; every service has a query, and all other datacenters are equally near."""
        for dc in await self.datacenters():
            try:
                _, found = await self.instances(service, dc=dc)
            except Unavailable:
                continue
            if found:
                return found
        return []

    async def services(self, dc: str = "") -> dict[str, list[str]]:
        """See `ConsulApi.services`."""
        self._answer()
        if dc not in ("", self.dc):
            return await self._at(dc).services()
        names: dict[str, list[str]] = {"consul": []}
        for record in self._records.values():
            tags = names.setdefault(record["Name"], [])
            tags.extend(tag for tag in record.get("Tags", ()) if tag not in tags)
        return names

    async def leader(self) -> str:
        """See `ConsulApi.leader`."""
        self._answer()
        return "127.0.0.1:8300"

    def _at(self, dc: str) -> "FakeConsul":
        """The fake of another datacenter."""
        self._answer()
        if dc in self.away_datacenters or dc not in self.wan:
            raise Unavailable("Consul answered 500: No path to datacenter")
        return self.wan[dc]

    def _answer(self) -> None:
        if self.away:
            raise Unavailable("Consul at the fake's address does not answer (it is away)")

    def _put(self, key: str, value: bytes, cas: int | None, session: str | None = None) -> bool:
        """Write a key; `session` None leaves its lock as it is."""
        known = self._keys.get(key)
        if cas is not None and cas != (known.modify_index if known else 0):
            return False
        self._index += 1
        if session is None:
            holder, flags = (known.session, known.flags) if known else ("", 0)
        else:
            holder, flags = session, LOCK_FLAG
        self._keys[key] = KvEntry(key, value, self._index, holder, flags)
        return True

    def _lock(self, key: str, value: bytes, session: str) -> bool:
        holder = known.session if (known := self._keys.get(key)) else ""
        delayed = self._delayed_until_s.get(key, 0.0) > asyncio.get_running_loop().time()
        if session not in self._sessions or holder not in ("", session) or (delayed and not holder):
            return False
        return self._put(key, value, None, session=session)

    def _unlock(self, key: str, value: bytes, session: str) -> bool:
        known = self._keys.get(key)
        return known is not None and known.session == session and self._put(key, value, None, session="")

    def _keep(self, session_id: str) -> None:
        """Begin a session's TTL anew."""
        session = self._sessions[session_id]
        if session.end:
            session.end.cancel()
        if session.ttl_s:
            later = asyncio.get_running_loop().call_later
            session.end = later(_TTL_FACTOR * session.ttl_s, self.end_session, session_id)

    def _good_checks(self) -> frozenset[str]:
        """Ids of the checks that are there and not critical."""
        return frozenset(
            check["CheckID"]
            for service_id, record in self._records.items()
            for check in record.get("Checks", ())
            if self._checks[service_id][check["Name"]].status != "critical"
        )

    def _end_unbacked(self) -> None:
        """End the sessions of which a check is gone or critical."""
        good = self._good_checks()
        for session_id, session in list(self._sessions.items()):
            if not session.checks <= good:
                self.end_session(session_id)

    def _apply(self, operation: Mapping[str, Any]) -> bool:
        key, value, session = operation["Key"], operation.get("Value", b""), operation.get("Session", "")
        match operation["Verb"]:
            case "set":
                return self._put(key, value, None)
            case "cas":
                return self._put(key, value, operation["Index"])
            case "lock":
                return self._lock(key, value, session)
            case "unlock":
                return self._unlock(key, value, session)
            case "delete":
                self._keys.pop(key, None)
                self._index += 1
                return True
        return self._agrees(self._keys.get(key), operation)

    def _agrees(self, known: KvEntry | None, operation: Mapping[str, Any]) -> bool:
        match operation["Verb"]:
            case "check-index":
                return known is not None and known.modify_index == operation["Index"]
            case "check-not-exists":
                return known is None
            case "get-or-empty":
                return True
            case "check-session":
                return known is not None and known.session == operation["Session"]
        raise AssertionError(f"the fake knows no verb {operation['Verb']}")

    def _instance(self, record: Mapping[str, Any]) -> Instance:
        return Instance(
            id=record["ID"],
            service=record["Name"],
            address=record["Address"] or "127.0.0.1",
            port=record["Port"],
            node="fake",
            dc=record.get("Datacenter", self.dc),
            tags=tuple(record.get("Tags", ())),
            meta=dict(record.get("Meta", {})),
            checks=tuple(self._checks[record["ID"]].values()),
        )

    async def _past(self, index: int, wait_s: float) -> None:
        self._answer()
        try:
            async with asyncio.timeout(wait_s):
                while self._index <= index:
                    await self._changed.wait()
                    self._answer()
        except TimeoutError:
            return

    def _change(self) -> None:
        self._index += 1
        self._wake()

    def _wake(self) -> None:
        """Wake all that wait, and let the next ones wait for the next change."""
        self._changed.set()
        self._changed = asyncio.Event()


def _seconds(text: str) -> float:
    return float(text.removesuffix("s"))
