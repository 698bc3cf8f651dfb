"""`hoploom worker set NAME rate=N`: sets how fast a worker may send."""

import argparse
import json

from hoploom.cli import screen
from hoploom.cli.workers import calls, commanded
from hoploom.kit.errors import ConfigError
from hoploom.wire.campaign_request import MAX_RATE_PPS

NAME = "set"
HELP = "set how fast a worker, or each of --all, may send: rate=N packets a second; rate=0 takes that back"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the verb."""
    commanded.add_arguments(parser)
    parser.add_argument("setting", metavar="rate=N", help="packets a second; its owner's own limit holds all the same")


def run(args: argparse.Namespace) -> int:
    """Set it."""
    rate_pps = _rate_pps(args.setting)
    found = calls.asked(args, "POST", commanded.path(args, "settings"), json={"v": 1, "rate_pps": rate_pps})
    if args.json:
        print(json.dumps(found))
    else:
        what = f"at most {rate_pps:,} packets a second" if rate_pps else "as fast as its owner and campaigns allow"
        screen.say("set", f"{commanded.whom(args)}: {what}")
    return 0


def _rate_pps(setting: str) -> int:
    name, _, value = setting.partition("=")
    if name != "rate" or not value.isdecimal() or int(value) > MAX_RATE_PPS:
        raise ConfigError(f"{setting!r} is nothing to set: say NAME rate=N (or --all rate=N), packets a second, "
                          f"at most {MAX_RATE_PPS:,}")  # fmt: skip
    return int(value)
