"""`hoploom cap`: limits on what all workers together send."""

import argparse

from hoploom.cli import overlay

NAME = "cap"
HELP = "limit what all workers together send: --network PPS to one /24 or /48, --rate PPS for one campaign"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("--network", type=int, metavar="PPS", help="packets a second to one /24 or /48 (0: no cap)")
    parser.add_argument("--rate", type=int, metavar="PPS", help="packets a second for each campaign (0: no cap)")
    overlay.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Set the caps that are given; show them without any."""
    wish = {"network_pps": args.network, "rate_pps": args.rate}
    given = {name: cap for name, cap in wish.items() if cap is not None}
    document = overlay.change(args, "caps", **given)[0] if given else overlay.look(args)
    lines = [
        ("network", f"{_said(document.network_pps)} to one /24 or /48"),
        ("rate", f"{_said(document.rate_pps)} for one campaign"),
    ]
    return overlay.tell(args, document, lines)


def _said(cap: int) -> str:
    return f"at most {cap:,} packets a second" if cap else "no cap over all workers"
