"""`python3 tests lab deploys`: what is done to a mesh every day, under vegeta's load of 200 requests a second.

GET and POST, on kept and on new connections. Nobody may feel anything of a rolling deploy of every service (a), a
canary that is promoted and one that is reverted (b), a host drained (c), a host upgraded (d), Consul's leader killed
(e), a Fabio of two restarted (f). `kill` and `gone`: what is felt when an instance dies, or a host.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

from lab import deploys_arena, deploys_hosts, deploys_mesh
from lab.deploys_outcome import Case, Outcome


class World(NamedTuple):
    """Where some of the cases are played: what makes it in an empty folder, and they."""

    make: Callable[[Path], AbstractContextManager[Any]]
    cases: Mapping[str, Case]


WORLDS = (
    World(deploys_mesh.Mesh, deploys_mesh.CASES),
    World(deploys_mesh.Engines, deploys_mesh.OF_ENGINES),
    World(deploys_hosts.Hosts, deploys_hosts.CASES),
    World(deploys_arena.Arena, deploys_arena.CASES),
)
NAMES = tuple(sorted(name for world in WORLDS for name in world.cases))


def main(words: Sequence[str]) -> int:
    """`lab deploys`: exit 1 when anything was felt that nobody may feel."""
    parser = argparse.ArgumentParser(prog="python3 tests lab deploys", description=__doc__)
    parser.add_argument("--case", action="append", choices=NAMES, help="only this one; may be given again")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often each thing is done (default: by the case)")
    given = parser.parse_args(words)
    outcomes = []
    for each in played(given.case or NAMES, given.rounds):
        outcomes.append(each)
        print(each.words(), *(f"  {failure}" for failure in each.during.failed[:10]), sep="\n", file=sys.stderr)
        sys.stderr.flush()
    print(json.dumps([each.told() for each in outcomes]))
    return 0 if all(each.well for each in outcomes) else 1


def played(names: Collection[str], rounds: int | None = None, scale: float = 1.0) -> Iterator[Outcome]:
    """Play cases, world after world; `rounds` times, or each as often as it says, times `scale`."""
    for make, cases in WORLDS:
        wanted = [name for name in cases if name in names]
        if not wanted:
            continue
        with tempfile.TemporaryDirectory(prefix="deploys-") as folder, make(Path(folder)) as world:
            for name in wanted:
                yield from cases[name].play(world, rounds or max(1, round(cases[name].rounds * scale)))
