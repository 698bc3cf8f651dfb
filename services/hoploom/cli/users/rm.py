"""`hoploom user rm NAME`: forgets a person, or takes an invitation back."""

import argparse

from hoploom.cli.users import calls

NAME = "rm"
HELP = "forget NAME, or take the invitation back; all sessions end"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the verb."""
    calls.add_name(parser)
    calls.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Forget."""
    found = calls.asked(args, "DELETE", calls.of(args))
    return calls.tell(args, found, "forgotten", f"{args.user} is no user any more, and not invited")
