"""`hoploom user role NAME ROLE`: what a person may do."""

import argparse

from hoploom.cli.users import calls
from hoploom.wire.people import Role

NAME = "role"
HELP = "set what NAME may do: viewer, operator or admin; NAME has to sign in again"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the verb."""
    calls.add_name(parser)
    parser.add_argument("role", choices=[each.word for each in Role], help="viewers read, operators steer, admins both")
    calls.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Set it."""
    found = calls.asked(args, "PATCH", calls.of(args), json={"v": 1, "role": args.role})
    return calls.tell(args, found, "role", f"{args.user} is {found['user']['role']}")
