"""What is read at any moment is heeded at once: nobody waits for a socket that was emptied a moment before."""

from __future__ import annotations

import pytest

from hoploom.prober.engine import Engine
from hoploom.prober.port import Messages
from hoploom.prober.probes import ProbeSettings
from hoploom.prober.readiness import Readiness
from hoploom.wire.batch import ANSWERED
from unit.prober.test_exchange import LAYOUT, TARGETS, ScriptedPort, bytes_of


class LatePort(ScriptedPort):
    """Its first request is answered when it is read from for the n-th time since."""

    def __init__(self, number: int) -> None:
        super().__init__(set())
        self._left = number

    def receive(self, most: int) -> Messages:
        self._left -= bool(self.probes)
        if self.probes and not self._left:
            self.waiting = [bytes_of("reply", self.probes[0])]
        return super().receive(most)


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("rate_pps", [None, 1000.0])
async def test_a_run_whose_last_answer_was_read_is_over(
    monkeypatch: pytest.MonkeyPatch, number: int, rate_pps: float | None
) -> None:
    async def wait(_: Readiness, _seconds: float) -> bool:
        raise AssertionError("it waits for what has come already")

    monkeypatch.setattr(Readiness, "wait", wait)
    with Engine("late", {4: LatePort(number)}, LAYOUT.attribution.decode()) as prober:
        found = await prober.ping(TARGETS[:1], ProbeSettings(rate_pps=rate_pps, timeout_s=600))
    assert found.outcome.tolist() == [ANSWERED]
