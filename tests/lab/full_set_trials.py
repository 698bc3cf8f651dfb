"""A collector whose disk is full again and again: it goes on when space returns, and its data set lacks nothing then.

The data set is on a small tmpfs of the collector's own, so it lives through all of it.
"""

from __future__ import annotations

import json
import random
import shutil
from contextlib import ExitStack, closing
from pathlib import Path

import apsw

from hoploom.results.data_set import FILE
from lab import small_disk
from lab.finding import Finding
from lab.nursery import Nursery, lives
from lab.output_life import OutputLife
from lab.posting import Posting
from lab.result_ledger import account_file
from lab.store_trials import DRAIN_S, FLAGS, FULL_S, GOOD, Trials, grows, stopped
from waiting import pause, until

DISK = ("-t", "tmpfs", "-o", "size=256m", "none")
"""A collector leaves 64 MB free in any case."""

MORE = 10


class Collected:
    """A data set on a disk of its collector's own."""

    def __init__(self, nursery: Nursery, folder: Path, output: OutputLife) -> None:
        """Start the collector."""
        self.data_set, self._copy, self._output = folder / "data-set", folder / "copy", output
        self.data_set.mkdir()
        ports = {str(json.loads(output.ask("/dumps").body)["store"]): output.port}
        mount = (*DISK, str(self.data_set))
        self.pid = nursery.start("collector", mount, folder=str(self.data_set), ports=ports)

    def copy(self) -> Path | None:
        """The data set as it is now, elsewhere; None where there is none yet."""
        seen = small_disk.seen_by(self.pid, self.data_set)
        shutil.rmtree(self._copy, ignore_errors=True)
        self._copy.mkdir()
        with stopped(self.pid):
            for each in seen.glob(f"{FILE}*"):
                shutil.copy(each, self._copy / each.name)
        return self._copy / FILE if (self._copy / FILE).exists() else None

    def upto(self) -> int:
        """How far it has the store."""
        path = self.copy()
        if not path:
            return 0
        # For writing: what was under way is undone first.
        with closing(apsw.Connection(str(path))) as connection:
            if not connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'cursors'").get:
                return 0
            return int(connection.execute("SELECT coalesce(max(upto), 0) FROM cursors").get)

    def has_all(self) -> bool:
        """Whether it has what the output has."""
        return self.upto() == int(json.loads(self._output.ask("/dumps").body)["last_seq"])


def full_set(nursery: Nursery, folder: Path, trials: int, seed: int) -> Trials:
    """Fill the disk of a collector that collects, again and again, and give the space back.

    Args:
        nursery: Who forks the output and the collector.
        folder: An empty folder.
        trials: How often.
        seed: Of the times.
    """
    chosen, found = random.Random(seed), Trials(trials)
    with ExitStack() as stack:
        output = OutputLife(nursery, folder / "output", flags=FLAGS)
        stack.callback(output.end)
        output.start()
        posting = stack.enter_context(Posting(output.url))
        collected = Collected(nursery, folder, output)
        stack.callback(nursery.end, collected.pid)
        for number in range(trials):
            before = _reached(collected, 1)
            _reached(collected, before + 1)
            small_disk.fill(collected.pid, collected.data_set)
            until("batches that are taken", grows(posting, {GOOD: MORE}), 30, 0.01)
            pause(chosen.uniform(*FULL_S))
            if not lives(collected.pid):
                found.findings.append(Finding(f"full set {number}", "the collector has ended; see the nursery's log"))
                return found
            if collected.has_all():
                found.findings.append(Finding(f"full set {number}", "the disk was not full"))
            small_disk.empty(collected.pid, collected.data_set)
        posting.drain()
        until("all of it in the store", lambda: posting.drained, DRAIN_S)
        until("all of it in the data set", collected.has_all, DRAIN_S)
        path = collected.copy()
        assert path
        account = account_file(path, set(posting.made), set(posting.acked), posting.made)
        found.findings += account.findings(drained=True)
    found.add(posting)
    return found


def _reached(collected: Collected, least: int) -> int:
    """Wait until the data set has the store up to a number, or beyond it: how far that is."""

    def reached() -> int:
        upto = collected.upto()
        return upto if upto >= least else 0

    return until(f"a data set that has {least} batches", reached, DRAIN_S)
