"""`hoploom worker invite NAME`: a one-time token, and the one command for the worker's machine."""

import argparse
import datetime
import ipaddress
import json
from typing import Any

from yarl import URL

from hoploom.cli import operator_calls, screen
from hoploom.cli.workers import calls
from hoploom.kit.errors import ConfigError
from hoploom.wire.enrolment import WORKER_NAME

NAME = "invite"
HELP = "let a machine elsewhere become the worker NAME: prints a one-time token and the one command for it"
DEFAULT_VALID_H = 24
_LEAST_VALID_S, _MOST_VALID_S = 60, 30 * 24 * 3600
"""As managers take it."""
_POLE, _DATE_LINE = 90, 180


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the verb."""
    parser.add_argument("worker", metavar="NAME", help="lower-case letters, digits and dashes, such as pi-attic")
    parser.add_argument("--place", default="", metavar="TEXT", help='where it stands, for people: "Tampere, FI"')
    parser.add_argument("--at", default="", metavar="LAT,LON", help="the same in degrees, such as 61.5,23.75")
    parser.add_argument("--max-rate", type=int, default=0, metavar="PPS", help="packets a second at most (0: any)")
    parser.add_argument(
        "--valid-h", type=float, default=DEFAULT_VALID_H, metavar="H",
        help=f"hours that the token works (default: {DEFAULT_VALID_H})",
    )  # fmt: skip
    calls.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Invite, and say what to do there."""
    wish = {"v": 1, "name": _name(args.worker), "place": args.place, "max_rate_pps": args.max_rate,
            "valid_s": _valid_s(args.valid_h), **_degrees(args.at)}
    found = calls.asked(args, "POST", "/invites", json=wish)
    url = (args.url or next(iter(found.get("urls", ())), "") or operator_calls.address(args)).rstrip("/")
    command = f"curl -fsS {url}/join | sudo sh"
    if args.json:
        print(json.dumps({**found, "url": url, "command": command}))
        return 0
    until = datetime.datetime.fromtimestamp(found["invite"]["until_us"] / 1e6, datetime.UTC)
    screen.say("there", f"{command}     (once, until {until:%Y-%m-%d %H:%M} UTC; read it first with `| less`)")
    screen.say("token", f"{found['token']}, typed when asked")
    screen.say("no root", f"hoploom worker join {url}, and then hoploom worker start")
    if _is_here_alone(url):
        screen.say("note", "that address is this machine's alone: name one that the worker reaches with --url")
    return 0


def _name(text: str) -> str:
    if not WORKER_NAME.fullmatch(text):
        raise ConfigError("the name of a worker is 1 to 63 lower-case letters, digits and dashes, such as pi-attic, "
                          f"not {text[:100]!r}")  # fmt: skip
    return text


def _valid_s(hours: float) -> int:
    # Before it is rounded: what is no number at all cannot be.
    if not _LEAST_VALID_S <= hours * 3600 <= _MOST_VALID_S:
        raise ConfigError(f"--valid-h is hours, from a minute (0.02) to 30 days (720), not {hours:g}")
    return round(hours * 3600)


def _degrees(text: str) -> dict[str, Any]:
    if not text:
        return {}
    try:
        north, east = (float(each) for each in text.split(","))
    except ValueError:
        raise ConfigError(f"--at is LAT,LON in degrees, such as 61.5,23.75, not {text!r}") from None
    if not (abs(north) <= _POLE and abs(east) <= _DATE_LINE):
        raise ConfigError(f"--at is -90 to 90 degrees north and -180 to 180 east, as LAT,LON, not {text!r}")
    return {"latitude": north, "longitude": east}


def _is_here_alone(url: str) -> bool:
    host = URL(url).host or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
