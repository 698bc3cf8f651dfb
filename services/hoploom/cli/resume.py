"""`hoploom resume [CAMPAIGN]`: goes on after `hoploom pause`."""

import argparse

from hoploom.cli import overlay

NAME = "resume"
HELP = "go on after `pause`: with everything, or with one campaign"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("campaign", nargs="?", default="", metavar="CAMPAIGN", help="its id (default: everything)")
    overlay.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Resume."""
    document, new = overlay.change(args, "pause", paused=False, campaign=args.campaign)
    what = args.campaign or "everything"
    lines = [("resumed", f"{what} goes on where it stopped" if new else f"{what} was not paused")]
    if document.paused and not args.campaign:
        lines = [("note", "everything is paused still, by the home datacenter: resume it there")]
    elif document.paused:
        lines.append(("note", "everything is paused still: `hoploom resume` goes on"))
    elif document.paused_campaigns and not args.campaign:
        lines.append(("note", f"paused by name, and still: {', '.join(document.paused_campaigns)}"))
    return overlay.tell(args, document, lines)
