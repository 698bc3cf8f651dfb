"""Nodes of Consul's catalogue that have no agent: what they are, and the operations that enter, judge and remove them.

Nobody looks after such a node: no agent repairs it, and Consul removes none by itself. So one process owns all of a
mesh's, writes them in transactions with its term (`Term.write`), and takes them away again. Pure.

Source: HashiCorp, "Register external services" and "Txn - HTTP API" (operations Node, Service and Check).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hoploom.kit.names import Names

Operation = dict[str, Any]
MESH = "hoploom-mesh"
"""Key of a node's meta that says whose it is: the mesh's prefix."""

# Consul's own words for "no agent", and for "let no consul-esm probe it".
_META = {"external-node": "true", "external-probe": "false"}
CHECK = "heard"
EDGE = "edge"
"""Key of a service's meta: "true" where nobody can connect to it, because it lives behind somebody else's router."""


@dataclass(frozen=True)
class ExternalNode:
    """A node with one service and its one check.

    Attributes:
        name: Of the node.
        service: Name of the service; our own, without the prefix that it has among strangers.
        service_id: Its id; empty for a node that stands there without it.
        tags: The service's.
        meta: The service's.
        status: "passing", "warning" or "critical"; empty without a check.
        output: What the check says.
    """

    name: str
    service: str
    service_id: str = ""
    tags: tuple[str, ...] = ()
    meta: Mapping[str, str] = field(default_factory=dict)
    status: str = ""
    output: str = ""


def entered(node: ExternalNode) -> list[Operation]:
    """Enter a node with its service and its check, or put right what stands there."""
    service = {"ID": node.service_id, "Service": node.service, "Tags": list(node.tags), "Meta": dict(node.meta)}
    return [
        # A name that is nobody's (RFC 6761): nobody shall call it, though an address must be there.
        {"Node": {"Verb": "set", "Node": {"Node": node.name, "Address": f"{node.name}.invalid", "Meta": dict(_META)}}},
        {"Service": {"Verb": "set", "Node": node.name, "Service": service}},
        *judged(node),
    ]


def judged(node: ExternalNode) -> list[Operation]:
    """Give the check of a node that stands there another status."""
    # The node's own, and so its service's too: Consul's list of nodes shows the state of no other checks.
    check = {"Node": node.name, "CheckID": CHECK, "Name": CHECK, "Status": node.status, "Output": node.output}
    return [{"Check": {"Verb": "set", "Check": check}}]


def removed(name: str) -> list[Operation]:
    """Take a node away, with all that it has; nothing happens where it is not there."""
    return [{"Node": {"Verb": "delete", "Node": {"Node": name}}}]


def is_catalogue(operation: Mapping[str, Any]) -> bool:
    """Whether an operation of a transaction is one of these, and none of the KV store."""
    return "Verb" not in operation


def as_sent(operation: Mapping[str, Any], names: Names) -> Operation:
    """An operation as Consul gets it: our names become those that they have there."""
    ((kind, words),) = operation.items()
    if kind == "Service":
        service = {**words["Service"], "Service": names.service(words["Service"]["Service"])}
        return {kind: {**words, "Node": names.service(words["Node"]), "Service": service}}
    inner = {**words[kind], "Node": names.service(words[kind]["Node"])}
    if "Meta" in inner:
        inner["Meta"] = {**inner["Meta"], MESH: names.prefix}
    return {kind: {**words, kind: inner}}


def standing(
    nodes: Iterable[Mapping[str, Any]], entries: Iterable[Mapping[str, Any]], service: str, names: Names
) -> list[ExternalNode]:
    """The nodes that stand in Consul.

    Args:
        nodes: Nodes of the catalogue that are this mesh's.
        entries: Entries of the health API for the service, of these nodes.
        service: Our name of the service.
        names: How our names are written there.
    """
    with_service = {each["Node"]["Node"]: each for each in entries}
    return [_standing(each["Node"], with_service.get(each["Node"]), service, names) for each in nodes]


def _standing(name: str, entry: Mapping[str, Any] | None, service: str, names: Names) -> ExternalNode:
    plain = names.plain_service(name)
    if entry is None:
        return ExternalNode(plain, service)
    known = entry["Service"]
    check: Mapping[str, Any] = next((each for each in entry["Checks"] if each["Name"] == CHECK), {})
    return ExternalNode(
        plain, service, known["ID"], tuple(known.get("Tags") or ()), dict(known.get("Meta") or {}),
        check.get("Status", ""), check.get("Output", ""),
    )  # fmt: skip
