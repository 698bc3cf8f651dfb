"""A real worker behind the router of a home, and everything that happens to its way to the mesh.

    python3 tests lab gateway [TRIAL ...]

After each trial the ledgers are compared: the probes that the kernel of the worker's node has counted, and the rows on
the output's disk. As many rows as probes, no batch twice, every target there.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from hoploom.ping_service.segment import Name
from hoploom.ping_service.spool import Spool
from hoploom.wire.batch_codec import pack
from lab import gateway_bounds
from lab.edge_world import MANAGERS, NAME, EdgeWorld
from lab.namespace import in_namespace
from lab.warp import library
from unit.wire.batches import make
from waiting import pause, until

BLOCK, TARGETS = "127.0.16.0/20", 4096
SHORT, SHORT_TARGETS = "127.0.16.0/22", 1024
MOST_KIB = 32 << 10
"""What a manager may grow by; twenty bodies of 8 MB are five times as much."""

HOUR_BATCHES, HOUR_ROWS, TIMES_AS_FAST = 360, 1000, 10
"""An hour of a worker that probes a hundred targets a second and seals what it has every ten seconds."""

FEW, FEW_TARGETS = "127.0.16.0/24", 256


@dataclass
class Trial:
    """What came of one.

    Attributes:
        name: Which.
        seconds: How long the mapping took.
        probes: Echo requests that the worker sent.
        rows: Rows on the output's disk.
        seen: Figures of this trial.
        wrong: What should not be, in words.
    """

    name: str
    seconds: float = 0.0
    probes: int = 0
    rows: int = 0
    seen: dict[str, float] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def require(self, true: object, words: str) -> None:
        """Note what should be and is not."""
        if not true:
            self.wrong.append(words)


def finish(world: EdgeWorld, trial: Trial, targets: int, within_s: float) -> None:
    """Wait until everything is mapped and stored, and compare the ledgers."""
    until("a finished campaign", lambda: world.finished, within_s)
    until("an empty spool", lambda: not world.segments(), within_s)
    stored, trial.probes = world.stored(), world.probed()
    trial.rows = stored.rows
    trial.require(stored.rows == stored.different, f"{stored.rows - stored.different} rows were stored twice")
    trial.require(stored.rows == trial.probes, f"{trial.probes} probes were sent, and {stored.rows} rows are stored")
    trial.require(stored.workers == {(NAME, world.number)}, f"results are said to be of {stored.workers}")
    trial.require(stored.targets == targets, f"{targets - stored.targets} targets have no row")


def relayed(world: EdgeWorld, port: int, kind: str = "", status: str = "") -> float:
    """Requests that a manager has relayed."""
    counted = world.gateway(port).items()
    wanted = [f'kind="{kind}"' if kind else "", f'status="{status}"' if status else "", "requests_total"]
    return sum(value for name, value in counted if all(each in name for each in wanted))


def uploading(world: EdgeWorld) -> int:
    """The port of a manager that relays something just now which the worker sends; 0 where none does."""
    for port in MANAGERS:
        with urllib.request.urlopen(f"{world.mesh.manager(port)}/health", timeout=5) as page:
            if b"POST /gateway" in page.read():
                return port
    return 0


def results(world: EdgeWorld, within_s: float) -> float:
    """Wait for the next results on the output's disk; after how many seconds they came."""
    rows, began_s = world.stored().rows, time.monotonic()
    until("results", lambda: world.stored().rows > rows, within_s)
    return time.monotonic() - began_s


def brief(world: EdgeWorld, trial: Trial) -> None:
    """A manager is killed in the middle of an upload, and the router forgets all connections once."""
    world.narrow(3_000)
    world.campaign(FEW, 1000)
    kill_in_mid_upload(world, trial)
    world.narrow(0)
    trial.require(world.router.forget(silently=False), "there was no connection to forget")
    finish(world, trial, FEW_TARGETS, 60)


