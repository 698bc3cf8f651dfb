"""`hoploom campaign resume CAMPAIGN`: the long form of `hoploom resume CAMPAIGN`."""

import argparse

from hoploom.cli import resume
from hoploom.cli.campaigns import calls

NAME = "resume"
HELP = "go on with a campaign after `pause`"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the verb."""
    calls.add_campaign(parser)
    calls.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Carry it out."""
    calls.of(args)
    return resume.run(args)
