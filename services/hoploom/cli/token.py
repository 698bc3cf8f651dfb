"""`hoploom token VERB`: people's tokens for their programs."""

import argparse
import asyncio
import datetime
import json
from typing import Any
from urllib.parse import quote

from rich.table import Table
from rich.text import Text

from hoploom.cli import operator_calls, screen

NAME = "token"
HELP = "new, ls, rm: tokens by which people's programs read and steer the mesh"
ROUTE = "/api/v1/tokens"
_ROLES = ("viewer", "operator", "admin")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """A parser for each verb."""
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    new = verbs.add_parser("new", help="make a token; it is shown once", allow_abbrev=False)
    new.add_argument("name", metavar="NAME", help="what it is for, such as `nightly report`")
    new.add_argument("--user", required=True, metavar="USER", help="whose it is")
    new.add_argument("--role", default="", choices=_ROLES, help="what it may do (default: what its owner may)")
    new.add_argument("--days", type=int, default=90, metavar="N", help="how long it is good (default: 90)")
    listed = verbs.add_parser("ls", help="list the tokens of all people", allow_abbrev=False)
    gone = verbs.add_parser("rm", help="take a token back", allow_abbrev=False)
    gone.add_argument("id", metavar="ID", help="as `hoploom token ls` shows it")
    for each in (new, listed, gone):
        operator_calls.add_arguments(each)


def run(args: argparse.Namespace) -> int:
    """Carry the verb out."""
    verbs = {"new": _new, "ls": _ls, "rm": _rm}
    return verbs[args.verb](args)


def _new(args: argparse.Namespace) -> int:
    wish = {"v": 1, "name": args.name, "user": args.user, "role": args.role, "days": args.days}
    found = _asked(args, "POST", ROUTE, json=wish)
    if args.json:
        print(json.dumps(found))
        return 0
    until = _day(found["until_us"])
    screen.say_aside("token", f"of {found['user']} ({found['role']}), good until {until}; it is shown this once")
    print(found["token"])
    return 0


def _ls(args: argparse.Namespace) -> int:
    found = _asked(args, "GET", ROUTE)
    if args.json:
        print(json.dumps(found))
        return 0
    if not found["tokens"]:
        screen.say("tokens", "there are none: `hoploom token new NAME --user USER` makes one")
        return 0
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("ID", "USER", "ROLE", "UNTIL", "NAME"):
        table.add_column(column, overflow="fold")
    for each in found["tokens"]:
        # As text, not as markup: names are anybody's words.
        table.add_row(*map(Text, (each["id"], each["user"], each["role"], _day(each["until_us"]), each["name"])))
    screen.out.print(table)
    return 0


def _rm(args: argparse.Namespace) -> int:
    found = _asked(args, "DELETE", f"{ROUTE}/{quote(args.id, safe='')}")
    if args.json:
        print(json.dumps(found))
    else:
        screen.say("removed", f"{found['name']} of {found['user']} is good nowhere any more")
    return 0


def _asked(args: argparse.Namespace, method: str, path: str, **options: Any) -> dict[str, Any]:
    return asyncio.run(operator_calls.asked(args, method, path, **options))


def _day(at_us: int) -> str:
    return f"{datetime.datetime.fromtimestamp(at_us / 1e6, datetime.UTC):%Y-%m-%d}"
