"""What Consul says of keys, instances and checks, as values; `consul_api` gives them out. Pure."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class KvEntry:
    """One key of Consul's KV store."""

    key: str
    value: bytes
    modify_index: int
    session: str = ""
    flags: int = 0


@dataclass(frozen=True)
class Check:
    """The state of one health check.

    Attributes:
        name: As people call it.
        status: passing, warning or critical.
        output: What it said last.
        id: Of the check at its node; Consul's own begin with an underscore, or are `serfHealth`.
        of_node: Whether it is about the node, and so about everything on it.
    """

    name: str
    status: str
    output: str = ""
    id: str = field(default="", compare=False)
    of_node: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Instance:
    """One registered instance of a service with its health, as Consul's health API tells it.

    `index` is Consul's index of the last change of it or of one of its checks; 0 where that is not known.
    """

    id: str
    service: str
    address: str
    port: int
    node: str = ""
    dc: str = ""
    tags: tuple[str, ...] = ()
    meta: Mapping[str, str] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    index: int = field(default=0, compare=False)

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


def entry(item: Mapping[str, Any], key: str) -> KvEntry:
    """An item of the KV API, whose value the library has decoded, under the key that it has for us."""
    index, session = int(item["ModifyIndex"]), item.get("Session") or ""
    return KvEntry(key, item["Value"] or b"", index, session, int(item.get("Flags") or 0))


def encoded(operation: Mapping[str, Any]) -> dict[str, str]:
    """The value of an operation of a transaction as it travels; nothing where there is none."""
    value = operation.get("Value")
    return {"Value": base64.b64encode(value).decode("ascii")} if isinstance(value, bytes) else {}


def decoded(item: Mapping[str, Any]) -> bytes:
    """The value of an item of a transaction's answer, which the library leaves encoded; empty where none is told."""
    return base64.b64decode(item.get("Value") or "")


def instance(found: Mapping[str, Any], name: str) -> Instance:
    """An instance of a service by our name of it, from an entry of the health API or of a prepared query's nodes."""
    service, node = found["Service"], found["Node"]
    return Instance(
        id=service["ID"],
        service=name,
        address=service["Address"] or node["Address"],
        # Consul leaves it out where there is none.
        port=int(service.get("Port") or 0),
        node=node["Node"],
        dc=node.get("Datacenter") or "",
        tags=tuple(service.get("Tags") or ()),
        meta=dict(service.get("Meta") or {}),
        checks=tuple(map(_check, found["Checks"])),
        index=max(int(each.get("ModifyIndex") or 0) for each in (service, *found["Checks"])),
    )


def _check(found: Mapping[str, Any]) -> Check:
    output, check_id = found.get("Output") or "", found.get("CheckID") or ""
    return Check(found["Name"], found["Status"], output, check_id, of_node=found.get("ServiceID") == "")
