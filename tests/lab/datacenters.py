"""Two datacenters that share one campaign, and a link between them that is cut: nothing is lost, nothing probed twice.

    python3 tests lab datacenters --cut 90

Each has its slice. While the link is cut each goes on by itself, may be paused by itself, and says of the other what it
knew; afterwards everything catches up: what people said, what is known of progress, and the data set in dc1.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

import apsw

from hoploom import engines
from lab.acls import Acls
from lab.datacenter import GROUP, HOME, Datacenter, Site
from lab.namespace import in_namespace
from lab.node_links import NodeLinks
from waiting import pause, until

CAMPAIGN, OPTED_OUT = "shared", "127.0.16.0/28"
PARTS = {"dc1": 1, "dc2": 1}


@dataclass(frozen=True)
class Plan:
    """One run.

    Attributes:
        block: What the campaign covers.
        rate_pps: Packets a second of both datacenters.
        cut_s: For how long the link is cut.
        patience_s: How long the mesh may take to catch up afterwards: after a long cut Consul finds its own servers
            again within a minute.
        inputs: Input instances of each datacenter.
        collects: Whether the data set is looked at during the cut too.
        kills: Whether an input instance of each datacenter is killed during the cut; there are two of each then.
    """

    block: str = "127.0.16.0/20"
    rate_pps: int = 600
    cut_s: float = 4.0
    patience_s: float = 60.0
    inputs: int = 1
    collects: bool = False
    kills: bool = False


@dataclass(frozen=True)
class Found:
    """What was seen.

    Attributes:
        pause_s: After how many seconds a pause in dc1 held in dc2.
        pulled_s: After how many seconds a new campaign of dc1 was known in dc2.
        done_cut: Targets done in each datacenter while the link was cut.
        caught_up_s: Seconds after the cut until each knew what the other's people and workers had done meanwhile.
        targets: Targets of the campaign, without those that were opted out meanwhile.
        rows: Rows of the data set.
        addresses: Different addresses among them.
        wrong: What should not be, in words.
    """

    pause_s: float = 0.0
    pulled_s: float = 0.0
    done_cut: tuple[int, int] = (0, 0)
    caught_up_s: float = 0.0
    targets: int = 0
    rows: int = 0
    addresses: int = 0
    wrong: tuple[str, ...] = ()


class Datacenters:
    """Both, while this is entered as a context, in a thread whose namespace is the run's own."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        """Start nothing yet."""
        self.folder, self.plan, self.links = folder, plan, NodeLinks(2)
        self.wrong: list[str] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        made = engines.ensure(["consul", "fabio"], report=_say)
        paths = {name: engine.path for name, engine in made.items()}
        with ExitStack() as stack:
            stack.enter_context(self.links)
            site = Site(paths, self.folder, self.links, Acls(self.folder / "tokens", HOME), self.plan.inputs)
            self.one, self.two = Datacenter(site, 1), Datacenter(site, 2)
            for each in self.both:
                each.boot(stack)
            for each in self.both:
                each.begin(stack)
            until("dc1 knows dc2", lambda: self.one.passing("input", "dc2"), 60)
            until("dc2 knows dc1", lambda: self.two.passing("input", "dc1"), 60)
            until("both are settled", lambda: all(each.settled() for each in self.both), 60)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    @property
    def both(self) -> tuple[Datacenter, Datacenter]:
        """Both of them, the home first."""
        return self.one, self.two

    def require(self, true: object, words: str) -> None:
        """Note what should be and is not."""
        if not true:
            self.wrong.append(words)

    def cut(self, *, is_cut: bool) -> None:
        """Let nothing through between them any more, or everything again."""
        if is_cut:
            self.links.isolate(1)
        else:
            self.links.heal()

    def create(self, name: str, **wishes: object) -> int:
        """Make a campaign in dc1."""
        return self.one.post("/api/v1/campaigns", id=name, allow_private=True, **wishes)


def run(folder: Path, plan: Plan) -> Found:
    """One run, in a namespace of its own.

    Args:
        folder: An empty folder.
        plan: What to do.
    """

    async def body() -> Found:
        with Datacenters(folder, plan) as mesh:
            return _run(mesh)

    return in_namespace(body)


def _run(mesh: Datacenters) -> Found:
    plan, found = mesh.plan, Found()
    mesh.require(mesh.create("first", blocks=["127.0.0.0/30"], slices=PARTS) == 201, "a campaign was not made")
    found = replace(found, pulled_s=_seconds("the first campaign in dc2", lambda: mesh.two.campaign("first")))
    mesh.one.post("/api/v1/overlay/pause", paused=True)
    found = replace(found, pause_s=_seconds("the pause in dc2", lambda: mesh.two.overlay()["paused"]))
    mesh.one.post("/api/v1/overlay/pause", paused=False)
    mesh.create(CAMPAIGN, blocks=[plan.block], rate_pps=plan.rate_pps, slices=PARTS)
    until("both work", lambda: all(each.done(CAMPAIGN) for each in mesh.both), 60)
    until("dc1 knows how far dc2 is", lambda: not _part(mesh.one, "dc2")["away"], 30)
    found = replace(found, done_cut=_while_cut(mesh))
    began_s = time.monotonic()
    mesh.cut(is_cut=False)
    until("they have caught up", lambda: _caught_up(mesh), plan.patience_s)
    found = replace(found, caught_up_s=time.monotonic() - began_s)
    until("all is finished", lambda: mesh.one.campaign(CAMPAIGN).get("finished"), 120)
    return _counted(mesh, found)


