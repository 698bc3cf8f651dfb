"""The picture of a rolling restart under load: a service on the kit, beside the same one registered by hand.

Both stand behind one real Fabio and Consul, are asked as often in the same seconds, and are restarted alike: a new
instance, and when Fabio lists it the old one is told to stop.
"""

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from engine_processes import Child, ConsulAgent, FabioRouter, free_ports
from hoploom import engines
from lab import drawing
from load import Load
from waiting import pause, until

TESTS = Path(__file__).resolve().parents[1]
PER_S = 80.0
INSTANCES = 3
_REST_S, _BIN_S = 3.0, 0.25
_WIDTH, _LEFT, _RIGHT, _PANEL, _PLOT = 900, 62, 880, 190, 120
_NOTES = (
    "Blue or grey: answered, red: failed, in quarters of a second by when they were sent. One run; two shared cores.",
    "A dip with a leap after it, in both alike, is the sender's own delay: it catches up with what it owes.",
)


@dataclass
class Rolled:
    """A service, and what came of the load.

    Attributes:
        name: As Fabio knows it; also the path that it is asked at.
        words: What it is, for people.
        command: What starts an instance, but for its port.
        outcomes: (seconds since the start of the load, whether it was answered well) of each request.
        stops_s: When an instance was told to stop.
    """

    name: str
    words: str
    command: Sequence[str]
    outcomes: list[tuple[float, bool]] = field(default_factory=list)
    stops_s: list[float] = field(default_factory=list)


class _Running:
    def __init__(self, what: Rolled, fabio: FabioRouter, folder: Path) -> None:
        self.what, self._fabio, self._folder = what, fabio, folder
        self.children: dict[int, Child] = {}

    def start(self) -> None:
        [port] = free_ports(1)
        command = [each.format(port=port) for each in self.what.command]
        self.children[port] = Child(command, self._folder / f"{self.what.name}-{port}.log")
        self.children[port].start()
        until(f"{self.what.name} is listed", lambda: f"127.0.0.1:{port}" in self._fabio.targets(self.what.name), 30)

    def stop_oldest(self) -> None:
        self.children.pop(next(iter(self.children))).stop()

    def stop_all(self) -> None:
        for each in self.children.values():
            each.stop()


def make(file: Path) -> None:
    """Restart both under load, and draw."""
    paths = {name: each.path for name, each in engines.ensure(["consul", "fabio"], report=lambda line: None).items()}
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        consul = ConsulAgent(paths["consul"], folder / "consul")
        stack.callback(consul.stop)
        consul.start()
        fabio = FabioRouter(paths["fabio"], folder / "fabio", "fabio", consul)
        stack.callback(fabio.stop)
        fabio.start()
        file.write_text(drawn(_rolled(_services(consul.url), fabio, folder)), encoding="utf-8")


def _services(consul: str) -> list[Rolled]:
    kit = [sys.executable, str(TESTS / "orders_service.py"), "--port", "{port}", "--consul-addr", consul]
    plain = [sys.executable, str(TESTS / "plain_orders.py"), "{port}", consul]
    return [
        Rolled("orders", "on the kit: leaves Fabio's table first, then stops", kit),
        Rolled("plain", "registered by hand: deregisters, finishes what is in flight, stops", plain),
    ]


def _rolled(services: list[Rolled], fabio: FabioRouter, folder: Path) -> list[Rolled]:
    running = [_Running(each, fabio, folder) for each in services]
    with ExitStack() as stack:
        for each in running:
            stack.callback(each.stop_all)
            for _ in range(INSTANCES):
                each.start()
        began = time.monotonic()
        loads = [stack.enter_context(Load(_requests(fabio, each.name), PER_S)) for each in services]
        for each in running * INSTANCES:
            pause(_REST_S)
            each.start()
            each.what.stops_s.append(time.monotonic() - began)
            each.stop_oldest()
        pause(_REST_S)
    for service, load in zip(services, loads, strict=True):
        service.outcomes = [(at_s - began, good) for at_s, good in load.result.outcomes]
    return services


def _requests(fabio: FabioRouter, name: str) -> list[tuple[str, str, dict[str, object]]]:
    return [("GET", f"{fabio.url}/{name}", {}), ("POST", f"{fabio.url}/{name}", {"data": b"x" * 100})]


def drawn(services: Sequence[Rolled]) -> str:
    """The picture: requests a second of each, those that failed in red, and when an instance was told to stop."""
    end_s = max(at_s for each in services for at_s, _ in each.outcomes)
    parts = [
        drawing.words(20, 32, "A rolling restart under load", "head"),
        drawing.words(20, 54, f"{INSTANCES} instances of each behind one Fabio, {PER_S:g} requests a second to each; "
                              "dashed: an old instance is told to stop", "note"),
    ]  # fmt: skip
    for row, each in enumerate(services):
        parts += _panel(each, 78 + row * _PANEL, end_s)
    y = 78 + len(services) * _PANEL + 12
    parts += [drawing.words(20, y + 18 * number, each, "note") for number, each in enumerate(_NOTES)]
    return drawing.picture(_WIDTH, y + 38, "A rolling restart: " + "; ".join(map(_told, services)), parts)


def _told(each: Rolled) -> str:
    failed = sum(not good for _, good in each.outcomes)
    return f"{each.words}: {failed:,} of {len(each.outcomes):,} requests failed"


def _panel(each: Rolled, top: float, end_s: float) -> list[str]:
    foot, across = top + 20 + _PLOT, (_RIGHT - _LEFT) / end_s
    good, bad = (Counter(int(at_s / _BIN_S) for at_s, was in each.outcomes if was == is_good)
                 for is_good in (True, False))  # fmt: skip
    most = max((good + bad).values())
    up, width = _PLOT / most, across * _BIN_S
    parts = [drawing.words(_LEFT, top + 8, _told(each))]
    for at in sorted(good + bad):
        height, failed = good[at] * up, bad[at] * up
        style = "good" if each.name == "orders" else "other"
        parts.append(drawing.box(_LEFT + at * width, foot - height, width - 0.6, height, style))
        if failed:
            parts.append(drawing.box(_LEFT + at * width, foot - height - failed, width - 0.6, failed, "bad"))
    parts += [drawing.line([(_LEFT + at_s * across, foot), (_LEFT + at_s * across, top + 16)], "mark")
              for at_s in each.stops_s]  # fmt: skip
    parts += [drawing.words(_LEFT + at_s * across, foot + 17, f"{at_s} s", "note mid")
              for at_s in range(0, int(end_s) + 1, 5)]  # fmt: skip
    parts.append(drawing.line([(_LEFT, top + 20), (_LEFT, foot), (_RIGHT, foot)], "axis"))
    parts += [drawing.words(_LEFT - 8, foot - share * _PLOT + 4, f"{share * most / _BIN_S:.0f}/s", "note end")
              for share in (0, 1)]  # fmt: skip
    return parts
