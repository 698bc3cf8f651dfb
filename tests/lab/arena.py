"""What a run of leaders needs: three Consul servers, an agent beside them, candidates, a sink and one history."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from engine_processes import ask
from hoploom import engines
from lab import kv_record
from lab.candidates import Candidates, command
from lab.checker import Verdict, verdict
from lab.consul_cluster import ConsulCluster, Loopback
from lab.history import Recorder, read
from lab.leaders import EFFECTS, lock_of
from lab.nemesis import NAME
from lab.node_links import NodeLinks
from lab.sink import RESOURCE, Sink
from waiting import until

ROLE, PROBE = "lab", "lab/probe"


class Arena:
    """One run, while this is entered as a context."""

    def __init__(
        self,
        folder: Path,
        candidates: int,
        *options: str,
        links: NodeLinks | None = None,
        fenced: bool = True,
    ) -> None:
        """Start nothing yet.

        Args:
            folder: An empty folder for logs, data and the history.
            candidates: How many processes want to lead.
            options: Further options of the candidates.
            links: Nodes to run on, three for the servers and one for each candidate; without them all is on loopback,
                and the candidates share one agent.
            fenced: False takes the guards from the sink and from the writes to KV: the checker must turn red.
        """
        self.history = folder / "history"
        place, clients = links or Loopback(), candidates if links else 1
        consul = engines.ensure(["consul"], report=_quiet)["consul"].path
        self.cluster = ConsulCluster(consul, folder / "consul", clients=clients, place=place)
        self.recorder = Recorder(self.history, NAME)
        self._sink_recorder = Recorder(self.history, RESOURCE)
        self.sink = Sink(self._sink_recorder, "0.0.0.0" if links else "127.0.0.1", fenced=fenced)
        words = ("--role", ROLE, "--fenced", str(fenced).lower(), *options)
        agents = [self.cluster.clients[number % clients] for number in range(candidates)]
        self.candidates = Candidates(folder, [command(place, each, self.sink.port, words) for each in agents])
        self.epoch = 0
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(self.recorder.close)
            stack.enter_context(self._sink_recorder)
            stack.enter_context(self.cluster)
            stack.enter_context(self.sink)
            watcher = stack.enter_context(Recorder(self.history, "watch"))
            agent = self.cluster.servers[0].url
            stack.enter_context(kv_record.LockWatch(agent, lock_of(ROLE), ROLE, watcher))
            stack.enter_context(self.candidates)
            self.candidates.leader(30)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def harvest(self) -> bool:
        """Write what Consul has taken into the history: before Consul is set back, and at the end.

        Returns:
            Whether it told of anything.
        """
        with Recorder(self.history, kv_record.RESOURCE) as recorder:
            return kv_record.note_effects(self.cluster.raw, EFFECTS, ROLE, recorder)

    def verdict(self) -> Verdict:
        """Check the history until now."""
        until("the effects that Consul took", self.harvest, 30)
        return verdict(read(self.history), ROLE)

    def write_kv(self) -> bool:
        """Write to KV by the agent beside the servers; says whether Consul took it."""
        return ask("PUT", f"{self.cluster.clients[0].url}/v1/kv/{PROBE}", 1) is True


def _quiet(_: str) -> None:
    """Engines are there, or are fetched without a word."""