def _while_cut(mesh: Datacenters) -> tuple[int, int]:
    """What goes on while neither hears the other."""
    mesh.cut(is_cut=True)
    before = [each.done(CAMPAIGN) for each in mesh.both]
    began_s = time.monotonic()
    mesh.require(mesh.create("later", blocks=["127.0.0.0/30"], slices=PARTS) == 201, "dc1 made no campaign while cut")
    mesh.require(mesh.two.post("/api/v1/overlay/opt-outs", block=OPTED_OUT) == 200, "dc2 took no opt-out while cut")
    until("dc1 says that dc2 is away", lambda: _part(mesh.one, "dc2")["away"], 30)
    mesh.require(_part(mesh.one, "dc2")["as_of_us"], "dc1 does not say when it heard of dc2 last")
    if mesh.plan.kills:
        for each in mesh.both:
            each.services[0].stop(kill=True)
    if mesh.plan.collects:
        away = mesh.one.collect(mesh.folder / "set")["away"]
        mesh.require("dc2" in away, "the collector does not say that dc2 is away")
    mesh.two.post("/api/v1/overlay/pause", paused=True)
    mesh.require(mesh.two.overlay()["paused"], "dc2 cannot be paused while cut")
    mesh.require(not mesh.one.overlay()["paused"], "the pause of dc2 holds in dc1")
    mesh.two.post("/api/v1/overlay/pause", paused=False)
    pause(mesh.plan.cut_s - (time.monotonic() - began_s))
    one, two = (each.done(CAMPAIGN) - known for each, known in zip(mesh.both, before, strict=True))
    mesh.require(one and two, f"not both went on while cut: {one} and {two} targets")
    mesh.require(not mesh.two.campaign("later"), "the link was not cut")
    return one, two


def _caught_up(mesh: Datacenters) -> bool:
    return bool(mesh.two.campaign("later")) and not any(
        _part(here, there.name)["away"] for here, there in (mesh.both, mesh.both[::-1])
    )


def _counted(mesh: Datacenters, found: Found) -> Found:
    """Compare the data set with what was to be probed."""
    said = mesh.one.collect(mesh.folder / "set")
    mesh.require(not said["away"], f"the collector does not reach {said['away']} after the cut")
    campaign = mesh.one.campaign(CAMPAIGN)
    group, targets = campaign["groups"][GROUP], campaign["campaign"]["targets"]
    mesh.require(group["done"] == targets, f"{group['done']} of {targets} targets are done")
    sql = """SELECT count(*), count(DISTINCT address), count(DISTINCT store)
             FROM ping_results JOIN batches USING (batch_key) WHERE campaign = ?"""
    with apsw.Connection(str(mesh.folder / "set" / "merged.db"), flags=apsw.SQLITE_OPEN_READONLY) as merged:
        [(rows, addresses, stores)] = merged.execute(sql, (CAMPAIGN,))
    mesh.require(rows == addresses, f"{rows - addresses} targets were probed twice")
    # Those of the opt-out that dc2 had not probed by then were left out there.
    mesh.require(targets - 16 <= addresses <= targets, f"{targets - addresses} targets were not probed")
    mesh.require(stores == len(mesh.both), f"results of {stores} datacenters are in the data set")
    return replace(found, targets=targets, rows=rows, addresses=addresses, wrong=tuple(mesh.wrong))


def _part(at: Datacenter, dc: str) -> dict[str, object]:
    """What a datacenter says of another's slice."""
    known: dict[str, object] = at.campaign(CAMPAIGN).get("datacenters", {}).get(dc, {"away": "nothing is known"})
    return known


def _seconds(what: str, true: Callable[[], object]) -> float:
    began_s = time.monotonic()
    until(what, true, 30, 0.02)
    return time.monotonic() - began_s


def main(words: Sequence[str]) -> int:
    """`lab datacenters`: exit 1 when anything was lost, probed twice, or did not catch up."""
    parser = argparse.ArgumentParser(prog="python3 tests lab datacenters", description=__doc__.split("\n")[0])
    parser.add_argument("--cut", type=float, default=90.0, metavar="SECONDS")
    parser.add_argument("--kill", action="store_true", help="kill an input instance of each datacenter meanwhile")
    given = parser.parse_args(words)
    # Enough work for the time of the cut, in each of them.
    block, rate_pps = "127.0.16.0/20", int(4096 * 2 / (given.cut * 3) * 1.5) + 2
    plan = Plan(block, rate_pps, given.cut, 180.0, 2, collects=True, kills=given.kill)
    with tempfile.TemporaryDirectory(prefix="datacenters-") as folder:
        found = run(Path(folder), plan)
    print(json.dumps(asdict(found)))
    return 1 if found.wrong else 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
