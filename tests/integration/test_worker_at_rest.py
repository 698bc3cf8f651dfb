"""What a worker costs while it has nothing to do: a Raspberry Pi has a gigabyte for everything."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.process import Process, always
from waiting import pause, until

MOST_KIB = 60 << 10
MOST_OF_A_CORE = 0.05

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")


@pytest.fixture(name="worker")
def _worker(tmp_path: Path) -> Iterator[Process]:
    """A worker that has opened its sockets and has nobody to ask for work."""
    flags = ["--consul-addr", "http://127.0.0.1:9", "--spool-dir", str(tmp_path / "spool")]
    worker = always("worker", [sys.executable, "-m", "hoploom.ping_service", *flags], tmp_path)
    worker.start()
    try:
        until("a look for the mesh", lambda: "overlay cannot be read" in worker.log.read_text(encoding="utf-8"), 30)
        pause(3)
        yield worker
    finally:
        worker.kill()


def cpu_s(worker: Process) -> float:
    """CPU time that it has used."""
    assert worker._process is not None
    fields = Path(f"/proc/{worker._process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_worker_at_rest_takes_little_memory_and_hardly_any_time(worker: Process) -> None:
    before_s = cpu_s(worker)
    pause(5)
    assert (cpu_s(worker) - before_s) / 5 <= MOST_OF_A_CORE
    assert worker.lives, worker.log.read_text(encoding="utf-8")
    assert worker.memory_kib() <= MOST_KIB
