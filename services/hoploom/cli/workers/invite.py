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

NAME = "invite"
HELP = "let a machine elsewhere become the worker NAME: prints a one-time token and the one command for it"
DEFAULT_VALID_H = 24


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
    wish = {"v": 1, "name": args.worker, "place": args.place, "max_rate_pps": args.max_rate,
            "valid_s": round(args.valid_h * 3600), **_degrees(args.at)}
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


def _degrees(text: str) -> dict[str, Any]:
    if not text:
        return {}
    try:
        north, east = (float(each) for each in text.split(","))
    except ValueError:
        raise ConfigError(f"--at is LAT,LON in degrees, such as 61.5,23.75, not {text!r}") from None
    return {"latitude": north, "longitude": east}


def _is_here_alone(url: str) -> bool:
    host = URL(url).host or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
