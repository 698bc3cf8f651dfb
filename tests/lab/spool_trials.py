"""Kills and power cuts of a worker's spool: what it has taken comes to the output, once and as it was sealed.

A kill leaves all that was written to the system; a power cut only what was synced. A cut is a copy of the backing file
of a disk (ext4 on a loop device, in a mount namespace that ends with its process) while whoever writes is stopped.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hoploom.kit.errors import HoploomError
from hoploom.ping_service import segment
from hoploom.wire.batch_codec import MEDIA_TYPE_ZSTD, digest, unpack
from lab import small_disk, spool_worker
from lab.check_ledger import Row, account
from lab.finding import Finding
from lab.nursery import Nursery, lives
from lab.spool_output import SpoolOutput
from lab.spool_worker import KEPT, SEALED
from waiting import pause, until

WORKER = Path(spool_worker.__file__)
TROUBLE = 0.3
LIFE_S, BETWEEN_CUTS_S = (0.02, 0.35), (0.02, 0.15)
DRAIN_S = 60.0
TOGETHER_S = 0.1
"""So long results wait to be synced together where that is tried: less than most lives, more than most batches take."""

DISK_BYTES, INODES = 64 * 2**20, 20_000
NOWHERE = "http://127.0.0.1:9"


@dataclass
class Trials:
    """What came of a run.

    Attributes:
        trials: Kills or cuts.
        sealed: Batches sealed.
        kept: Of those, what the spool had taken.
        again: Sends beyond the first of a batch.
        findings: What must not have happened.
    """

    trials: int
    sealed: int = 0
    kept: int = 0
    again: int = 0
    findings: list[Finding] = field(default_factory=list)


def kills(folder: Path, trials: int, seed: int, sync_s: float = 0.0, fault: str = "") -> Trials:
    """Start and kill a worker again and again; then let it send what is left, and account for everything.

    Args:
        folder: An empty folder.
        trials: How often.
        seed: Of the times and of the output's trouble.
        sync_s: How long the worker may keep what it has sealed in memory.
        fault: A rule to break, see `spool_worker.FAULTS`.
    """
    spool, ledger, randomness = folder / "spool", folder / "ledger", random.Random(seed)
    with SpoolOutput(seed, TROUBLE) as output, workers() as start:
        for _ in range(trials):
            with start(spool, output.url, ledger, sync_s=sync_s, fault=fault):
                pause(randomness.uniform(*LIFE_S))
        output.trouble = 0.0
        with start(spool, output.url, ledger, most=0):
            until("an empty spool", lambda: not list(spool.glob("*.segment")), DRAIN_S)
        sealed, kept = read(ledger)
        merged = [Row(batch, each) for batch, contents in output.arrived.items() for each in contents]
        lost = account([], [Row(each) for each in kept], [Row(each) for each in output.acknowledged])
    findings = account(sealed, [], merged).findings(drained=False)
    findings += [Finding("S what the spool has comes to the output", f"{len(lost.lost)} lost")] if lost.lost else []
    return Trials(trials, len(sealed), len(kept), output.sends - len(output.arrived), findings)


def cuts(folder: Path, trials: int, seed: int, sync_s: float = 0.0, fault: str = "") -> Trials:
    """Cut the power of a worker that cannot send, again and again; what its spool had taken by then is there and whole.

    Args:
        folder: An empty folder.
        trials: How often.
        seed: Of the times.
        sync_s: How long the worker may keep what it has sealed in memory.
        fault: A rule to break, see `spool_worker.FAULTS`.
    """
    disk, mounted, ledger = folder / "disk", folder / "mounted", folder / "ledger"
    mounted.mkdir()
    make_disk(disk)
    flags = [f"--sync-s={sync_s}", f"--fault={fault}"]
    command = [sys.executable, str(WORKER), str(mounted / "spool"), NOWHERE, str(ledger), *flags]
    randomness, found = random.Random(seed), Trials(trials)
    worker = subprocess.Popen(_on_disk(disk, mounted, command), stderr=subprocess.DEVNULL)
    kept: list[set[str]] = []
    try:
        until("a first segment", lambda: ledger.exists() and KEPT in ledger.read_text(), 20, 0.01)
        for number in range(trials):
            pause(randomness.uniform(*BETWEEN_CUTS_S))
            worker.send_signal(signal.SIGSTOP)
            until_stopped(worker.pid)
            # Before the copy: what is noted by now was taken before the cut.
            kept.append(read(ledger)[1])
            subprocess.run(["cp", "--sparse=always", str(disk), str(folder / f"cut{number}")], check=True)
            worker.send_signal(signal.SIGCONT)
    finally:
        worker.kill()
        worker.wait(60)
    sealed = read(ledger)[0]
    found.sealed, found.kept = len(sealed), len(kept[-1])
    for number, promised in enumerate(kept):
        left = _left(folder / f"cut{number}", folder / f"left{number}")
        for each in account(sealed, [Row(batch) for batch in promised], left).findings(drained=False):
            found.findings.append(Finding(f"cut {number}", str(each)))
        (folder / f"cut{number}").unlink()
    return found


def loop_disks() -> bool:
    """Whether this machine lets us make a disk of a file."""
    if small_disk.available() and shutil.which("mkfs.ext4"):
        with tempfile.TemporaryDirectory() as folder:
            disk, mounted = Path(folder) / "disk", Path(folder) / "mounted"
            mounted.mkdir()
            make_disk(disk)
            return subprocess.run(_on_disk(disk, mounted, ["true"]), capture_output=True, check=False).returncode == 0
    return False


def read(ledger: Path) -> tuple[list[Row], set[str]]:
    """What a ledger says: batches sealed with their content, and the ids of those that the spool has taken."""
    lines = [line.split() for line in ledger.read_text().splitlines()]
    sealed = [Row(line[1], line[2]) for line in lines if line[0] == SEALED]
    return sealed, {line[1] for line in lines if line[0] == KEPT}


@contextmanager
def workers(log: Path = Path(os.devnull)) -> Iterator["Start"]:
    """Starts workers in the harness that are killed at the end of their `with`, within milliseconds."""
    with Nursery(log) as nursery:
        yield Start(nursery)


@dataclass
class Start:
    """Starts one worker after another; `nursery` forks them."""

    nursery: Nursery

    @contextmanager
    def __call__(
        self, folder: Path, urls: str, ledger: Path, *, fault: str = "", **more: Any
    ) -> Iterator[None]:
        """One worker; see `spool_worker.main`."""
        where = {"folder": str(folder), "urls": urls, "ledger": str(ledger)}
        pid = self.nursery.start("worker", **where, **more, fault=fault)
        try:
            yield
        finally:
            # One that breaks a rule may have fallen over it.
            assert fault or lives(pid), "a worker has ended by itself"
            self.nursery.end(pid)


def make_disk(disk: Path, size_bytes: int = DISK_BYTES) -> None:
    """A file with an empty ext4 in it."""
    with disk.open("wb") as file:
        file.truncate(size_bytes)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-N", str(INODES), str(disk)], check=True, capture_output=True)


def _on_disk(disk: Path, mounted: Path, command: Sequence[str]) -> list[str]:
    script = f'mount -o loop "{disk}" "{mounted}" && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", script, "sh", *command]


def until_stopped(pid: int) -> None:
    """Wait until a process that was told to stop has done so with all its threads."""
    def stopped() -> bool:
        tasks = [Path(each) / "stat" for each in Path(f"/proc/{pid}/task").iterdir()]
        return all(each.read_text().rpartition(")")[2].split()[0] in "Tt" for each in tasks)

    until("a stopped worker", stopped, 10, 0.001)


def _left(cut: Path, copied: Path) -> list[Row]:
    """What a disk holds after a cut: every segment under its name, a damaged one with its reason as its content."""
    mounted = copied.with_name(copied.name + "-mounted")
    mounted.mkdir()
    subprocess.run(_on_disk(cut, mounted, ["cp", "-r", str(mounted), str(copied)]), check=True, capture_output=True)
    rows = []
    for path in copied.glob("spool/*.segment"):
        name = segment.parse(path.name)
        assert name
        try:
            body = segment.opened(path.read_bytes(), name.batch)
            rows.append(Row(name.batch, digest(unpack(body, MEDIA_TYPE_ZSTD)).hex()))
        except HoploomError as error:
            rows.append(Row(name.batch, str(error)))
    shutil.rmtree(copied)
    return rows


def main(words: Sequence[str]) -> int:
    """`lab spool`: kills and cuts; the folder stays when something is wrong."""
    parser = argparse.ArgumentParser(prog="python3 tests lab spool", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--cuts", type=int, default=400)
    parser.add_argument("--seed", type=int, default=int(time.time()) // 86_400)
    given = parser.parse_args(words)
    folder = Path(tempfile.mkdtemp(prefix="spool-"))
    wrong = False
    runs = (("kills", kills, given.kills, 0.0), ("cuts", cuts, given.cuts, 0.0),
            ("kills-together", kills, given.kills // 4, TOGETHER_S),
            ("cuts-together", cuts, given.cuts // 4, TOGETHER_S))
    for name, run, trials, sync_s in runs:
        (folder / name).mkdir()
        found = run(folder / name, trials, given.seed, sync_s)
        findings = [str(each) for each in found.findings]
        print(json.dumps({"what": name, "seed": given.seed, **vars(found), "findings": findings}), flush=True)
        wrong = wrong or bool(findings)
    if not wrong:
        shutil.rmtree(folder)
    return int(wrong)
