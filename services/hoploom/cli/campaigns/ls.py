"""`hoploom campaign ls`: all campaigns, and how far they are."""

import argparse
import json
from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from hoploom.cli import screen, slices
from hoploom.cli.campaigns import calls, words
from hoploom.wire.standing import standing

NAME = "ls"
HELP = "list the campaigns, the newest first, and how far they are"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the verb."""
    calls.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """List them."""
    found = calls.asked(args, "GET", calls.ROUTE)
    if args.json:
        print(json.dumps(found))
        return 0
    if not found["campaigns"]:
        screen.say("campaigns", "none yet: `hoploom map TARGETS` makes one")
        return 0
    overlay = calls.asked(args, "GET", calls.SUMMARY)
    rows = list(reversed(found["campaigns"]))
    screen.out.print(_table(rows, overlay))
    for line in (line for row in rows for line in slices.lines(row)):
        screen.say("away", line)
    return 0


def _table(rows: list[Mapping[str, Any]], overlay: Mapping[str, Any]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("CAMPAIGN", "NAME", "KIND", "STATE", "DONE", "RATE", "LEFT"):
        table.add_column(column, overflow="fold")
    for row in rows:
        campaign, found = row["campaign"], standing(row, overlay)
        name = campaign["name"] if campaign["name"] != campaign["id"] else ""
        cells = (words.kind(campaign), found.state, words.done(found), words.rate(found), words.left(found))
        # As text, not as markup: names are anybody's words.
        table.add_row(*map(Text, (campaign["id"], name, *cells)))
    return table
