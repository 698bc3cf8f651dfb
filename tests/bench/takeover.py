"""How long nobody serves the shards of an input instance that was killed, and whether a target is lost or counts twice.

Three instances on three Consul servers, workers that forget leases and come back to them late, one kill after another.
"""

import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from hoploom.cli.bench import Figure, at_most
from lab.check_ledger import account
from lab.check_shards import Work, unfinished
from lab.history import Recorder, read
from lab.input_arena import InputArena
from lab.input_mesh import CAMPAIGN, GROUP, TOKEN
from lab.lease_workers import Habits, LeaseWorkers
from lab.shard_run import acknowledged, completions, unknown
from lab.takeover_trials import takeovers
from waiting import pause, until

KILLS, INSTANCES = 40, 3
BLOCK, SIZE = "127.0.0.0/13", 2**19
SLOW, FAST = Habits(count=8, work_s=6.0), Habits(count=24, work_s=0.1, forgets=0.0, names="fast")
"""Slow workers leave enough to do for all kills; fast ones then end the campaign."""


def measure(scale: float = 1.0) -> list[Figure]:
    """D7: kills under workers, then the end of the campaign and its ledgers.

    Args:
        scale: Part of 40 kills; at least three.
    """
    with tempfile.TemporaryDirectory() as folder, InputArena(Path(folder), INSTANCES, BLOCK, SLOW) as arena:
        took = takeovers(arena, SIZE, max(3, round(KILLS * scale)), _say)
        with Recorder(arena.history, "fast") as recorder:
            with LeaseWorkers(arena.urls, TOKEN, arena.output, recorder, FAST):
                until("the end of the campaign", arena.finished, 240, 0.5)
        # The last acknowledgements are on their way to the workers.
        pause(1)
        return [*_spread(took), *_ledgers(arena)]


def _spread(took: list[float]) -> list[Figure]:
    anchor, raw = (f"median of {len(took)}", statistics.median(took)), tuple(round(each, 4) for each in took)
    p99 = sorted(took)[min(len(took) - 1, int(0.99 * len(took)))]
    name = "D7 kill -9 of an input instance to the first lease of its slots"
    return [
        replace(at_most(f"{name}, p99", p99, "s", 3.5, anchor), raw=raw),
        at_most(f"{name}, longest", max(took), "s", 5),
    ]


def _ledgers(arena: InputArena) -> list[Figure]:
    events, stored = read(arena.history), arena.stored()
    acked = acknowledged(events)
    wrong = unfinished({Work(CAMPAIGN, 0, GROUP): SIZE}, completions(events))
    twice = [each for each in wrong if "done twice" in each.words]
    for each in wrong:
        _say(str(each))
    return [
        at_most("D7 targets lost: acknowledged and not stored", len(account(stored, acked, stored).lost), "targets", 0),
        at_most("D7 targets of the campaign in no store", SIZE - len(stored), "targets", 0),
        at_most("D7 accepted double completions", len(twice), "findings", 0, ("leases", len(completions(events)))),
        at_most("D7 acknowledgements without an answer", len(unknown(events)), "leases", KILLS),
    ]


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
