"""What the verbs that command workers share: whom they are for."""

import argparse

from hoploom.cli.workers import calls
from hoploom.kit.errors import ConfigError
from hoploom.wire.commands import EVERYBODY


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One worker, or all."""
    parser.add_argument("worker", metavar="NAME", nargs="?", default="", help="the worker's name")
    parser.add_argument("--all", action="store_true", help="all workers")
    calls.add_arguments(parser)


def path(args: argparse.Namespace, verb: str) -> str:
    """What follows `/api/v1/workers`; raises ConfigError where nobody is named, or everybody besides somebody."""
    if bool(args.worker) == args.all:
        raise ConfigError("name one worker, or say --all")
    if args.worker == EVERYBODY:
        raise ConfigError(f"a worker called {EVERYBODY} cannot be told anything alone: say --all for all of them")
    args.worker = args.worker or EVERYBODY
    return f"{calls.of(args)}/{verb}"


def whom(args: argparse.Namespace) -> str:
    """For people."""
    return "all workers" if args.all else str(args.worker)
