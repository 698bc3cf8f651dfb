"""A campaign of kills: kill -9 of anybody at random while a shared campaign is worked on, and what came of it."""

import argparse
import json
import math
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from lab.check_kills import Tally, stories, tally
from lab.faults import consul_faults, process_faults
from lab.history import INVOKE, read
from lab.kill_arena import KillArena
from lab.nemesis import NAME, Kind, Nemesis, schedule
from waiting import pause, until

EVERY_S = 1.5
"""Mean time between two kills: about what a takeover takes, so that some strike in the middle of one."""

AWAY_S = (0.1, 2.0)
"""How long whoever was killed stays away."""

LAST_WORDS_S, END_S = 2.0, 240.0
"""The last leases of dead workers run out after 35 s, and the audit waits for outputs that have just come back."""

SERVICES = (Kind("kill", ("i0", "i1", "i2"), 3, *AWAY_S), Kind("kill", ("o0", "o1"), 2, *AWAY_S))
WORKERS = (Kind("kill", ("w0", "w1", "w2"), 3, *AWAY_S),)
CONSUL = (Kind("server kill", ("",), 1, *AWAY_S), Kind("agent kill", ("",), 0.5, *AWAY_S))


@dataclass(frozen=True)
class Plan:
    """What to do.

    Attributes:
        kills: How many.
        targets: At least so many; rounded up to a power of two.
        seed: The same seed gives the same schedule.
        kinds: Whom to kill.
        every_s: Mean time between two kills; the workers' pace is such that the campaign takes as long as all.
    """

    kills: int
    targets: int
    seed: int
    kinds: tuple[Kind, ...] = (*SERVICES, *WORKERS, *CONSUL)
    every_s: float = EVERY_S

    @property
    def block(self) -> str:
        """A block of loopback with the targets."""
        return f"127.0.0.0/{32 - max(1, math.ceil(math.log2(self.targets)))}"

    @property
    def size(self) -> int:
        """Targets of the block."""
        return int(2 ** max(1, math.ceil(math.log2(self.targets))))


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        kills: How many there were, by whom.
        seconds: From the first lease to "finished".
        tally: The checks.
    """

    kills: dict[str, int]
    seconds: float
    tally: Tally


def campaign(folder: Path, plan: Plan) -> Outcome:
    """Kill and restart until the plan is through, wait for the end of the campaign, and check.

    Args:
        folder: An empty folder for logs, data and the history.
        plan: What to do.

    Raises:
        AssertionError: The campaign did not end.
    """
    # Of each name only one at a time is away, so that some places of a schedule stay empty.
    faults = schedule(plan.seed, plan.kinds, 3 * plan.kills * plan.every_s + 10, plan.every_s)[: plan.kills]
    with KillArena(folder, plan.block, plan.size / (plan.kills * plan.every_s)) as arena:
        began_s = time.monotonic()
        by_name = {**process_faults(arena.__getitem__), **consul_faults(arena.cluster)}
        with Nemesis(arena.recorder, by_name) as nemesis:
            nemesis.run(faults, before_each=lambda: _say(arena.words()))
        until("the end of the campaign", arena.finished, END_S + plan.kills * plan.every_s, 0.5)
        seconds = time.monotonic() - began_s
        # The last acknowledgements are on their way to the workers.
        pause(LAST_WORDS_S)
        stored = list(arena.stored())
    events = read(arena.history)
    struck = Counter(f"{each.op} {each.key}".strip() for each in events if (each.proc, each.ph) == (NAME, INVOKE))
    return Outcome(dict(struck), seconds, tally(stories(events), stored, plan.size))


def main(words: Sequence[str]) -> int:
    """`lab kills`: one campaign; its folder stays when something is wrong."""
    parser = argparse.ArgumentParser(prog="python3 tests lab kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--targets", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=int(time.time()) // 86_400)
    given = parser.parse_args(words)
    folder = Path(tempfile.mkdtemp(prefix="kills-"))
    _say(f"seed {given.seed}, folder {folder}")
    found = campaign(folder, Plan(given.kills, given.targets, given.seed))
    wrong = [str(each) for each in found.tally.findings]
    print(json.dumps({"seed": given.seed, **asdict(found), "findings": wrong}))
    if not wrong:
        shutil.rmtree(folder)
    return 1 if wrong else 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
