"""How workers elsewhere stand in Consul's catalogue: from who is enrolled and what is heard of them to what to write.

Each has a node of its own without an agent, `edge-<name>`, with one instance of `ping` and one check. The check says one
of few constant sentences, and only another one is written: fifty texts a second for 500 nodes cost a Fabio and a Consul
a quarter of a core each. Who is heard of and not enrolled here belongs to another datacenter. Pure.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from hoploom.kit import external_nodes
from hoploom.kit.external_nodes import ExternalNode, Operation

SERVICE = "ping"
NODE = "edge-"
EDGE = "edge"
"""Key of a service's meta: "true" for a worker without an agent, which nobody can connect to."""

DEAF_S = 45.0
"""Nobody at all heard for the time that an ad of a worker holds: it is rather we who cannot hear."""

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
    "unknown": ("warning", "not known: this datacenter's managers hear nobody's ads"),
}


@dataclass(frozen=True)
class Heard:
    """What the ads of a worker say.

    Attributes:
        state: "passing", "warning", "clash" or "stopped".
        version: Of its software.
    """

    state: str
    version: str = ""


@dataclass(frozen=True)
class Feed:
    """How well this manager hears.

    Attributes:
        listening_s: Seconds since it began to listen.
        newest_s: Age of the newest ad of anybody else; infinite where there was none.
        sources: How many others it should hear: workers that are enrolled, and managers.
    """

    listening_s: float
    newest_s: float
    sources: int

    @property
    def warm(self) -> bool:
        """Whether everybody who sends ads has been heard by now."""
        return self.listening_s >= DEAF_S

    @property
    def stale(self) -> bool:
        """Whether what it hears says nothing: where only one other is, silence is rather that one's."""
        return self.warm and self.newest_s > DEAF_S and self.sources > 1


def wanted(
    enrolled: Iterable[str], heard: Mapping[str, Heard], standing: Mapping[str, ExternalNode], feed: Feed
) -> dict[str, ExternalNode]:
    """The nodes that should stand in Consul, by their names.

    Args:
        enrolled: Names of the workers that are enrolled in this datacenter.
        heard: What their ads say, as far as there are any that hold.
        standing: The nodes that stand there, by their names.
        feed: How well we hear.
    """
    nodes = {f"{NODE}{name}": name for name in enrolled}
    return {node: _node(node, name, heard.get(name), standing.get(node), feed) for node, name in nodes.items()}


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


def _node(node: str, name: str, heard: Heard | None, known: ExternalNode | None, feed: Feed) -> ExternalNode:
    # One that is silent keeps the version that was last known of it.
    tags = known.tags if known else ()
    if heard is not None and _VERSION.fullmatch(heard.version):
        tags = (heard.version,)
    status, words = _judgement(heard, known, feed)
    # The agents' own workers say `worker` too.
    meta = {EDGE: "true", "worker": name, **({"version": tags[0]} if tags else {})}
    return ExternalNode(node, SERVICE, f"{SERVICE}-{name}", tags, meta, status, words)


def _judgement(heard: Heard | None, known: ExternalNode | None, feed: Feed) -> tuple[str, str]:
    if feed.stale:
        return _SAID["unknown"]
    if heard is not None:
        return _SAID[heard.state]
    if feed.warm:
        return _SAID["silent"]
    # A leader that has just been started has not heard everybody yet.
    return (known.status, known.output) if known and known.status else _SAID["unknown"]
