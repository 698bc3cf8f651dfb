"""Keeps the nodes of workers elsewhere in Consul's catalogue: the shell of `projector`, led once in a datacenter.

Every write is fenced by the term, so a leader that was stopped for a while changes nothing when it goes on. What stands
in Consul is read when a term begins, every few minutes, and after whatever went wrong; in between it is remembered.
"""

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Callable, Mapping, Set

from aiohttp import web

from hoploom import kit
from hoploom.kit import Term, metrics, watch
from hoploom.kit.clock import boottime_s
from hoploom.kit.consul_api import ConsulApi, KvEntry
from hoploom.kit.errors import Unavailable
from hoploom.kit.external_nodes import ExternalNode
from hoploom.manager import projector
from hoploom.manager.projector import Hearing, WorkerState
from hoploom.manager.registry import LEFT, REGISTRY, SILENT, Registry, Seen
from hoploom.trust.roll import WORKERS

log = logging.getLogger(__name__)
ROLE = "edge-nodes"
LOOK_EVERY_S = 2.0
"""Between two looks at who is heard. Whoever changes its mind more often is written down no more often."""

RECONCILE_S = 300.0
"""Nobody else writes these nodes, so what stands is read again only in case somebody did by hand."""

WRITES = metrics.counter("hoploom_edge_node_operations_total", "Operations on nodes of workers elsewhere in Consul.")
_NODES = metrics.gauge(
    "hoploom_edge_workers",
    "Workers elsewhere by their state in Consul, as the leader of edge-nodes has it.",
    ("status",),
)


class Ears:
    """What this manager hears of workers, as far as it matters here."""

    def __init__(self, registry: Registry, clock: Callable[[], float] = boottime_s) -> None:
        """Begin to listen; `clock` in seconds, neither set nor stopped by anybody."""
        self._registry, self._clock = registry, clock
        self._hearing = Hearing(clock(), clock())

    def heard(self) -> dict[str, WorkerState]:
        """What their ads say, by their names, as far as they hold."""
        return {
            each.id: WorkerState(_state(each), each.body.version)
            for each in self._registry.workers()
            if each.status != SILENT
        }

    def hearing(self, enrolled: Set[str]) -> Hearing:
        """How well it hears, where these workers are enrolled."""
        there = [each for each in self._registry.workers() if each.id in enrolled]
        sources = len(enrolled) - sum(each.status == LEFT for each in there)
        newest_s = min((each.heard_s for each in there if each.status != LEFT), default=math.inf)
        self._hearing = self._hearing.after(self._clock(), newest_s, sources)
        return self._hearing


def _state(seen: Seen) -> str:
    if seen.status == LEFT:
        return "stopped"
    return "clash" if seen.clash else seen.status


EARS = web.AppKey("manager_ears", Ears)


def attach(app: web.Application) -> None:
    """Let a manager listen for whom it may have to write; call it after `ads_attaching.attach`."""
    app[EARS] = Ears(app[REGISTRY])


async def leads(app: web.Application, term: Term) -> None:
    """What the leader of `ROLE` does."""
    await Projecting(kit.mesh(app).consul, app[EARS]).run(term)


class Projecting:
    """The nodes of one datacenter."""

    def __init__(self, consul: ConsulApi, ears: Ears) -> None:
        """Know nothing yet.

        Args:
            consul: The local agent.
            ears: What is heard of workers.
        """
        self._consul, self._ears = consul, ears
        self._enrolled: frozenset[str] = frozenset()
        self._changed = asyncio.Event()
        self._standing: dict[str, ExternalNode] | None = None
        self._read_s = float("-inf")

    async def run(self, term: Term) -> None:
        """Keep the nodes as they should be, for as long as the term lasts."""
        # Another leader may have written since.
        self._standing = None
        self._changed.clear()
        async with asyncio.TaskGroup() as group:
            group.create_task(watch.follow("the enrolled workers", self._look, self._learn))
            # Whoever is not read yet is not gone.
            await self._changed.wait()
            try:
                while True:
                    self._changed.clear()
                    await self._round(term)
                    await asyncio.sleep(LOOK_EVERY_S)
            finally:
                _NODES.clear()

    async def _look(self, index: int) -> tuple[int, list[KvEntry]]:
        return await self._consul.kv_watch(WORKERS, index)

    def _learn(self, entries: list[KvEntry]) -> None:
        # The name is all that is needed, so a damaged record hides nobody.
        self._enrolled = frozenset(each.key.removeprefix(WORKERS) for each in entries)
        self._changed.set()

    async def _round(self, term: Term) -> None:
        try:
            await self._put_right(term)
        except Unavailable as error:
            # A term that is over cancels us by itself.
            log.warning("edge nodes are written later: %s", error)
            # It is not known what was written.
            self._standing = None

    async def _put_right(self, term: Term) -> None:
        if self._standing is None or boottime_s() - self._read_s > RECONCILE_S:
            self._read_s = boottime_s()
            self._standing = {each.name: each for each in await self._consul.external_nodes(projector.SERVICE)}
        wished = projector.wanted(
            self._enrolled, self._ears.heard(), self._standing, self._ears.hearing(self._enrolled)
        )
        for operations in projector.transactions(projector.steps(wished, self._standing)):
            await term.write(operations)
            WRITES.inc(len(operations))
        self._standing = wished
        self._count(wished)

    def _count(self, nodes: Mapping[str, ExternalNode]) -> None:
        counted = Counter(each.status for each in nodes.values())
        for status in ("passing", "warning", "critical"):
            _NODES.labels(status).set(counted[status])
