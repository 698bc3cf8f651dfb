"""`hoploom doctor`: what this host allows a prober to do, and the one line that would allow more."""

import argparse
import json
from dataclasses import asdict

from hoploom.cli import screen
from hoploom.doctor import reading
from hoploom.doctor.facts import BETTER, OK, STOPS, Finding
from hoploom.doctor.judging import can_probe, judge

NAME = "doctor"
HELP = "what this host allows a prober to do, and the one line that would allow more (exit 0: it can probe)"
_MARKS = {OK: "[green]ok[/]    ", BETTER: "[yellow]better[/]", STOPS: "[red]stops[/] "}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("--json", action="store_true", help="one JSON document, with the facts, instead of the list")


def run(args: argparse.Namespace) -> int:
    """Look and tell; exit 1 when nothing but loopback can be probed."""
    facts = reading.read()
    findings = judge(facts)
    good = can_probe(findings)
    if args.json:
        document = {"can_probe": good, "findings": [asdict(each) for each in findings], "facts": asdict(facts)}
        print(json.dumps(document, indent=2))
    else:
        for each in findings:
            _show(each)
    return 0 if good else 1


def _show(finding: Finding) -> None:
    screen.out.print(f"{_MARKS[finding.verdict]}  [bold]{finding.name:<17}[/bold]", end="")
    screen.out.print(finding.sentence, markup=False)
    for line in filter(None, (finding.line, finding.lasting)):
        screen.out.print(f"{'':<25}-> {line}", markup=False)
