"""How workers elsewhere stand in Consul's catalogue: from who is enrolled and what is heard of them to what to write.

Each has a node of its own without an agent, `edge-<name>`, with one instance of `ping` and one check. The check says
one of few constant sentences, and only another one is written: every write wakes every Fabio. Who is heard of and not
enrolled here belongs to another datacenter. Pure.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from hoploom.kit import external_nodes
from hoploom.kit.external_nodes import ExternalNode, Operation
from hoploom.wire.ads import TTL_S

SERVICE = "ping"
NODE = "edge-"
DEAF_S = 30.0
"""Of several workers not one is heard for so long: it is rather we who cannot hear. Before the first ad ends."""

WARM_S = float(TTL_S)
"""After so long whoever sends ads has been heard."""

LARGEST_TRANSACTION = 126
"""Operations beside the term's own check; Consul takes 128."""

# What a worker says becomes a tag, and a tag of another form could be a route of Fabio's.
_VERSION = re.compile(r"[0-9][0-9A-Za-z.+-]{0,39}")
_SAID = {
    "passing": ("passing", "its ads come, and it says that it can probe"),
    "warning": ("warning", "its ads come, and it says that it cannot work as it should: its page says why"),
    "clash": ("warning", "two machines send ads in its name: one key has been copied to another machine"),
    "stopped": ("critical", "it has said that it stops"),
    "silent": ("critical", "silent: no ad of it has come in the time that its last one was to hold"),
    "unknown": ("warning", "not known: no worker's ads reach the managers of this datacenter"),
}


@dataclass(frozen=True)
class WorkerState:
    """What the ads of a worker say.

    Attributes:
        state: "passing", "warning", "clash" or "stopped".
        version: Of its software.
    """

    state: str
    version: str = ""


@dataclass(frozen=True)
class Hearing:
    """How well this manager hears; `after` gives what it becomes.

    Attributes:
        since_s: When it began to hear, by a clock that nobody sets.
        at_s: When this was so.
        deaf: Whether it hears nobody where it should hear several.
    """

    since_s: float
    at_s: float
    deaf: bool = False

    @property
    def warm(self) -> bool:
        """Whether everybody who sends ads has been heard by now."""
        return not self.deaf and self.at_s - self.since_s >= WARM_S

    def after(self, now_s: float, newest_s: float, sources: int) -> "Hearing":
        """The same a moment later.

        Args:
            now_s: The time.
            newest_s: Age of the newest ad of any worker; infinite where there was none.
            sources: Workers that should be heard; where it is only one, silence is that one's.
        """
        deaf = sources > 1 and newest_s > DEAF_S and (self.deaf or now_s - self.since_s > DEAF_S)
        return Hearing(now_s if self.deaf and not deaf else self.since_s, now_s, deaf)


def wanted(
    enrolled: Iterable[str], heard: Mapping[str, WorkerState], standing: Mapping[str, ExternalNode], hearing: Hearing
) -> dict[str, ExternalNode]:
    """The nodes that should stand in Consul, by their names.

    Args:
        enrolled: Names of the workers that are enrolled in this datacenter.
        heard: What their ads say, as far as there are any that hold.
        standing: The nodes that stand there, by their names.
        hearing: How well we hear.
    """
    nodes = {f"{NODE}{name}": name for name in enrolled}
    return {node: _node(node, name, heard.get(name), standing.get(node), hearing) for node, name in nodes.items()}


def steps(wished: Mapping[str, ExternalNode], standing: Mapping[str, ExternalNode]) -> list[list[Operation]]:
    """Operations that make of what stands what is wished; each list belongs into one transaction.

    Args:
        wished: As `wanted` gives them.
        standing: All nodes of ours that stand there.
    """
    found = [external_nodes.removed(name) for name in sorted(standing.keys() - wished.keys())]
    for name, node in sorted(wished.items()):
        known = standing.get(name)
        if known == node:
            continue
        same = known is not None and replace(known, status=node.status, output=node.output) == node
        found.append(external_nodes.judged(node) if same else external_nodes.entered(node))
    return found


def transactions(found: Iterable[Sequence[Operation]]) -> list[list[Operation]]:
    """Steps in as few transactions as Consul's limit allows, in their order."""
    packed: list[list[Operation]] = []
    for step in found:
        if not packed or len(packed[-1]) + len(step) > LARGEST_TRANSACTION:
            packed.append([])
        packed[-1].extend(step)
    return packed


def _node(
    node: str, name: str, heard: WorkerState | None, known: ExternalNode | None, hearing: Hearing
) -> ExternalNode:
    # One that is silent keeps the version that was last known of it.
    tags = known.tags if known else ()
    if heard is not None and _VERSION.fullmatch(heard.version):
        tags = (heard.version,)
    status, words = _judgement(heard, known, hearing)
    # The agents' own workers say `worker` too.
    meta = {external_nodes.EDGE: "true", "worker": name, **({"version": tags[0]} if tags else {})}
    return ExternalNode(node, SERVICE, f"{SERVICE}-{name}", tags, meta, status, words)


def _judgement(heard: WorkerState | None, known: ExternalNode | None, hearing: Hearing) -> tuple[str, str]:
    if hearing.deaf:
        return _SAID["unknown"]
    if heard is not None:
        return _SAID[heard.state]
    if hearing.warm:
        return _SAID["silent"]
    # A leader that has just begun to listen has not heard everybody yet.
    return (known.status, known.output) if known and known.status else _SAID["unknown"]
