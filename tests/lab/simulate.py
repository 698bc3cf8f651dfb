"""Seeds of the simulation of shards, leases and rounds, on all processors; one that finds something replays exactly."""

import argparse
import logging
import multiprocessing
import os
import random
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from hoploom.input_service import shards
from lab import virtual_time
from lab.input_world import Shape, World, boottime, findings, live

LIMIT_S = 3000.0
SLOTS = 8
"""Fewer than in life, so that shards share them and a hand-over moves several."""

REPORT_EVERY = 100


@contextmanager
def virtual() -> Iterator[None]:
    """Every clock is the loop's, and names come of the seed."""
    modules = [module for name, module in sys.modules.items() if name.startswith("hoploom.")]
    with ExitStack() as stack:
        for module in (each for each in modules if hasattr(each, "boottime_s")):
            stack.enter_context(patch.object(module, "boottime_s", boottime()))
        stack.enter_context(patch.object(shards, "SLOTS", SLOTS))
        stack.enter_context(patch.object(uuid, "uuid4", lambda: uuid.UUID(int=random.getrandbits(128))))
        yield


def run(seed: int, **shape: Any) -> World:
    """One seed, within `virtual`; raises `virtual_time.Stuck` when it does not end."""
    random.seed(seed)
    return virtual_time.run(live(seed, Shape(**shape)), LIMIT_S)


def found(seed: int) -> list[str]:
    """What one seed finds."""
    logging.disable(logging.CRITICAL)
    with virtual():
        try:
            return findings(run(seed))
        except virtual_time.Stuck as error:
            return [f"stuck: {error}"]


def main(words: Sequence[str]) -> int:
    """The command; exit code 1 when a seed finds something."""
    parser = argparse.ArgumentParser(prog="python3 tests lab simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed; with --seeds 1 it is replayed alone")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args(words)
    seeds = range(args.first, args.first + args.seeds)
    began_s, bad = time.monotonic(), 0
    with multiprocessing.get_context("spawn").Pool(args.processes) as pool:
        for number, (seed, lines) in enumerate(zip(seeds, pool.imap(found, seeds), strict=True), start=1):
            bad += bool(lines)
            for line in lines:
                print(f"seed {seed}: {line}", flush=True)
            if number % REPORT_EVERY == 0 or number == len(seeds):
                print(f"{number} seeds, {bad} with findings, {time.monotonic() - began_s:.0f} s", flush=True)
    return 1 if bad else 0
