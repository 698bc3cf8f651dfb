"""Real Consul and instances whose event loop stands still: who is merely busy stays in, who hangs for good goes out."""

import os
import signal
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from engine_processes import Child, ConsulAgent, ask, free_ports
from waiting import pause, until

SERVICE = Path(__file__).parent.parent / "orders_service.py"
BUSY_S = 2.5
OUT_WITHIN_S = 7.0
"""From the stop: the next check begins within 1 s, waits 5 s, and Consul's servers hear of it."""


@contextmanager
def _instance(consul: ConsulAgent, folder: Path) -> Iterator[tuple[int, Child]]:
    [port] = free_ports(1)
    command = [sys.executable, str(SERVICE), "--port", str(port), "--consul-addr", consul.url]
    child = Child(command, folder / f"orders-{port}.log")
    child.start()
    try:
        yield port, child
    finally:
        child.stop(kill=True)


def _passing(consul: ConsulAgent) -> set[int]:
    return {each["Service"]["Port"] for each in ask("GET", f"{consul.url}/v1/health/service/orders?passing")}


def _block_twice(port: int) -> None:
    for _ in range(2):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/orders?block_s={BUSY_S}", timeout=30) as answer:
            answer.read()


@pytest.mark.timed(0.2)
def test_instances_that_are_busy_for_seconds_stay_in_and_one_that_hangs_is_out_in_time(
    agent: ConsulAgent, tmp_path: Path
) -> None:
    with ExitStack() as ends:
        (hung, child), (one, _), (other, _) = [ends.enter_context(_instance(agent, tmp_path)) for _ in range(3)]
        until("all are in", lambda: _passing(agent) == {hung, one, other}, 20)
        os.kill(child.pid, signal.SIGSTOP)
        began_s, out_after_s = time.monotonic(), float("inf")
        blocked = [threading.Thread(target=_block_twice, args=(port,)) for port in (one, other)]
        for each in blocked:
            each.start()
        while time.monotonic() < began_s + OUT_WITHIN_S:
            found = _passing(agent)
            assert {one, other} <= found, "who is busy for seconds is asked on"
            if hung not in found:
                out_after_s = min(out_after_s, time.monotonic() - began_s)
            pause(0.05)
        for each in blocked:
            each.join(30)
    assert 5.0 <= out_after_s <= OUT_WITHIN_S
