"""A real output process: killed while batches come, its disk full, its folder contested.

The checker of what was acknowledged is shown red once, with a service that acknowledges before it commits.
"""

import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import apsw
import pytest

from hoploom.output_service.folder import live
from hoploom.output_service.rollups import sums
from lab.output_process import SERVICE, Output
from unit.wire.batches import make
from waiting import until

ROWS = 1000
POSTERS = 4
KILLS = 8
SEED = 20_251
ACK_BEFORE_COMMIT = """
import asyncio, runpy
from hoploom.output_service.store import Store, Stored
append, tasks = Store.append, set()
async def hasty(self, batch):
    tasks.add(asyncio.ensure_future(append(self, batch)))
    return Stored(0, duplicate=False)
Store.append = hasty
runpy.run_module("hoploom.output_service", run_name="__main__")
"""


@pytest.fixture
def output(tmp_path: Path) -> Iterator[Output]:
    """An output instance, not started."""
    made = Output(tmp_path)
    yield made
    made.end(signal.SIGKILL)


def wrong_in(database: Path, acknowledged: set[int]) -> list[str]:
    """What the store lacks or has too much of, against what was acknowledged; empty when all is well."""
    connection = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    counts = "SELECT batch_key, count(*) AS found, count(DISTINCT address) AS different FROM ping_results GROUP BY 1"
    rows = connection.execute(
        f"SELECT batch, result_rows, found, different FROM batches FULL JOIN ({counts}) USING (batch_key)"
    ).fetchall()
    problems = [f"not whole: {row}" for row in rows if row[1:] != (ROWS, ROWS, ROWS)]
    lost = {make(number, 1).batch for number in acknowledged} - {str(row[0]) for row in rows}
    if connection.pragma("integrity_check") != "ok":
        problems.append("damaged")
    connection.close()
    return problems + [f"lost: {batch}" for batch in sorted(lost)]


async def load_and_kill(output: Output, kills: int, randomness: random.Random) -> set[int]:
    """Batches that were acknowledged while the output was killed again and again; what was not is sent again."""
    acknowledged: set[int] = set()
    waiting: set[int] = set()
    fresh = iter(range(10**6))

    async def send(session: aiohttp.ClientSession) -> None:
        while True:
            number = waiting.pop() if waiting else next(fresh)
            status = await output.post(session, make(number, ROWS))
            if status != 200:
                waiting.add(number)
                return
            acknowledged.add(number)

    for _ in range(kills):
        await asyncio.to_thread(output.start)
        async with aiohttp.ClientSession() as session:
            posters = [asyncio.create_task(send(session)) for _ in range(POSTERS)]
            await asyncio.wait(posters, timeout=randomness.uniform(0.05, 0.25))
            await asyncio.to_thread(output.end, signal.SIGKILL)
            await asyncio.gather(*posters)
    return acknowledged


async def test_kills_while_batches_come_lose_nothing_that_was_acknowledged(output: Output) -> None:
    acknowledged = await load_and_kill(output, KILLS, random.Random(SEED))
    assert len(acknowledged) >= KILLS, f"too little was sent to show anything (seed {SEED})"
    assert wrong_in(output.folder / "db" / live(1), acknowledged) == [], f"seed {SEED}"


async def test_the_check_is_red_when_batches_are_acknowledged_before_they_are_committed(output: Output) -> None:
    output.command = [sys.executable, "-c", ACK_BEFORE_COMMIT]
    acknowledged = await load_and_kill(output, 3, random.Random(SEED))
    assert any(problem.startswith("lost") for problem in wrong_in(output.folder / "db" / live(1), acknowledged))


def test_a_second_process_on_the_folder_is_refused_in_one_sentence_with_the_pid_of_the_first(output: Output) -> None:
    output.start()
    assert output.process
    second = subprocess.run([*SERVICE, *output.flags(), "--port=0"], capture_output=True, text=True, check=False)
    assert second.returncode == 2
    assert second.stderr.count("\n") == 1
    assert f"process {output.process.pid} already owns" in second.stderr


def test_a_successor_takes_the_folder_when_its_predecessor_lets_go(output: Output) -> None:
    output.start()
    first, output.process = output.process, None
    assert first
    successor = subprocess.Popen([*SERVICE, *output.flags(), "--port=0", "--wait-lock-s=20"])
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            successor.wait(1)
    finally:
        first.terminate()
        first.wait(30)
    lock = output.folder / "db" / "owner.lock"
    output.process = successor
    until("the successor's pid in the lock", lambda: lock.read_text().strip() == str(successor.pid), 20)


def _may_mount() -> bool:
    if not hasattr(os, "geteuid") or os.geteuid() or not shutil.which("unshare"):
        return False
    tried = ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(tried, capture_output=True, check=False).returncode == 0


def copied(inside: Path, folder: Path) -> Path:
    """The database of a mount that only the service sees, copied while nothing is written."""
    folder.mkdir()
    for name in (live(1), live(1) + "-wal"):
        shutil.copy(inside / name, folder / name)
    return folder / live(1)


@pytest.mark.skipif(not _may_mount(), reason="needs root and mount namespaces for a small disk")
async def test_a_full_disk_takes_no_batch_and_returning_space_lets_all_in(output: Output) -> None:
    small = output.folder / "db"
    small.mkdir()
    script = f'mount -t tmpfs -o size=4m none "{small}" && exec "$@"'
    output.command = ["unshare", "--mount", "sh", "-c", script, "sh", *SERVICE]
    output.start()
    assert output.process
    inside = Path(f"/proc/{output.process.pid}/root{small}")
    filler = inside / "filler"
    filler.write_bytes(bytes(2 * 2**20))
    answers: dict[int, int] = {}
    async with aiohttp.ClientSession() as session:
        for number in range(60):
            answers[number] = await output.post(session, make(number, ROWS))
        assert set(answers.values()) == {200, 507}
        acknowledged = {number for number, status in answers.items() if status == 200}
        assert wrong_in(copied(inside, output.folder / "full"), acknowledged) == []
        filler.unlink()
        refused = [number for number in sorted(answers) if answers[number] == 507][:5]
        assert [await output.post(session, make(number, ROWS)) for number in refused] == [200] * len(refused)
    assert wrong_in(copied(inside, output.folder / "freed"), acknowledged | set(refused)) == []


@pytest.mark.timed(5.0)
def test_it_stops_within_seconds_and_leaves_one_file_of_results(output: Output) -> None:
    output.start()
    began = time.monotonic()
    output.end()
    assert time.monotonic() - began < 10
    # Its sums are begun by another thread, perhaps not yet.
    assert {each.name for each in (output.folder / "db").iterdir()} - {sums.FILE} == {live(1), "owner.lock"}
