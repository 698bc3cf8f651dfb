"""Input instances at one Consul agent, for benches that need neither faults nor three servers."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from engine_processes import ConsulAgent, ask, free_ports
from lab.process import always
from waiting import until

TOKEN = "lab-token"


class InputInstances:
    """So many instances, while this is entered as a context; together they own all slots then."""

    def __init__(self, consul: Path, folder: Path, count: int, options: Sequence[str] = ()) -> None:
        """Start nothing yet.

        Args:
            consul: Its executable.
            folder: An empty folder for data and logs.
            count: How many instances.
            options: Further options of each.
        """
        self.agent = ConsulAgent(consul, folder / "consul")
        token = folder / "token"
        token.write_text(TOKEN)
        ports = free_ports(count)
        self.urls = [f"http://127.0.0.1:{port}" for port in ports]
        words = ["--consul-addr", self.agent.url, "--log-level", "warning", *options]
        tokens = ["--operator-token-file", str(token), "--worker-token-file", str(token)]
        command = [sys.executable, "-m", "hoploom.input_service", *words, *tokens]
        self.processes = [always(f"i{port}", [*command, "--port", str(port)], folder) for port in ports]
        self._stack = ExitStack()

    def memory_kib(self) -> list[int]:
        """Memory that each of them has in use now (RSS, in KiB)."""
        return [each.memory_kib() for each in self.processes]

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(self.agent.stop)
            self.agent.start()
            for each in self.processes:
                stack.callback(each.kill)
                each.start()
            until("owners of all slots", self._owned, 40)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def _owned(self) -> bool:
        """Whether everybody sees all slots owned, by all of them."""
        for url in self.urls:
            found = ask("GET", f"{url}/api/v1/slots") or {"unowned": 64, "slots": []}
            if found["unowned"] or len({each["url"] for each in found["slots"]}) < len(self.urls):
                return False
        return True
