"""`hoploom worker rm NAME`: forgets a worker, or takes an invitation back."""

import argparse
import json

from hoploom.cli import screen
from hoploom.cli.workers import calls

NAME = "rm"
HELP = "forget a worker elsewhere, or take its invitation back; to join again it needs a new token"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the verb."""
    calls.add_name(parser)
    calls.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Forget it."""
    found = calls.asked(args, "DELETE", calls.of(args))
    if args.json:
        print(json.dumps(found))
        return 0
    screen.say("forgotten", f"{args.worker}: nothing is kept of it but its number and the results that carry it")
    return 0
