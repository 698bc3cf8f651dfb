"""What kills, power cuts and full disks cost: rows lost, doubled, invented and altered, which must be none.

At scale 1 it is 1,000 kills of worker, outputs and collector, 200 power cuts and 30 full disks: about half an hour.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from hoploom.cli.bench import Figure, at_most
from lab import result_trials, small_disk, spool_trials
from lab.finding import Finding

CLASSES = ("lost", "missing", "duplicate", "phantom", "altered")


def measure(scale: float) -> list[Figure]:
    """All runs; those that need disks of their own only where this machine has them.

    Args:
        scale: Part of the full number of trials; each is made at least twice.
    """
    seed = int(time.time()) // 86_400
    wanted = [("kills", result_trials.KILLS)]
    wanted += [("cuts", result_trials.CUTS)] if spool_trials.loop_disks() else []
    if small_disk.available():
        wanted += [("full", result_trials.FULL), ("full_set", result_trials.FULL_SET)]
    return [figure for name, full in wanted for figure in _run(name, max(2, round(full * scale)), seed)]


def _run(name: str, trials: int, seed: int) -> Iterator[Figure]:
    found, seconds = result_trials.run(name, trials, seed)
    yield at_most(f"{name}: seconds a trial", seconds / trials, "s", 60, ("trials", trials))
    acked = ("batches acknowledged", found.acked)
    for each in CLASSES:
        yield at_most(f"{name}: rows {each}", _count(found.findings, each), "findings", 0, acked)
    others = sum(not any(f" {each}," in str(finding) for each in CLASSES) for finding in found.findings)
    yield at_most(f"{name}: anything else", others, "findings", 0, acked)


def _count(findings: list[Finding], kind: str) -> int:
    return sum(f" {kind}," in str(finding) for finding in findings)
