"""`hoploom worker start`: works in the foreground, for machines where nothing is installed as a service."""

import argparse
import os
import sys

from hoploom.cli.workers import own

NAME = "start"
HELP = "on a worker's machine that joined: probe, in the foreground, until stopped by Ctrl-C"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the verb."""
    own.add_arguments(parser)
    parser.add_argument("--config", default="", metavar="FILE", help="the owner's file (`hoploom settings ping`)")


def run(args: argparse.Namespace) -> int:
    """Become the worker's process."""
    command = [sys.executable, "-m", "hoploom.ping_service", "--mesh-url", own.enrolment(args).mesh_url]
    for name in ("identity_dir", "mesh_ca_file", "config"):
        if getattr(args, name):
            command += [f"--{name.replace('_', '-')}", getattr(args, name)]
    sys.stdout.flush()
    os.execv(command[0], command)
