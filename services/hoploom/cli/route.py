"""`hoploom route VERB`: what Fabio makes of tags and overrides, for a mesh of this machine or any Consul and Fabio."""

import argparse
from typing import Any

from hoploom.cli.routes import audit, lint, show, weight

NAME = "route"
HELP = "audit, show, weight, lint: what is wrong with routes, what Fabio makes of tags, and shares; ours or anybody's"
# Each is a module with NAME, HELP, add_arguments(parser) and run(args).
VERBS: dict[str, Any] = {each.NAME: each for each in (audit, show, weight, lint)}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """A parser for each verb."""
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, verb in VERBS.items():
        verb.add_arguments(verbs.add_parser(name, help=verb.HELP, description=verb.HELP, allow_abbrev=False))


def run(args: argparse.Namespace) -> int:
    """Carry the verb out."""
    code: int = VERBS[args.verb].run(args)
    return code
