"""`hoploom user enable NAME`: lets a person in again who was disabled."""

import argparse

from hoploom.cli.users import calls

NAME = "enable"
HELP = "let NAME in again, with the password of before"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the verb."""
    calls.add_name(parser)
    calls.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Enable."""
    found = calls.asked(args, "PATCH", calls.of(args), json={"v": 1, "disabled": False})
    return calls.tell(args, found, "enabled", f"{args.user} may sign in again")
