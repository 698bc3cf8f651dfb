"""What a run of shards needs: three Consul servers, an agent, input instances, an output, workers, one history."""

import json
import sys
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from engine_processes import ask
from hoploom import engines
from lab.check_ledger import Row
from lab.consul_cluster import ConsulCluster, Loopback
from lab.history import Recorder
from lab.lease_workers import Habits, LeaseWorkers
from lab.nemesis import NAME
from lab.process import Process
from lab.stub_output import StubOutput
from waiting import until

UNFENCED = Path(__file__).with_name("unfenced_input.py")
CAMPAIGN, TOKEN, FIRST_PORT = "lab", "lab-token", 9101


class InputArena:
    """One run, while this is entered as a context: a campaign over a loopback block is being worked on."""

    def __init__(self, folder: Path, instances: int, block: str, habits: Habits, *, fenced: bool = True) -> None:
        """Start nothing yet.

        Args:
            folder: An empty folder for logs, data and the history.
            instances: How many input instances.
            block: What the campaign covers.
            habits: How the workers behave.
            fenced: False starts instances that complete any lease of any age: the checker must turn red.
        """
        self.history, self._block = folder / "history", block
        place = Loopback()
        consul = engines.ensure(["consul"], report=_quiet)["consul"].path
        self.cluster = ConsulCluster(consul, folder / "consul", place=place)
        host = place.address(self.cluster.clients[0].number)
        self.urls = [f"http://{host}:{FIRST_PORT + number}" for number in range(instances)]
        self._token = folder / "token"
        program = ["-m", "hoploom.input_service"] if fenced else [str(UNFENCED)]
        self.inputs = [self._input(folder, program, host, number) for number in range(instances)]
        self.recorder = Recorder(self.history, NAME)
        self.output = StubOutput()
        self._habits = habits
        self._stack = ExitStack()

    def __getitem__(self, name: str) -> Process:
        return next(each for each in self.inputs if each.name == name)

    def _input(self, folder: Path, program: list[str], host: str, number: int) -> Process:
        words = ["--host", host, "--port", str(FIRST_PORT + number), "--consul-addr", self.cluster.clients[0].url]
        tokens = ["--operator-token-file", str(self._token), "--worker-token-file", str(self._token)]
        command = [sys.executable, *program, *words, *tokens]
        return Process(f"i{number}", lambda _: command, folder / f"i{number}.log")

    def __enter__(self) -> Self:
        self._token.write_text(TOKEN)
        with ExitStack() as stack:
            stack.callback(self.recorder.close)
            stack.enter_context(self.cluster)
            stack.enter_context(self.output)
            agent = self.cluster.clients[0].url
            assert ask("PUT", f"{agent}/v1/agent/service/register", self.output.record()) is not None
            for each in self.inputs:
                stack.callback(each.kill)
                each.start()
            until("the campaign", self._created, 30)
            until("owners of all slots", lambda: self.owned() == 64, 30)
            recorder = stack.enter_context(Recorder(self.history, "workers"))
            stack.enter_context(LeaseWorkers(self.urls, TOKEN, self.output, recorder, self._habits))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def owned(self) -> int:
        """How many slots have an owner, by Consul's own word."""
        found = self.cluster.raw("GET", "/v1/kv/hoploom/shards/?recurse&consistent") or []
        return sum(bool(each.get("Session")) for each in found)

    def finished(self) -> bool:
        """Whether every target is done and audited."""
        return bool(self.progress().get("finished"))

    def stored(self) -> list[Row]:
        """One row a position that the output has, named as `shard_run.acknowledged` names it."""
        return [
            Row(f"{CAMPAIGN}/{number}/{group}/{family}/{position}")
            for one in self.output.passes() for _, number, group, family in [one]
            for first, last in self.output.ranges(one) for position in range(first, last + 1)
        ]

    def progress(self) -> dict[str, Any]:
        """The campaign's progress in the workers' group; empty where nobody answers."""
        for url in self.urls:
            found = ask("GET", f"{url}/api/v1/campaigns/{CAMPAIGN}")
            if found:
                progress: dict[str, Any] = found["groups"].get("all", {})
                return progress
        return {}

    def _created(self) -> bool:
        wanted = {"v": 1, "id": CAMPAIGN, "blocks": [self._block], "allow_private": True, "rate_pps": 0}
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        url = f"{self.urls[0]}/api/v1/campaigns"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, json.dumps(wanted).encode(), headers), timeout=5):
                return True
        except OSError:
            return False


def _quiet(_: str) -> None:
    """Engines are there, or are fetched without a word."""
