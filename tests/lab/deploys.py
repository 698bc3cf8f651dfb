"""`python3 tests lab deploys`: what is done to a mesh every day, under vegeta's load of 200 requests a second.

GET and POST, on kept and on new connections. Nobody may feel anything of a rolling deploy of every service (a), a
canary that is promoted and one that is reverted (b), a host drained (c), a host upgraded (d), Consul's leader killed
(e), a Fabio of two restarted (f). `kill`: what is felt when an instance dies.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from lab import deploys_arena, deploys_mesh
from lab.deploys_outcome import Outcome


class Case(NamedTuple):
    """A case: what plays it in an empty folder, so many times, and how often where nobody says."""

    play: Callable[[Path, int], list[Outcome]]
    rounds: int


CASES: Mapping[str, Case] = {
    "a": Case(deploys_mesh.rolled, 10),
    "e": Case(deploys_arena.leader_killed, 3),
    "f": Case(deploys_arena.router_restarted, 10),
    "kill": Case(deploys_arena.instance_killed, 10),
}


def main(words: Sequence[str]) -> int:
    """`lab deploys`: exit 1 when anything was felt that nobody may feel."""
    parser = argparse.ArgumentParser(prog="python3 tests lab deploys", description=__doc__)
    parser.add_argument("--case", action="append", choices=list(CASES), help="only this one; may be given again")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often each thing is done (default: by the case)")
    given = parser.parse_args(words)
    outcomes = [each for name in given.case or CASES for each in played(name, given.rounds)]
    print(json.dumps([each.told() for each in outcomes]))
    return 0 if all(each.well for each in outcomes) else 1


def played(name: str, rounds: int | None = None) -> list[Outcome]:
    """Play a case in a folder of its own, and say what came of it."""
    case = CASES[name]
    with tempfile.TemporaryDirectory(prefix="deploys-") as folder:
        outcomes = case.play(Path(folder), rounds or case.rounds)
    for each in outcomes:
        print(each.words(), *(f"  {failure}" for failure in each.during.failed[:10]), sep="\n", file=sys.stderr)
    sys.stderr.flush()
    return outcomes
