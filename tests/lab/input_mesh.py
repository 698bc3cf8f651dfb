"""What every run of shards needs: three Consul servers, an agent beside them, input instances there, and a campaign."""

import json
import sys
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from engine_processes import ask
from hoploom import engines
from lab.consul_cluster import ConsulCluster, Loopback
from lab.history import Recorder
from lab.nemesis import NAME
from lab.process import Process, always
from waiting import until

CAMPAIGN, TOKEN, GROUP, FIRST_PORT = "lab", "lab-token", "all", 9101
INPUT = ("-m", "hoploom.input_service")


class InputMesh:
    """One run, while this is entered as a context: instances own all slots, and the campaign stands."""

    def __init__(self, folder: Path, instances: int, block: str, program: Sequence[str] = INPUT) -> None:
        """Start nothing yet.

        Args:
            folder: An empty folder for logs, data and the history.
            instances: How many input instances.
            block: What the campaign covers.
            program: What an instance runs.
        """
        self.folder, self.history, self._block = folder, folder / "history", block
        place = Loopback()
        consul = engines.ensure(["consul"], report=_quiet)["consul"].path
        self.cluster = ConsulCluster(consul, folder / "consul", place=place)
        self.host = place.address(self.cluster.clients[0].number)
        self.token = folder / "token"
        self.urls = [f"http://{self.host}:{FIRST_PORT + number}" for number in range(instances)]
        self.inputs = [
            always(f"i{number}", self.service(program, FIRST_PORT + number, "--operator-token-file", str(self.token)),
                   folder)
            for number in range(instances)
        ]
        self.recorder = Recorder(self.history, NAME)
        self._stack = ExitStack()

    def service(self, program: Sequence[str], port: int, *options: str) -> list[str]:
        """The command of a service's instance beside the agent."""
        words = ["--host", self.host, "--port", str(port), "--consul-addr", self.cluster.clients[0].url]
        return [sys.executable, *program, *words, "--worker-token-file", str(self.token), *options]

    def __getitem__(self, name: str) -> Process:
        return next(each for each in self.processes() if each.name == name)

    def processes(self) -> list[Process]:
        """All that may be killed by name."""
        return self.inputs

    def begin(self, stack: ExitStack) -> None:
        """Start everything; `stack` ends it."""
        self.token.write_text(TOKEN)
        stack.callback(self.recorder.close)
        stack.enter_context(self.cluster)
        for each in self.inputs:
            stack.callback(each.kill)
            each.start()
        until("the campaign", self._created, 30)
        until("owners of all slots", lambda: self.owned() == 64, 30)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.begin(stack)
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

    def progress(self) -> dict[str, Any]:
        """The campaign's progress in the workers' group; empty where nobody answers."""
        for url in self.urls:
            found = ask("GET", f"{url}/api/v1/campaigns/{CAMPAIGN}")
            if found:
                progress: dict[str, Any] = found["groups"].get(GROUP, {})
                return progress
        return {}

    def _created(self) -> bool:
        wanted = {"v": 1, "id": CAMPAIGN, "blocks": [self._block], "allow_private": True, "rate_pps": 0}
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        url = f"{self.urls[0]}/api/v1/campaigns"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, json.dumps(wanted).encode(), headers), timeout=30):
                return True
        except OSError:
            return False


def _quiet(_: str) -> None:
    """Engines are there, or are fetched without a word."""