def plain(world: EdgeWorld, trial: Trial) -> None:
    """Nothing happens: both managers relay, whichever is asked."""
    world.campaign(SHORT, 1000)
    finish(world, trial, SHORT_TARGETS, 60)
    for port in MANAGERS:
        trial.seen[f"relayed by {port}"] = count = relayed(world, port)
        trial.require(count, f"manager {port} has relayed nothing")


def killed(world: EdgeWorld, trial: Trial) -> None:
    """On a slow line managers are killed while they relay a batch, and started again: three times."""
    world.narrow(4_000)
    world.campaign(BLOCK, 150)
    for _ in range(3):
        port = kill_in_mid_upload(world, trial)
        world.mesh.managers[port].start()
        until("it to answer again", partial(world.answers, port), 60)
    world.narrow(0)
    finish(world, trial, TARGETS, 120)


def kill_in_mid_upload(world: EdgeWorld, trial: Trial) -> int:
    """Kill the manager that relays a batch, and wait for results by the other; which it was."""
    port = until("an upload", partial(uploading, world), 60, 0.005)
    world.mesh.managers[port].stop(kill=True)
    trial.seen["results after a kill"] = max(trial.seen.get("results after a kill", 0.0), results(world, 60))
    return port


def rebound(world: EdgeWorld, trial: Trial) -> None:
    """The router forgets its connections: they go on from other ports to other managers, or into the void."""
    world.campaign(BLOCK, 30)
    for silently in (False, False, False, True, True):
        results(world, 60)
        trial.require(world.router.forget(silently=silently), "there was no connection to forget")
        what = "without a word" if silently else "from another port"
        trial.seen[what] = max(trial.seen.get(what, 0.0), results(world, 90))
    finish(world, trial, TARGETS, 180)


def lossy(world: EdgeWorld, trial: Trial) -> None:
    """One packet of five is lost on the line, each way."""
    world.router.lose(20)
    world.campaign(SHORT, 100)
    finish(world, trial, SHORT_TARGETS, 180)


def consul_away(world: EdgeWorld, trial: Trial) -> None:
    """Consul is away for a minute: what the worker asks and sends is relayed all the while."""
    world.campaign(BLOCK, 60)
    until("some results", lambda: world.stored().rows, 30)
    world.mesh.consul.stop()
    rows, before = world.stored().rows, sum(relayed(world, port) for port in MANAGERS)
    pause(60)
    trial.seen["rows meanwhile"] = world.stored().rows - rows
    trial.seen["relayed meanwhile"] = sum(relayed(world, port) for port in MANAGERS) - before
    trial.require(trial.seen["rows meanwhile"] > 0, "no results came while Consul was away")
    world.mesh.consul.start()
    finish(world, trial, TARGETS, 240)


def offline(world: EdgeWorld, trial: Trial) -> None:
    """The line is dead for an hour of the worker's own clocks, which run sixty times as fast meanwhile.

    Its lease runs out, so the mesh hands that out again: what was probed twice has a row for each time.
    """
    warp = world.warp
    assert warp
    # A lease of 1,024 targets takes 25 s, and is stored in parts.
    world.campaign(BLOCK, 40)
    until("some results", lambda: world.stored().rows, 60)
    rows = world.stored().rows
    world.router.lose(100)
    # It goes on with the lease that it holds, and keeps what it finds.
    pause(15)
    with warp.faster(60):
        pause(60)
    trial.seen["rows waiting"] = world.probed() - rows
    trial.seen["segments"] = len(world.segments())
    trial.require(trial.seen["segments"], "nothing was kept")
    world.router.lose(0)
    began_s = time.monotonic()
    until("an empty spool", lambda: not world.segments(), 120)
    trial.seen["drained after"] = time.monotonic() - began_s
    finish(world, trial, TARGETS, 300)


