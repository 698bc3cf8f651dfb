"""What a run of leaders needs: three Consul servers, an agent beside them, candidates, a sink and one history."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from engine_processes import ask
from hoploom import engines
from lab import kv_record
from lab.candidates import Candidates
from lab.checker import Verdict, verdict
from lab.consul_cluster import ConsulCluster
from lab.history import Recorder, read
from lab.leaders import EFFECTS, lock_of
from lab.nemesis import NAME
from lab.sink import RESOURCE, Sink

ROLE, PROBE = "lab", "lab/probe"


class Arena:
    """One run, while this is entered as a context."""

    def __init__(self, folder: Path, candidates: int, *, fenced: bool = True, options: tuple[str, ...] = ()) -> None:
        """Start nothing yet.

        Args:
            folder: An empty folder for logs, data and the history.
            candidates: How many processes want to lead.
            fenced: False takes the guards from the sink and from the writes to KV: the checker must turn red.
            options: Further options of the candidates.
        """
        self.history = folder / "history"
        self.cluster = ConsulCluster(engines.ensure(["consul"], report=_quiet)["consul"].path, folder / "consul")
        self.recorder = Recorder(self.history, NAME)
        self._sink_recorder = Recorder(self.history, RESOURCE)
        self.sink = Sink(self._sink_recorder, fenced=fenced)
        agents = [each.url for each in self.cluster.clients]
        words = ("--role", ROLE, "--sink", self.sink.url, "--fenced", str(fenced).lower(), *options)
        self.candidates = Candidates(folder, candidates, agents, words)
        self.epoch = 0
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(self.recorder.close)
            stack.enter_context(self._sink_recorder)
            stack.enter_context(self.cluster)
            stack.enter_context(self.sink)
            watcher = stack.enter_context(Recorder(self.history, "watch"))
            agent = self.cluster.clients[0].url
            stack.enter_context(kv_record.LockWatch(agent, lock_of(ROLE), ROLE, watcher))
            stack.enter_context(self.candidates)
            self.candidates.leader(30)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def harvest(self) -> None:
        """Write what Consul has taken into the history; once before Consul is set back, and once at the end."""
        with Recorder(self.history, kv_record.RESOURCE) as recorder:
            kv_record.note_effects(self.cluster.raw, EFFECTS, ROLE, recorder)

    def verdict(self) -> Verdict:
        """Check the history until now."""
        self.harvest()
        return verdict(read(self.history), ROLE)

    def write_kv(self) -> bool:
        """Write to KV by the agent beside the servers; says whether Consul took it."""
        return ask("PUT", f"{self.cluster.clients[0].url}/v1/kv/{PROBE}", 1) is True


def _quiet(_: str) -> None:
    """Engines are there, or are fetched without a word."""
