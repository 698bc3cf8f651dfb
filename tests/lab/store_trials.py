"""Power cuts and full disks of an output's store: what it acknowledged is there afterwards, whole, and once.

A cut is a copy of the backing file of its disk (ext4 on a loop device) while it is stopped; a fresh output on that copy
then says what it has. A full disk is a small tmpfs that is filled from outside.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import apsw

from hoploom.wire.batch_codec import pack
from lab import small_disk
from lab.finding import Finding
from lab.made_batches import made
from lab.nursery import Nursery
from lab.output_life import Died, OutputLife
from lab.posting import Posting
from lab.result_ledger import account_file
from lab.spool_trials import make_disk, until_stopped
from waiting import pause, until

CUTS_EACH = 25
"""Cuts of one disk: what is on it is compared after each, so a disk must not grow for ever."""

BETWEEN_CUTS_S, FULL_S = (0.02, 0.15), (0.1, 0.4)
DISK_BYTES, SMALL_DISK = 256 * 2**20, "192m"
DRAIN_S = 60.0
TOO_MANY = 60
"""More batches than fit into what a full disk has left in pages that are there already."""

GOOD, LATER, FULL = 200, 503, 507
FLAGS = ("--rotate-bytes=40000",)
"""Of the outputs: a file is full after some ten batches."""


@dataclass
class Trials:
    """What came of a run.

    Attributes:
        trials: Cuts, or times that the disk was full.
        made: Batches made.
        acked: Of those, how many were acknowledged.
        files: Files of the stores that had been closed by then.
        answers: How often there was each status; 0 is no answer.
        findings: What must not have happened.
    """

    trials: int
    made: int = 0
    acked: int = 0
    files: int = 0
    answers: Counter[int] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    def add(self, posting: Posting) -> None:
        """Count what was sent."""
        self.made += len(posting.made)
        self.acked += len(posting.acked)
        self.answers += posting.answers


def cuts(nursery: Nursery, folder: Path, trials: int, seed: int, fault: str = "") -> Trials:
    """Cut the power of an output that takes batches, again and again.

    Args:
        nursery: Who forks the outputs.
        folder: An empty folder.
        trials: How often.
        seed: Of the times.
        fault: A rule to break, see `output_faults.FAULTS`.
    """
    randomness, found = random.Random(seed), Trials(trials)
    for first in range(0, trials, CUTS_EACH):
        inner = folder / f"disk{first}"
        inner.mkdir()
        _cut(inner, nursery, min(CUTS_EACH, trials - first), randomness, found, fault)
        shutil.rmtree(inner)
    return found


def _cut(folder: Path, nursery: Nursery, count: int, chosen: random.Random, found: Trials, fault: str) -> None:
    disk = folder / "disk"
    make_disk(disk, DISK_BYTES)
    output = OutputLife(nursery, folder / "output", ("-o", "loop", str(disk)), FLAGS)
    output.start(fault)
    promised = []
    with ExitStack() as stack:
        stack.callback(output.end)
        posting = stack.enter_context(Posting(output.url))
        until("a first batch", lambda: posting.acked, 20, 0.01)
        for number in range(count):
            pause(chosen.uniform(*BETWEEN_CUTS_S))
            with stopped(output.pid):
                # Before the copy: what was answered by now was answered before the cut.
                promised.append(list(posting.acked))
                subprocess.run(["cp", "--sparse=always", str(disk), str(folder / f"cut{number}")], check=True)
        found.files += output.closed_files()
    found.add(posting)
    for number, acked in enumerate(promised):
        cut = OutputLife(nursery, folder / "output", ("-o", "loop", str(folder / f"cut{number}")), FLAGS)
        found.findings += _after(cut, acked, posting.made, f"cut {number}")
        (folder / f"cut{number}").unlink()


def full(nursery: Nursery, folder: Path, trials: int, seed: int, fault: str = "") -> Trials:
    """Fill the disk of an output that takes batches, again and again, and give the space back.

    Args:
        nursery: Who forks the outputs.
        folder: An empty folder.
        trials: How often.
        seed: Of the times.
        fault: A rule to break, see `output_faults.FAULTS`.
    """
    randomness, found = random.Random(seed), Trials(trials)
    with ExitStack() as stack:
        output = OutputLife(nursery, folder / "output", ("-t", "tmpfs", "-o", f"size={SMALL_DISK}", "none"), FLAGS)
        stack.callback(output.end)
        output.start(fault)
        posting = stack.enter_context(Posting(output.url))
        for number in range(trials):
            until("batches that are taken", grows(posting, {GOOD: 20}), 20, 0.01)
            small_disk.fill(output.pid, output.store)
            until("a batch that is refused", grows(posting, {FULL: 1, GOOD: TOO_MANY}), 20, 0.01)
            pause(randomness.uniform(*FULL_S))
            found.findings += _refuses_dump(output, f"full {number}")
            found.findings += _while_full(output, posting, folder / f"full{number}", nursery)
            small_disk.empty(output.pid, output.store)
        posting.drain()
        until("all of it", lambda: posting.drained or fault, DRAIN_S)
        found.files = output.closed_files()
        found.findings += _account(output, posting.made, posting.made, f"at the end, after {trials}")
    found.add(posting)
    found.findings += _impolite(posting)
    return found


def _after(cut: OutputLife, acked: Sequence[str], made_ids: Sequence[str], what: str) -> list[Finding]:
    """What is wrong with a store that a fresh output finds."""
    try:
        cut.start()
        found = _account(cut, acked, made_ids, what)
        for known in (acked[0], acked[-1]):
            if not cut.duplicate(pack(made(known))):
                found.append(Finding(what, f"{known} was acknowledged, and is not known any more"))
        return found
    except Died as error:
        return [Finding(what, str(error))]
    finally:
        cut.end()


def _account(output: OutputLife, acked: Sequence[str], made_ids: Sequence[str], what: str) -> list[Finding]:
    """What is wrong with what an output has, by its dump."""
    dump = output.ask("/dump")
    if dump.status != GOOD:
        return [Finding(what, f"no dump: {dump.status} {dump.body!r}")]
    path = output.folder / "dump.db"
    path.write_bytes(dump.body)
    found = account_file(path, set(acked), set(acked), made_ids).findings(drained=True)
    return [Finding(what, str(each)) for each in [*found, *_gaps(path)]]


def _gaps(path: Path) -> list[Finding]:
    """The numbers of a store's batches go from 1 without a gap."""
    with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        numbers = [int(row[0]) for row in connection.execute("SELECT seq FROM batches ORDER BY seq")]
    gaps = numbers != list(range(1, len(numbers) + 1))
    return [Finding("N numbers without a gap", f"{len(numbers)} numbers up to {numbers[-1]}")] if gaps else []


