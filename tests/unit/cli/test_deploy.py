"""`hoploom deploy`: who does not hear it, and who hangs up."""

import asyncio
import os
import signal
from typing import Any

import pytest

from hoploom.cli import deploy, screen
from hoploom.cli.main import main
from hoploom.deploying.happenings import Tell


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(5, "no terminal"), SystemExit(1)])
def test_a_deploy_goes_on_though_nobody_reads(
    as_json: bool, error: BaseException, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def gone(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("builtins.print", gone)
    monkeypatch.setattr(screen, "say", gone)
    deploy._Screen("orders", as_json=as_json).tell(Tell("patience", {"why": "it ends by itself"}))


class Running:
    """Counts."""

    interrupts = 0

    def interrupt(self) -> None:
        self.interrupts += 1


@pytest.mark.parametrize(("before", "interrupts"), [(signal.SIG_DFL, 1), (signal.SIG_IGN, 0)])
def test_who_hangs_up_interrupts_once_and_not_under_nohup(before: Any, interrupts: int) -> None:
    running: Any = Running()

    async def hang_up() -> None:
        deploy._Screen("orders", as_json=False).begins(running)
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGHUP)
            await asyncio.sleep(0)
            await asyncio.sleep(0.01)

    was = signal.signal(signal.SIGHUP, before)
    try:
        asyncio.run(hang_up())
    finally:
        signal.signal(signal.SIGHUP, was)
    assert running.interrupts == interrupts


def test_a_consul_of_ones_own_choice_needs_its_nomad_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("NOMAD_ADDR", raising=False)
    assert main(["deploy", "orders", "--version", "1.4.1", "--consul", "http://127.0.0.1:1"]) == 2
    assert "named by --nomad URL" in capsys.readouterr().err
