"""`hoploom opt-out BLOCK`: the list of blocks that nobody probes."""

import argparse

from rich.table import Table
from rich.text import Text

from hoploom.cli import overlay, screen
from hoploom.kit.errors import ConfigError
from hoploom.targets.notation import parse_block
from hoploom.wire.overlay import OptOut, OverlayDocument

NAME = "opt-out"
HELP = "stay away from a block, at every worker within 5 seconds; --remove probes it again, --list shows all"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("block", nargs="?", default="", metavar="BLOCK", help="a CIDR block or an address")
    parser.add_argument("--until", default="", metavar="DATE", help="last day, as 2027-01-31 in UTC (default: none)")
    parser.add_argument("--note", default="", metavar="TEXT", help="who asked, and how; for people")
    wish = parser.add_mutually_exclusive_group()
    wish.add_argument("--remove", action="store_true", help="take the block from the list")
    wish.add_argument("--list", action="store_true", help="show the list")
    overlay.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Add, remove or list."""
    if bool(args.block) == args.list:
        raise ConfigError("name one BLOCK, or give --list alone (see `hoploom opt-out --help`)")
    if args.list:
        return _show(args, overlay.look(args))
    block = str(parse_block(args.block))
    if args.remove:
        document, new = overlay.remove(args, "opt-outs", block=block)
        text = f"{block} may be probed again" if new else f"{block} was not on the list (`hoploom opt-out --list`)"
        if any(each.block == block for each in document.opt_outs):
            new, text = False, f"{block} is opted out still, by the home datacenter: remove it there"
        return overlay.tell(args, document, [("removed" if new else "note", text)])
    wish = OptOut(block=block, until=args.until, note=args.note)
    document, new = overlay.change(args, "opt-outs", block=block, until=wish.until, note=wish.note)
    end = f"until the end of {wish.until} in UTC" if wish.until else "for ever"
    text = f"{block} is left alone {end}" if new else f"{block} was opted out {end} already"
    return overlay.tell(args, document, [("opted out", text)])


def _show(args: argparse.Namespace, document: OverlayDocument) -> int:
    if args.json or not document.opt_outs:
        return overlay.tell(args, document, [("opt-outs", "none")])
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("BLOCK", "SINCE", "UNTIL", "NOTE"):
        table.add_column(column, overflow="fold")
    for each in document.opt_outs:
        # As text: a note is anybody's, and rich would read markup in it.
        table.add_row(*map(Text, (each.block, each.since or "-", each.until or "for ever", each.note)))
    screen.out.print(table)
    return 0