def _refuses_dump(output: OutputLife, what: str) -> list[Finding]:
    """A dump that finds no room is put off; one that finds room is whole."""
    answer = output.ask("/dump")
    if answer.status == GOOD:
        whole = hashlib.sha256(answer.body).hexdigest() == answer.headers["x-content-sha256"]
        return [] if whole else [Finding(what, "a dump is not what its checksum says")]
    polite = answer.status in (LATER, FULL) and "retry-after" in answer.headers
    return [] if polite else [Finding(what, f"a dump that finds no room is answered {answer.status}")]


def _while_full(output: OutputLife, posting: Posting, copied: Path, nursery: Nursery) -> list[Finding]:
    """What is wrong with a store on a full disk: a fresh output looks at a copy of it elsewhere."""
    with stopped(output.pid):
        acked = list(posting.acked)
        shutil.copytree(small_disk.seen_by(output.pid, output.store), copied / "db", ignore=_ballast)
    try:
        return _after(OutputLife(nursery, copied, flags=FLAGS), acked, posting.made, copied.name)
    finally:
        shutil.rmtree(copied)


def _ballast(_: str, names: list[str]) -> set[str]:
    return {small_disk.BALLAST, "owner.lock"} & set(names)


def _impolite(posting: Posting) -> list[Finding]:
    wrong = [Finding("F who is put off is told until when", f"{posting.impolite} were not")] if posting.impolite else []
    odd = set(posting.answers) - {GOOD, LATER, FULL}
    return [*wrong, *([Finding("F a full disk is 507 or 503", f"there was {sorted(odd)}")] if odd else [])]


def grows(posting: Posting, by: Mapping[int, int]) -> Callable[[], bool]:
    """Tells when of one of these statuses there are so many more answers than now."""
    enough = {status: posting.answers[status] + more for status, more in by.items()}
    return lambda: any(posting.answers[status] >= least for status, least in enough.items())


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """While this is entered, a process does nothing at all."""
    os.kill(pid, signal.SIGSTOP)
    try:
        until_stopped(pid)
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
