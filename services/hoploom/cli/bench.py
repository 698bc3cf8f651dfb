"""`hoploom bench NAME`: runs a bench of the checkout and prints its figures; exit 1 when a bound is missed.

A bench is a module tests/bench/NAME.py with `measure() -> list[Figure]`; one that repeats its trials often takes
`measure(scale)`, the part of the full number of trials to run. A figure stands beside an anchor that ran on the same
machine in the same minute, so that a slow machine slows both.
"""

import argparse
import importlib.util
import inspect
import json
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.table import Table

from hoploom import __version__
from hoploom.cli import screen
from hoploom.kit.deploy import deploy_root
from hoploom.kit.errors import ConfigError

NAME = "bench"
HELP = "run a bench (up, drain, ...) and print its figures against their bounds"


@dataclass(frozen=True)
class Figure:
    """One measured number.

    Attributes:
        name: What was measured.
        value: The number.
        unit: Its unit.
        anchor: What it is compared with; empty for nothing.
        anchor_value: The anchor's number, measured in the same run.
        ratio: value / anchor_value; None without an anchor.
        bound: The bound in words, such as "<= 30 s".
        ok: Whether the bound is kept.
        raw: The single measurements behind it, in the order in which they were made.
    """

    name: str
    value: float
    unit: str
    anchor: str
    anchor_value: float | None
    ratio: float | None
    bound: str
    ok: bool
    raw: tuple[float, ...] = ()


def at_most(name: str, value: float, unit: str, bound: float, anchor: tuple[str, float] | None = None) -> Figure:
    """A figure that must not be larger than its bound."""
    # NumPy's numbers and truths are no JSON.
    value, bound = float(value), float(bound)
    anchor = (anchor[0], float(anchor[1])) if anchor else None
    ratio = round(value / anchor[1], 3) if anchor and anchor[1] else None
    label, anchor_value = anchor or ("", None)
    return Figure(name, round(value, 4), unit, label, anchor_value, ratio, f"<= {bound:g} {unit}", value <= bound)


def at_least(name: str, value: float, unit: str, bound: float, anchor: tuple[str, float] | None = None) -> Figure:
    """A figure that must not be smaller than its bound."""
    found = at_most(name, value, unit, bound, anchor)
    return replace(found, bound=f">= {bound:g} {unit}", ok=float(value) >= float(bound))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("bench", metavar="NAME", help="name of a bench in tests/bench; `list` names them")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    parser.add_argument(
        "--scale", type=float, default=1.0, metavar="PART", help="part of the full number of trials, such as 0.1"
    )


def run(args: argparse.Namespace) -> int:
    """Run one bench."""
    found = _benches()
    if args.bench == "list":
        print("\n".join(sorted(found)))
        return 0
    if args.bench not in found:
        raise ConfigError(f"there is no bench {args.bench!r} (there are: {', '.join(sorted(found)) or 'none here'})")
    figures = _measure(found[args.bench], args.scale)
    if args.json:
        print(json.dumps({"bench": args.bench, "machine": machine(), "figures": [asdict(each) for each in figures]}))
    else:
        _show(figures)
    return 0 if all(each.ok for each in figures) else 1


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "python": platform.python_version(),
        "hoploom": __version__,
    }


def _benches() -> dict[str, Path]:
    folder = deploy_root() / "tests" / "bench"
    return {path.stem.replace("_", "-"): path for path in folder.glob("*.py")} if folder.is_dir() else {}


def _measure(path: Path, scale: float) -> list[Figure]:
    # Benches use the tests' own pieces (the load, the command).
    sys.path.insert(0, str(path.parents[1]))
    spec = importlib.util.spec_from_file_location(f"bench_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path} cannot be read as a bench")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    measure: Callable[..., list[Figure]] = module.measure
    return measure(scale) if inspect.signature(measure).parameters else measure()


def _show(figures: list[Figure]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("FIGURE", "VALUE", "ANCHOR", "RATIO", "BOUND", ""):
        table.add_column(column)
    for each in figures:
        anchor = f"{each.anchor} {each.anchor_value:g}" if each.anchor and each.anchor_value is not None else ""
        ratio = f"{each.ratio:g}" if each.ratio is not None else ""
        verdict = "[green]ok[/]" if each.ok else "[red]missed[/]"
        table.add_row(each.name, f"{each.value:g} {each.unit}", anchor, ratio, each.bound, verdict)
    screen.out.print(table)
