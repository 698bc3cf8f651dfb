"""`hoploom ui [manager|consul|nomad|fabio]`: the address of a page, signed in where the engine can."""

import argparse
import asyncio
import webbrowser

from hoploom.cli import operator_calls, screen
from hoploom.local import sign_in, view
from hoploom.local.mesh import LocalMesh
from hoploom.wire.people import ROUTE

NAME = "ui"
HELP = "open a page of the mesh signed in: manager, consul, nomad or fabio"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    screen.add_mesh(parser)
    parser.add_argument("page", nargs="?", default="manager", choices=["manager", "consul", "nomad", "fabio"])
    parser.add_argument("--print", action="store_true", dest="only_print", help="print the address and open nothing")


def run(args: argparse.Namespace) -> int:
    """Print the address, open it, and for Consul stay as its door until Ctrl-C."""
    return asyncio.run(_open(args))


async def _open(args: argparse.Namespace) -> int:
    mesh = LocalMesh(screen.places(args), screen.say)
    try:
        mesh.require_running()
        if args.page == "consul":
            await sign_in.consul_door(mesh, lambda address: _show(args, address))
            return 0
        address = view.links(mesh)[args.page]
        if args.page == "manager":
            found = await operator_calls.asked(args, "POST", f"{ROUTE}/doors", json={"v": 1})
            address += found["path"]
        if args.page == "nomad" and mesh.attached.nomad_acl:
            address += f"?ott={await mesh.nomad().one_time_token()}"
        _show(args, address)
        return 0
    finally:
        await mesh.close()


def _show(args: argparse.Namespace, address: str) -> None:
    print(address, flush=True)
    if not args.only_print:
        webbrowser.open(address)
