"""`hoploom worker VERB`: workers in other networks, seen by operators and on the worker's own machine."""

import argparse
from typing import Any

from hoploom.cli.workers import invite, join, leave, ls, revoke, rm, run_now, set_rate, show, start

NAME = "worker"
HELP = "invite, ls, show, revoke, rm: workers elsewhere; run, set: any; there: join, start, leave"
# Each is a module with NAME, HELP, add_arguments(parser) and run(args).
_ALL = (invite, ls, show, revoke, rm, run_now, set_rate, join, start, leave)
VERBS: dict[str, Any] = {each.NAME: each for each in _ALL}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """A parser for each verb."""
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, verb in VERBS.items():
        verb.add_arguments(verbs.add_parser(name, help=verb.HELP, description=verb.HELP, allow_abbrev=False))


def run(args: argparse.Namespace) -> int:
    """Carry the verb out."""
    code: int = VERBS[args.verb].run(args)
    return code
