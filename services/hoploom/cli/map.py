"""`hoploom map TARGETS...`: maps targets on a running mesh; `--dryrun` only shows the plan. `@fleet`: see `fleet`."""

import argparse
import asyncio
import json

from hoploom.cli import fleet, mapping, plan_lines, screen
from hoploom.local.mesh import LocalMesh
from hoploom.wire import plans

NAME = "map"
HELP = "map TARGETS on the running mesh; --dryrun shows blocks, sampling, rate and time, and sends nothing"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    screen.add_mesh(parser)
    mapping.add_arguments(parser)
    parser.add_argument("-d", "--dryrun", action="store_true", help="show the plan and send nothing; needs no mesh")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of lines")


def run(args: argparse.Namespace) -> int:
    """Plan, and unless it is a dry run, map."""
    members = fleet.members(args) if fleet.WORD in args.targets else {}
    prepared = mapping.prepare(fleet.widened(args, members) if members else args)
    if args.dryrun:
        _show(prepared, as_json=args.json)
        return 0
    done = asyncio.run(_map(args, prepared, max(1, len(members))))
    return fleet.show(args, prepared.request.id) if members and not args.json else done


async def _map(args: argparse.Namespace, prepared: mapping.Prepared, groups: int) -> int:
    mesh = LocalMesh(screen.places(args), screen.say)
    try:
        mesh.require_running()
        return await mapping.carry_out(mesh, prepared, groups=groups, as_json=args.json)
    except asyncio.CancelledError:
        screen.say_aside("left", f"campaign {prepared.request.id} goes on; see `hoploom status`")
        raise
    finally:
        await mesh.close()


def _show(prepared: mapping.Prepared, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(plans.shown(prepared.plan, prepared.request)))
        return
    for note in prepared.notes:
        screen.say("note", note)
    for label, text in plan_lines.describe(prepared.plan, prepared.request):
        screen.say(label, text)
    screen.out.print("Nothing was sent.")
