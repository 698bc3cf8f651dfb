"""Kills of whoever has results in hand: worker, outputs, collector. The data set has every row once and as it was made.

Three ledgers (`check_ledger`): what the worker sealed and its spool took, what an output acknowledged to it, and the
rows of the data set. Batches go to any of two outputs, and to the other where the first does not answer, so that the
same batch comes to both; closed files go as soon as the data set has confirmed them. Nobody is asked to stop: everybody
is killed, at random, also while he starts.
"""

from __future__ import annotations

import json
import random
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from hoploom.results.data_set import FILE
from hoploom.wire.batch_codec import pack
from lab.collector_process import NAME
from lab.finding import Finding
from lab.made_batches import made
from lab.nursery import Nursery, lives
from lab.output_life import OutputLife
from lab.result_ledger import account_file
from lab.spool_trials import read
from lab.spool_worker import ACKED
from waiting import pause, until

BETWEEN_S, AWAY_S = (0.02, 0.15), (0.0, 0.1)
DRAIN_S = 180.0
BATCHES = 20
"""Where only the collector is of interest."""

OUTPUTS = ("output 1", "output 2")
WORKER, COLLECTOR = "worker", "collector"
FLAGS = ("--rotate-bytes=8000", f"--prune-confirmed-by={NAME}")


@dataclass
class Trials:
    """What came of a run.

    Attributes:
        trials: Kills.
        struck: Who was killed how often.
        sealed: Batches that the worker made.
        kept: Of those, what its spool had taken.
        acked: Of those, what an output had acknowledged.
        files: Files of the outputs that were closed by the end.
        pruned: Those of them that went after they were collected.
        findings: What must not have happened.
    """

    trials: int
    struck: Counter[str] = field(default_factory=Counter)
    sealed: int = 0
    kept: int = 0
    acked: int = 0
    files: int = 0
    pruned: int = 0
    findings: list[Finding] = field(default_factory=list)


class Life(Protocol):
    """Somebody who is killed and lives again."""

    @property
    def lives(self) -> bool:
        """Whether the process is there."""
        ...

    def begin(self, fault: str = "") -> None:
        """Begin a life, with a rule to break."""
        ...

    def end(self) -> None:
        """Kill it."""
        ...


class Forked:
    """A worker or a collector of a nursery."""

    def __init__(self, nursery: Nursery, kind: str, **arguments: object) -> None:
        """Do not live yet; `arguments` as the nursery's kind takes them."""
        self._nursery, self._kind, self._arguments, self._pid = nursery, kind, arguments, 0

    @property
    def lives(self) -> bool:
        """Whether its process is there."""
        return bool(self._pid) and lives(self._pid)

    def begin(self, fault: str = "", **more: object) -> None:
        """Begin a life; see `Life`."""
        self._pid = self._nursery.start(self._kind, (), **self._arguments, **more, fault=fault)

    def end(self) -> None:
        """Kill it."""
        if self._pid:
            self._nursery.end(self._pid)


