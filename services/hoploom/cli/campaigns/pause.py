"""`hoploom campaign pause CAMPAIGN`: the long form of `hoploom pause CAMPAIGN`."""

import argparse

from hoploom.cli import pause
from hoploom.cli.campaigns import calls

NAME = "pause"
HELP = "stop probing a campaign at every worker within 5 seconds, until it is resumed"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the verb."""
    calls.add_campaign(parser)
    calls.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Carry it out."""
    calls.of(args)
    return pause.run(args)
