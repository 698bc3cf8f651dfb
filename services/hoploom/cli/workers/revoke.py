"""`hoploom worker revoke NAME`: gives a worker no work any more, and takes no results of it."""

import argparse

from hoploom.cli import operator_calls, overlay
from hoploom.cli.workers import calls

NAME = "revoke"
HELP = "shut a worker out within 5 seconds: no work, no results, no credential; --undo lets it in again"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the verb."""
    calls.add_name(parser)
    parser.add_argument("--undo", action="store_true", help="let it in again")
    overlay.add_arguments(parser)
    operator_calls.add_elsewhere(parser)


def run(args: argparse.Namespace) -> int:
    """Revoke, or undo that."""
    document, new = overlay.change(args, "revocations", worker=args.worker, revoked=not args.undo)
    if args.undo:
        text = f"{args.worker} gets work again" if new else f"{args.worker} was not revoked"
        return overlay.tell(args, document, [("let in", text)])
    text = f"{args.worker} gets no work any more" if new else f"{args.worker} was revoked already"
    return overlay.tell(args, document, [("revoked", text)])
