"""`hoploom user disable NAME`: keeps a person out, and ends all sessions within seconds."""

import argparse

from hoploom.cli.users import calls

NAME = "disable"
HELP = "keep NAME out, at every manager within 5 seconds; `enable` lets NAME in again"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the verb."""
    calls.add_name(parser)
    calls.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Disable."""
    found = calls.asked(args, "PATCH", calls.of(args), json={"v": 1, "disabled": True})
    return calls.tell(args, found, "disabled", f"{args.user} cannot sign in, and all sessions end")
