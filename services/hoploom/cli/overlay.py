"""What `pause`, `opt-out`, `cap` and `revoke` share: the way to the overlay of a running mesh."""

import argparse
import asyncio
import json
from collections.abc import Sequence
from typing import Any

from hoploom.cli import screen
from hoploom.kit import credentials
from hoploom.kit.balance import ServiceClient
from hoploom.kit.errors import BadRequest, Unavailable
from hoploom.local import tokens
from hoploom.local.mesh import LocalMesh
from hoploom.wire.overlay import OverlayDocument

ROUTE = "/api/v1/overlay"
TIMEOUT_S = 5.0
_AWAY = 500


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of all these commands."""
    screen.add_mesh(parser)
    parser.add_argument("--json", action="store_true", help="one JSON document instead of lines")


def look(args: argparse.Namespace) -> OverlayDocument:
    """The overlay as it stands."""
    return OverlayDocument.from_json(asyncio.run(_asked(args, "GET", ROUTE))["overlay"])


def change(args: argparse.Namespace, path: str, **wish: object) -> tuple[OverlayDocument, bool]:
    """Ask for a change; the overlay afterwards, and whether it is a new one.

    Raises:
        BadRequest: It is refused, with the reason.
        Unavailable: Nobody answered, so whether it was made is not known; it may be sent again.
    """
    return _read(asyncio.run(_asked(args, "POST", f"{ROUTE}/{path}", json={"v": 1, **wish})))


def remove(args: argparse.Namespace, path: str, **what: str) -> tuple[OverlayDocument, bool]:
    """As `change`, for what is taken away."""
    return _read(asyncio.run(_asked(args, "DELETE", f"{ROUTE}/{path}", params=what)))


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


async def _asked(args: argparse.Namespace, method: str, path: str, **options: Any) -> dict[str, Any]:
    mesh = LocalMesh(screen.places(args), screen.say)
    try:
        mesh.require_running()
        # With the key it is tried once more: an instance that leaves just now must not cost the pause.
        headers = {**credentials.header(tokens.read(mesh.places).get("operator", "")), "Idempotency-Key": "overlay"}
        client = ServiceClient.through(mesh.http, mesh.fabio_url)
        answer = await client.request(method, path, headers=headers, timeout_s=TIMEOUT_S, **options)
    finally:
        await mesh.close()
    if answer.status >= _AWAY:
        raise Unavailable(f"the mesh does not take it: {answer.reason()}")
    if not answer.ok:
        raise BadRequest(f"the mesh refuses it: {answer.reason()}")
    found: dict[str, Any] = answer.json()
    return found
