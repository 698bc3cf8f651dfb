"""`python3 tests lab deploys`: what is done to a mesh every day, under vegeta's load of 200 requests a second.

GET and POST, on kept and on new connections. Nobody may feel anything of a rolling deploy of every service (a), a
canary that is promoted and one that is reverted (b), a host drained (c), a host upgraded (d), Consul's leader killed
(e), a Fabio of two restarted (f). `kill` and `gone`: what is felt when an instance dies, or a host. `dcs`: a good and
a bad version across two datacenters.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

from lab import deploys_arena, deploys_datacenters, deploys_hosts, deploys_mesh, hosts
from lab.deploys_outcome import BROKEN, Case, Outcome, Stretch, why
from lab.deploys_rounds import Rounds, told
from lab.deploys_story import story
from vegeta import PER_S, Account


class World(NamedTuple):
    """Where some of the cases are played.

    Attributes:
        make: Makes it, in an empty folder and for so many requests a second.
        cases: They, by their letters.
        unmet: Says what it lacks here; None for nothing.
    """

    make: Callable[[Path, float], AbstractContextManager[Any]]
    cases: Mapping[str, Case]
    unmet: Callable[[], str | None] = lambda: None


WORLDS = (
    World(deploys_mesh.Mesh, deploys_mesh.CASES),
    World(deploys_mesh.Engines, deploys_mesh.OF_ENGINES),
    World(deploys_hosts.Hosts, deploys_hosts.CASES, hosts.unmet),
    World(deploys_arena.Arena, deploys_arena.CASES),
    World(deploys_datacenters.Datacenters, deploys_datacenters.CASES),
)
NAMES = tuple(sorted({name for world in WORLDS for name in world.cases}))


def main(words: Sequence[str]) -> int:
    """`lab deploys`: exit 1 when anything was felt that nobody may feel."""
    parser = argparse.ArgumentParser(prog="python3 tests lab deploys", description=__doc__)
    parser.add_argument("--case", action="append", choices=NAMES, help="only this one; may be given again")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often each thing is done (default: by the case)")
    parser.add_argument("--per-s", type=float, default=PER_S, metavar="N", help="requests a second (%(default)s)")
    given = parser.parse_args(words)
    all_well = True
    for each in played(given.case or NAMES, given.rounds, per_s=given.per_s):
        print(json.dumps(each.told()), flush=True)
        all_well = all_well and each.well
    return 0 if all_well else 1


def played(
    names: Collection[str], rounds: int | None = None, scale: float = 1.0, per_s: float = PER_S
) -> Iterator[Outcome]:
    """Play cases, world after world; `rounds` times, or each as often as it says, times `scale`."""
    began_s = time.monotonic()
    for world in WORLDS:
        wanted = {name: case for name, case in world.cases.items() if name in names}
        if not wanted:
            continue
        if lacking := world.unmet():
            told(f"{', '.join(wanted)}: not in this world: {lacking}")
            continue
        for each in _played(world, wanted, lambda case: rounds or max(1, round(case.rounds * scale)), per_s):
            told("\n".join([each.words(), *(f"    {line}" for line in story(each))]))
            yield each
    told(f"all of it took {time.monotonic() - began_s:.0f} s")


def _played(
    world: World, wanted: Mapping[str, Case], rounds: Callable[[Case], int], per_s: float
) -> Iterator[Outcome]:
    told(f"the world of {', '.join(wanted)} is made")
    left = dict(wanted)
    try:
        with tempfile.TemporaryDirectory(prefix="deploys-") as folder, world.make(Path(folder), per_s) as made:
            for name, case in wanted.items():
                told(f"case {name} begins")
                yield from case.play(made, Rounds(rounds(case), case.most_s))
                del left[name]
    except BROKEN as error:
        nobody = Stretch(Account(()))
        yield from (Outcome(name, "was not played to its end", nobody, nobody, broke=why(error)) for name in left)
