"""`hoploom worker run NAME`: has a worker look for work now, whatever it rests for."""

import argparse
import json

from hoploom.cli import screen
from hoploom.cli.workers import calls, commanded

NAME = "run"
HELP = "have a worker, or --all, look for work now"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the verb."""
    commanded.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Tell it."""
    found = calls.asked(args, "POST", commanded.path(args, "run"))
    if args.json:
        print(json.dumps(found))
    else:
        screen.say("told", f"{commanded.whom(args)}: look for work now")
    return 0
