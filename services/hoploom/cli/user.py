"""`hoploom user VERB`: the people who may sign in to the pages, and what they may do."""

import argparse
from typing import Any

from hoploom.cli.users import disable, enable, invite, ls, rm, role, sign_out

NAME = "user"
HELP = "ls, invite, role, disable, enable, sign-out, rm: people who may sign in to the pages"
# Each is a module with NAME, HELP, add_arguments(parser) and run(args).
_ALL = (ls, invite, role, disable, enable, sign_out, rm)
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
