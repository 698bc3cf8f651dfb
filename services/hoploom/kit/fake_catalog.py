"""The part of the fake Consul that has nodes without agents: entered, judged and removed by transactions."""

from collections.abc import Mapping
from typing import Any

from hoploom.kit import external_nodes
from hoploom.kit.consul_api import Check, Instance
from hoploom.kit.external_nodes import ExternalNode
from hoploom.kit.names import PLAIN

Node = dict[str, Any]
"""The `Node`, and where it has them the `Service` and the `Check`, as Consul was told them."""


class FakeCatalog:
    """Nodes in a dictionary; each has one service and one check at most."""

    def __init__(self) -> None:
        """Begin empty."""
        self.nodes: dict[str, Node] = {}

    def copy(self) -> dict[str, Node]:
        """What stands now, to put back when a transaction fails."""
        return {name: dict(node) for name, node in self.nodes.items()}

    def apply(self, operation: Mapping[str, Any]) -> bool:
        """Carry out an operation; False where its node is not there."""
        ((kind, words),) = external_nodes.as_sent(operation, PLAIN).items()
        name = words["Node"] if kind == "Service" else words[kind]["Node"]
        if words["Verb"] == "delete":
            self.nodes.pop(name, None)
            return True
        if kind == "Node":
            self.nodes.setdefault(name, {})
        elif name not in self.nodes:
            return False
        self.nodes[name][kind] = words[kind]
        return True

    def standing(self, service: str) -> list[ExternalNode]:
        """See `ConsulApi.external_nodes`."""
        nodes = [node["Node"] for _, node in sorted(self.nodes.items())]
        entries = [
            {**node, "Checks": [node["Check"]] if "Check" in node else []}
            for node in self.nodes.values()
            if node.get("Service", {}).get("Service") == service
        ]
        return external_nodes.standing(nodes, entries, service, PLAIN)

    def instances(self, service: str, dc: str) -> list[Instance]:
        """The nodes as instances of their service."""
        return [
            Instance(
                each.service_id, service, self.nodes[each.name]["Node"]["Address"], 0, each.name, dc, each.tags,
                each.meta, (Check(external_nodes.CHECK, each.status, each.output),),
            )
            for each in self.standing(service) if each.service_id
        ]  # fmt: skip
