"""`hoploom campaign VERB`: campaigns, seen and steered by operators."""

import argparse
from typing import Any

from hoploom.cli.campaigns import ls, pause, resume, show, stop

NAME = "campaign"
HELP = "ls, show, pause, resume, stop: campaigns and how far they are"
# Each is a module with NAME, HELP, add_arguments(parser) and run(args).
VERBS: dict[str, Any] = {each.NAME: each for each in (ls, show, pause, resume, stop)}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """A parser for each verb."""
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, verb in VERBS.items():
        verb.add_arguments(verbs.add_parser(name, help=verb.HELP, description=verb.HELP, allow_abbrev=False))


def run(args: argparse.Namespace) -> int:
    """Carry the verb out."""
    code: int = VERBS[args.verb].run(args)
    return code
