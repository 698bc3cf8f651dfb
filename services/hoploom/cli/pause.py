"""`hoploom pause [CAMPAIGN]`: stops probing at every worker."""

import argparse

from hoploom.cli import overlay

NAME = "pause"
HELP = "stop all probing, or one campaign's, at every worker within 5 seconds"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("campaign", nargs="?", default="", metavar="CAMPAIGN", help="its id (default: everything)")
    overlay.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Pause."""
    document, new = overlay.change(args, "pause", paused=True, campaign=args.campaign)
    what, resume = args.campaign or "everything", f"hoploom resume {args.campaign}".strip()
    text = f"{what}: no worker probes it 5 seconds from now" if new else f"{what} was paused already"
    return overlay.tell(args, document, [("paused", f"{text} (`{resume}` goes on)")])
