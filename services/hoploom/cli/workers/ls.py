"""`hoploom worker ls`: the workers elsewhere, and the invitations that are open."""

import argparse
import datetime
import json
from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from hoploom.cli import screen
from hoploom.cli.workers import calls, standing

NAME = "ls"
HELP = "list the workers elsewhere and the open invitations"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the verb."""
    calls.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """List them."""
    found = calls.asked(args, "GET")
    if args.json:
        print(json.dumps(found))
        return 0
    if not found["workers"] and not found["invites"]:
        screen.say("workers", "no worker elsewhere has joined, and none is invited: `hoploom worker invite NAME` does")
        return 0
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("WORKER", "NUMBER", "STATE", "HEARD", "RATE", "PLACE", "NOTE"):
        table.add_column(column, overflow="fold")
    for each in found["workers"]:
        state, heard, note = standing.word(each), standing.heard(each), standing.note(each)[:100]
        _add(table, each, str(each["number"]), state, heard, note)
    for each in found["invites"]:
        until = datetime.datetime.fromtimestamp(each["until_us"] / 1e6, datetime.UTC)
        _add(table, each, "-", standing.INVITED, "-", f"until {until:%Y-%m-%d %H:%M} UTC")
    screen.out.print(table)
    return 0


def _add(table: Table, each: Mapping[str, Any], *words: str) -> None:
    number, state, heard, note = words
    rate = f"{each['max_rate_pps']:,}" if each["max_rate_pps"] else "any"
    # As text, not as markup: places and notes are anybody's words.
    table.add_row(*map(Text, (each["name"], number, state, heard, rate, each["place"], note)))