def drained(world: EdgeWorld, trial: Trial) -> None:
    """What a worker has kept in an hour comes in a tenth of that time at most."""
    world.worker.stop()
    spool = Spool(world.spool, 2**30)
    spool.open(time.time())
    batches = [make(number, HOUR_ROWS, worker=NAME, worker_number=world.number) for number in range(HOUR_BATCHES)]
    spool.write({Name(spool.next_place + place, each.batch): pack(each) for place, each in enumerate(batches)})
    spool.close()
    began_s = time.monotonic()
    world.worker.start()
    until("the first of what waited", lambda: world.stored().rows, 60, 0.01)
    first_s = time.monotonic()
    until("an empty spool", lambda: not world.segments(), 400, 0.01)
    trial.seconds = time.monotonic() - first_s
    trial.seen = {"first after": first_s - began_s, "times as fast": 3600 / trial.seconds}
    trial.require(trial.seen["times as fast"] >= TIMES_AS_FAST, "the spool drains too slowly")
    stored, expected = world.stored(), HOUR_BATCHES * HOUR_ROWS
    trial.rows = stored.rows
    trial.require(stored.rows == stored.different == expected, f"{stored} is not what waited")


def uploads(world: EdgeWorld, trial: Trial) -> None:
    """Twenty workers send 8 MB each to one manager at a time: none of it stays in its memory."""
    trial.seen.update(gateway_bounds.uploads(world, MANAGERS[0]))
    trial.require(trial.seen["grown_kib"] < MOST_KIB, "the manager keeps what it relays")


def slow_callers(world: EdgeWorld, trial: Trial) -> None:
    """Hundreds of callers do not come to the end of what they say, while others ask and are answered."""
    trial.seen.update(gateway_bounds.slow_callers(world, MANAGERS[0]))
    trial.require(trial.seen["half heads ended after s"] < 120, "half a head holds a connection for ever")
    trial.require(trial.seen["asks_s"] < 1, "others wait for the slow ones")
    trial.require(trial.seen["grown_kib"] < MOST_KIB, "the slow ones cost too much memory")


TRIALS: Mapping[str, Callable[[EdgeWorld, Trial], None]] = {
    "brief": brief,
    "plain": plain,
    "killed": killed,
    "rebound": rebound,
    "lossy": lossy,
    "consul-away": consul_away,
    "drained": drained,
    "offline": offline,
    "uploads": uploads,
    "slow-callers": slow_callers,
}


def run(name: str, folder: Path) -> Trial:
    """One trial in a namespace of its own.

    Args:
        name: One of `TRIALS`.
        folder: An empty folder.
    """

    async def body() -> Trial:
        trial = Trial(name)
        with EdgeWorld(folder, warps=name == "offline") as world:
            began_s = time.monotonic()
            TRIALS[name](world, trial)
            trial.seconds = trial.seconds or time.monotonic() - began_s
        return trial

    return in_namespace(body)


def main(words: Sequence[str]) -> int:
    """`lab gateway`: exit 1 when anything was lost, stored twice, or not borne."""
    parser = argparse.ArgumentParser(prog="python3 tests lab gateway", description=__doc__.split("\n")[0])
    parser.add_argument("trials", nargs="*", metavar="TRIAL", help=f"{', '.join(TRIALS)}; all where none is named")
    given = parser.parse_args(words)
    names = given.trials or list(TRIALS)
    if unknown := set(names) - set(TRIALS):
        parser.error(f"there is no trial {min(unknown)}")
    try:
        found = _all(names)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 2
    return 1 if any(each.wrong for each in found) else 0


def _all(names: Sequence[str]) -> list[Trial]:
    if "offline" in names:
        # Said before an hour of others has gone by.
        library()
    found = []
    for name in names:
        with tempfile.TemporaryDirectory(prefix="gateway-") as folder:
            found.append(run(name, Path(folder)))
        print(json.dumps(asdict(found[-1])), flush=True)
    return found
