"""The long run of everything that must not lose results: kills, power cuts, full disks of outputs and collectors."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from lab import pipeline_trials, store_trials
from lab.full_set_trials import full_set
from lab.nursery import Nursery

KILLS, CUTS, FULL, FULL_SET = 1000, 200, 20, 10
Run = Callable[[Nursery, Path, int, int], pipeline_trials.Trials | store_trials.Trials]
RUNS: dict[str, Run] = {
    "kills": pipeline_trials.kills,
    "cuts": store_trials.cuts,
    "full": store_trials.full,
    "full_set": full_set,
}


def run(name: str, trials: int, seed: int) -> tuple[pipeline_trials.Trials | store_trials.Trials, float]:
    """One of the runs, and how many seconds it took; its folder stays when something is wrong."""
    folder, began_s = Path(tempfile.mkdtemp(prefix=f"results-{name}-")), time.monotonic()
    print(f"{name}: {trials}, seed {seed}, folder {folder}", file=sys.stderr, flush=True)
    with Nursery(folder / "log") as nursery:
        found = RUNS[name](nursery, folder, trials, seed)
    if not found.findings:
        shutil.rmtree(folder)
    return found, time.monotonic() - began_s


def main(words: Sequence[str]) -> int:
    """`lab results`: all runs."""
    parser = argparse.ArgumentParser(prog="python3 tests lab results", description=__doc__)
    for name, trials in zip(RUNS, (KILLS, CUTS, FULL, FULL_SET), strict=True):
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=trials)
    parser.add_argument("--seed", type=int, default=int(time.time()) // 86_400)
    given = parser.parse_args(words)
    wrong = False
    for name in RUNS:
        if not getattr(given, name):
            continue
        found, seconds = run(name, getattr(given, name), given.seed)
        findings = [str(each) for each in found.findings]
        told = {"what": name, "seed": given.seed, "seconds": round(seconds), **vars(found), "findings": findings}
        print(json.dumps(told), flush=True)
        wrong = wrong or bool(findings)
    return int(wrong)
