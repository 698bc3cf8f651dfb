"""What `pause`, `opt-out`, `cap` and `worker revoke` share: the way to the overlay of a running mesh."""

import argparse
import asyncio
import json
from collections.abc import Sequence
from typing import Any

from hoploom.cli import operator_calls, screen
from hoploom.wire.overlay import OverlayDocument

ROUTE = "/api/v1/overlay"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of all these commands."""
    screen.add_mesh(parser)
    parser.add_argument("--json", action="store_true", help="one JSON document instead of lines")


def look(args: argparse.Namespace) -> OverlayDocument:
    """The overlay as it stands."""
    return OverlayDocument.from_json(asyncio.run(operator_calls.asked(args, "GET", ROUTE))["overlay"])


def change(args: argparse.Namespace, path: str, **wish: object) -> tuple[OverlayDocument, bool]:
    """Ask for a change; the overlay afterwards, and whether it is a new one.

    Raises:
        BadRequest: It is refused, with the reason.
        Unavailable: Nobody answered, so whether it was made is not known; it may be sent again.
    """
    return _read(asyncio.run(operator_calls.asked(args, "POST", f"{ROUTE}/{path}", json={"v": 1, **wish})))


def remove(args: argparse.Namespace, path: str, **what: str) -> tuple[OverlayDocument, bool]:
    """As `change`, for what is taken away."""
    return _read(asyncio.run(operator_calls.asked(args, "DELETE", f"{ROUTE}/{path}", params=what)))


def tell(args: argparse.Namespace, document: OverlayDocument, lines: Sequence[tuple[str, str]]) -> int:
    """Say it in lines, or as JSON where that is asked for."""
    if args.json:
        print(json.dumps(document.to_json()))
        return 0
    for label, text in lines:
        screen.say(label, text)
    return 0


def _read(answer: dict[str, Any]) -> tuple[OverlayDocument, bool]:
    return OverlayDocument.from_json(answer["overlay"]), bool(answer["changed"])
