"""`hoploom down`: stops the mesh gracefully; nothing of it is left running."""

import argparse
import asyncio
import time

from hoploom.cli import screen
from hoploom.local import taking_down
from hoploom.local.lock import alone
from hoploom.local.mesh import LocalMesh

NAME = "down"
HELP = "stop the mesh gracefully; --purge removes its state too"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    screen.add_mesh(parser)
    parser.add_argument("--purge", action="store_true", help="remove all state of this mesh: results, tokens, logs")


def run(args: argparse.Namespace) -> int:
    """Stop everything; stopping what does not run is no error."""
    began = time.monotonic()
    places = screen.places(args)
    if not places.root.exists():
        screen.say("down", f"there is no mesh {args.mesh!r}")
        return 0
    with alone(places, lambda: screen.say("waiting", "another start or stop of this mesh is under way")):
        asyncio.run(_down(args))
    kept = "nothing is left" if args.purge else f"results are kept in {places.data}"
    screen.say("down", f"mesh {args.mesh} stopped in {time.monotonic() - began:.1f} s; {kept}")
    return 0


async def _down(args: argparse.Namespace) -> None:
    mesh = LocalMesh(screen.places(args), screen.say)
    try:
        await taking_down.down(mesh, purge=args.purge)
    finally:
        await mesh.close()