class Pipeline:
    """One of each but two outputs, in a folder."""

    def __init__(self, nursery: Nursery, folder: Path) -> None:
        """Start the outputs for the first time, to know their stores."""
        self.ledger, self.spool, self.data_set = (folder / name for name in ("ledger", "spool", "data-set"))
        self.outputs = {name: OutputLife(nursery, folder / name.replace(" ", "-"), flags=FLAGS) for name in OUTPUTS}
        for each in self.outputs.values():
            each.start()
        ports = {str(json.loads(each.ask("/dumps").body)["store"]): each.port for each in self.outputs.values()}
        urls = " ".join(each.url for each in self.outputs.values())
        self.worker = Forked(nursery, WORKER, folder=str(self.spool), urls=urls, ledger=str(self.ledger))
        self.collector = Forked(nursery, COLLECTOR, folder=str(self.data_set), ports=ports)
        self.all: Mapping[str, Life] = {**self.outputs, WORKER: self.worker, COLLECTOR: self.collector}

    def end(self) -> None:
        """Kill everybody."""
        for each in self.all.values():
            each.end()

    def drain(self) -> None:
        """Let everything come to its end without a fault: spool, outputs, data set."""
        self.end()
        for each in self.outputs.values():
            each.start()
        self.worker.begin(most=0)
        until("an empty spool", lambda: not list(self.spool.glob("*.segment")), DRAIN_S)
        self.worker.end()
        self.collect()

    def collect(self, fault: str = "") -> None:
        """Let a collector take all that there is, and end."""
        self.collector.begin(fault, once=True)
        until("a data set that has everything", lambda: not self.collector.lives, DRAIN_S)

    def closed_files(self) -> tuple[int, int]:
        """How many closed files the outputs have had, and how many of these have gone."""
        files = [file for each in self.outputs.values() for file in json.loads(each.ask("/dumps").body)["files"]]
        return len(files), sum(bool(file["pruned"]) for file in files)


def kills(
    nursery: Nursery, folder: Path, trials: int, seed: int, faults: Mapping[str, str] | None = None
) -> Trials:
    """Kill somebody again and again; then let everything drain, and account for every row.

    Args:
        nursery: Who forks them.
        folder: An empty folder.
        trials: How often.
        seed: Of whom and when.
        faults: A rule to break by "worker", "output" or "collector".
    """
    chosen, found = random.Random(seed), Trials(trials)
    with ExitStack() as stack:
        pipeline = Pipeline(nursery, folder)
        stack.callback(pipeline.end)
        pipeline.end()
        broken = {name: (faults or {}).get(name.split()[0], "") for name in pipeline.all}
        while sum(found.struck.values()) < trials:
            for name, life in pipeline.all.items():
                if not life.lives:
                    life.begin(broken[name])
            pause(chosen.uniform(*BETWEEN_S))
            for name in chosen.sample(sorted(pipeline.all), chosen.choice((1, 1, 1, 2))):
                found.struck[name] += pipeline.all[name].lives
                pipeline.all[name].end()
            pause(chosen.choice((0.0, chosen.uniform(*AWAY_S))))
        pipeline.drain()
        found.files, found.pruned = pipeline.closed_files()
    _account(pipeline, found)
    return found


def collected(nursery: Nursery, folder: Path, fault: str = "") -> list[Finding]:
    """What is wrong with a data set whose collector breaks a rule, and then one that breaks none goes on with it.

    Args:
        nursery: Who forks them.
        folder: An empty folder.
        fault: The rule, see `collector_process.FAULTS`.
    """
    ids = [str(uuid.UUID(int=number << 65 | 4 << 76 | number)) for number in range(1, BATCHES + 1)]
    with ExitStack() as stack:
        pipeline = Pipeline(nursery, folder)
        stack.callback(pipeline.end)
        # What is in one store alone comes first there; the rest is in both.
        quarter, rest = BATCHES // 4, ids[BATCHES // 4 : -BATCHES // 4]
        shares = ([*ids[:quarter], *rest], [*ids[-quarter:], *rest])
        for each, some in zip(pipeline.outputs.values(), shares, strict=True):
            assert not any(each.duplicate(pack(made(batch))) for batch in some)
        pipeline.collect(fault)
        pipeline.collect()
    return account_file(pipeline.data_set / FILE, set(ids), set(ids), ids).findings(drained=True)


def _account(pipeline: Pipeline, found: Trials) -> None:
    sealed, kept = read(pipeline.ledger)
    acked = _acked(pipeline.ledger.read_text().splitlines())
    found.sealed, found.kept, found.acked = len(sealed), len(kept), len(acked)
    account = account_file(pipeline.data_set / FILE, kept, acked, [each.id for each in sealed])
    found.findings += account.findings(drained=True)


def _acked(lines: Sequence[str]) -> set[str]:
    return {line.split()[1] for line in lines if line.startswith(f"{ACKED} ")}
