"""An hour of everything at once against leaders: killed, stopped, clocks set, Consul killed, stopped and set back.

L8 of the coordination figures: no effect counts twice. The seed is the day's, and is said; the history is kept when the
run is not clean.
"""

import shutil
import sys
import tempfile
import time
from pathlib import Path

from hoploom.cli.bench import Figure, at_most
from lab.arena import Arena
from lab.leader_faults import FAULTS, leader_faults, named
from lab.nemesis import Nemesis, schedule
from waiting import pause

CANDIDATES, LENGTH_S, EVERY_S = 4, 3600.0, 4.0


def measure(scale: float) -> list[Figure]:
    """One run.

    Args:
        scale: Part of an hour; at least half a minute.
    """
    seed, length_s = int(time.time()) // 86_400, max(30.0, LENGTH_S * scale)
    plan = schedule(seed, FAULTS, length_s, EVERY_S)
    _say(f"seed {seed}: {len(plan)} faults in {length_s:.0f} s")
    folder = Path(tempfile.mkdtemp(prefix="leaders-"))
    with Arena(folder, CANDIDATES, "--every-s", "0.1") as arena:
        with Nemesis(arena.recorder, leader_faults(arena), named(arena)) as nemesis:
            nemesis.run(plan, before_each=lambda: _say(f"{len(arena.candidates.look())} terms"))
        arena.candidates.leader(60)
        pause(2)
        found = arena.verdict()
    _say(str(found))
    if found.findings:
        _say(f"the history is in {folder}")
    else:
        shutil.rmtree(folder)
    unexcused = sum(not each.excused for each in found.overlaps)
    return [
        at_most("broken promises in the history", len(found.findings), "findings", 0, ("terms", found.acquired)),
        at_most("two that believed at once without having been stopped", unexcused, "times", 0),
    ]


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
