"""Input instances with an output and workers that live in the harness, so that what they did is known exactly."""

from contextlib import ExitStack
from pathlib import Path

from engine_processes import ask
from lab.check_ledger import Row
from lab.history import Recorder
from lab.input_mesh import CAMPAIGN, INPUT, TOKEN, InputMesh
from lab.lease_workers import Habits, LeaseWorkers
from lab.stub_output import StubOutput

UNFENCED = str(Path(__file__).with_name("unfenced_input.py"))


class InputArena(InputMesh):
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
        super().__init__(folder, instances, block, INPUT if fenced else (UNFENCED,))
        self.output = StubOutput()
        self._habits = habits

    def begin(self, stack: ExitStack) -> None:
        """Start everything; `stack` ends it."""
        super().begin(stack)
        stack.enter_context(self.output)
        agent = self.cluster.clients[0].url
        assert ask("PUT", f"{agent}/v1/agent/service/register", self.output.record()) is not None
        recorder = stack.enter_context(Recorder(self.history, "workers"))
        stack.enter_context(LeaseWorkers(self.urls, TOKEN, self.output, recorder, self._habits))

    def stored(self) -> list[Row]:
        """One row a position that the output has, named as `shard_run.acknowledged` names it."""
        return [
            Row(f"{CAMPAIGN}/{number}/{group}/{family}/{position}")
            for one in self.output.passes() for _, number, group, family in [one]
            for first, last in self.output.ranges(one) for position in range(first, last + 1)
        ]
