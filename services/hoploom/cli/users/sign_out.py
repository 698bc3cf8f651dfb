"""`hoploom user sign-out NAME`: ends all sessions of a person, who may sign in again."""

import argparse

from hoploom.cli.users import calls

NAME = "sign-out"
HELP = "end all sessions of NAME, at every manager within 5 seconds"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the verb."""
    calls.add_name(parser)
    calls.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """End them."""
    found = calls.asked(args, "POST", f"{calls.of(args)}/sign-out")
    return calls.tell(args, found, "signed out", f"all sessions of {args.user} end")
