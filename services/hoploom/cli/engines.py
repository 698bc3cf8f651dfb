"""`hoploom engines`: which Consul, Nomad and Fabio were found where; `--ensure` makes what is missing."""

import argparse
import json

from rich.table import Table

from hoploom import engines
from hoploom.cli import screen

NAME = "engines"
HELP = "list the engines found (Consul, Nomad, Fabio); --ensure downloads or builds what is missing"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("--ensure", action="store_true", help="download or build what is missing, with progress")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    parser.add_argument("--engines", type=int, choices=[1, 2], default=1, help="2: the 2.0 series of Consul and Nomad")


def run(args: argparse.Namespace) -> int:
    """List them; exit 1 when one is missing."""
    if args.ensure:
        say = screen.say_aside if args.json else screen.say
        engines.ensure(engines.NAMES, report=lambda line: say("engine", line), series=args.engines)
    found = engines.found(series=args.engines)
    if args.json:
        print(json.dumps([_row(each) for each in found]))
    elif not args.ensure:
        _show(found)
    return 0 if all(each.engine for each in found) else 1


def _row(each: engines.Finding) -> dict[str, object]:
    engine = each.engine
    return {
        "name": each.name,
        "wanted": each.wanted,
        "version": engine.version if engine else None,
        "way": engine.way if engine else None,
        "path": str(engine.path) if engine else None,
        "passed_over": list(each.passed_over),
    }


def _show(found: list[engines.Finding]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("ENGINE", "VERSION", "FROM", "WHERE"):
        table.add_column(column)
    for each in found:
        if each.engine:
            table.add_row(each.name, each.engine.version, each.engine.way, str(each.engine.path))
        else:
            table.add_row(each.name, each.wanted, "missing", "`hoploom engines --ensure` downloads or builds it")
    screen.out.print(table)
    for each in found:
        for reason in each.passed_over:
            screen.say("passed", f"{each.name}: {reason}")
