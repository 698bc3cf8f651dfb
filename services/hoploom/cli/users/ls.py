"""`hoploom user ls`: everybody who may sign in, and who is invited."""

import argparse
import datetime
import json

from rich.table import Table
from rich.text import Text

from hoploom.cli import screen
from hoploom.cli.users import calls

NAME = "ls"
HELP = "list the people who may sign in, and the open invitations"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the verb."""
    calls.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """List them."""
    found = calls.asked(args, "GET")
    if args.json:
        print(json.dumps(found))
        return 0
    if not found["users"] and not found["invites"]:
        screen.say("users", "nobody may sign in yet: `hoploom user invite NAME --role admin` invites the first admin")
        return 0
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("USER", "ROLE", "STATE", "SINCE", "NOTE"):
        table.add_column(column, overflow="fold")
    for each in found["users"]:
        state = "disabled" if each["disabled"] else "active"
        note = "" if each["password"] else "no password: comes in by links alone"
        table.add_row(*map(Text, (each["name"], each["role"], state, _moment(each["since_us"]), note)))
    for each in found["invites"]:
        what = "may choose a password" if each["for"] == "password" else "is being signed in"
        note = f"{what} until {_moment(each['until_us'])} UTC"
        table.add_row(*map(Text, (each["user"], each["role"], "invited", _moment(each["made_us"]), note)))
    screen.out.print(table)
    return 0


def _moment(at_us: int) -> str:
    return f"{datetime.datetime.fromtimestamp(at_us / 1e6, datetime.UTC):%Y-%m-%d %H:%M}"
