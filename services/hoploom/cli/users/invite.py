"""`hoploom user invite NAME`: a link by which a person chooses a password, once."""

import argparse
import datetime
import json

from hoploom.cli import operator_calls, screen
from hoploom.cli.users import calls
from hoploom.kit.errors import ConfigError
from hoploom.wire.people import Role

NAME = "invite"
HELP = "let NAME sign in, or choose a new password: prints a link that works once"
DEFAULT_VALID_H = 24
_LEAST_VALID_S, _MOST_VALID_S = 60, 30 * 24 * 3600
"""As managers take it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the verb."""
    calls.add_name(parser)
    parser.add_argument(
        "--role", choices=[each.word for each in Role],
        help="what a new person may do (default: viewer); somebody who is known keeps his role",
    )  # fmt: skip
    parser.add_argument(
        "--valid-h", type=float, default=DEFAULT_VALID_H, metavar="H",
        help=f"hours that the link works (default: {DEFAULT_VALID_H})",
    )  # fmt: skip
    calls.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Invite, and print the link: it is nowhere else."""
    wish = {"v": 1, "name": calls.name(args), "valid_s": _valid_s(args.valid_h)}
    wish |= {"role": args.role} if args.role else {}
    found = calls.asked(args, "POST", "/invites", json=wish)
    url = (args.url or next(iter(found.get("urls", ())), "") or operator_calls.address(args)).rstrip("/")
    link = f"{url}/{found['path']}"
    if args.json:
        print(json.dumps({**found, "link": link}))
        return 0
    until = datetime.datetime.fromtimestamp(found["door"]["until_us"] / 1e6, datetime.UTC)
    screen.say("link", link)
    screen.say("for", f"{args.user} ({found['door']['role']}), once, until {until:%Y-%m-%d %H:%M} UTC")
    screen.say("note", "whoever has the link comes in: hand it over in private; it is shown once")
    return 0


def _valid_s(hours: float) -> int:
    # Before it is rounded: what is no number at all cannot be.
    if not _LEAST_VALID_S <= hours * 3600 <= _MOST_VALID_S:
        raise ConfigError(f"--valid-h is hours, from a minute (0.02) to 30 days (720), not {hours:g}")
    return round(hours * 3600)
