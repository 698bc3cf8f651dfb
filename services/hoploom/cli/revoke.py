"""`hoploom revoke WORKER`: gives a worker no work any more."""

import argparse

from hoploom.cli import overlay

NAME = "revoke"
HELP = "give WORKER no work any more, within 5 seconds; --undo lets it in again"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("worker", metavar="WORKER", help="its name, as the manager's page shows it")
    parser.add_argument("--undo", action="store_true", help="give it work again")
    overlay.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Revoke, or undo that."""
    document, new = overlay.change(args, "revocations", worker=args.worker, revoked=not args.undo)
    if args.undo:
        text = f"{args.worker} gets work again" if new else f"{args.worker} was not revoked"
        return overlay.tell(args, document, [("let in", text)])
    text = f"{args.worker} gets no work any more" if new else f"{args.worker} was revoked already"
    return overlay.tell(args, document, [("revoked", text)])
