"""`hoploom status`: every instance with its health in Consul and its routes in Fabio."""

import argparse
import asyncio
import json
from collections.abc import Iterator
from typing import Any

from rich.table import Table

from hoploom.cli import screen, slices
from hoploom.local import view
from hoploom.local.mesh import LocalMesh
from hoploom.wire.probe import TRACE

NAME = "status"
HELP = "show every instance, its health in Consul and its routes in Fabio (exit 0 good, 1 degraded, 2 not running)"
_COLOURS = {"passing": "green", "warning": "yellow", "critical": "red"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    screen.add_mesh(parser)
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")


def run(args: argparse.Namespace) -> int:
    """Show the mesh."""
    found = asyncio.run(_look(args))
    if args.json:
        print(json.dumps(found, indent=2))
    else:
        _show(found)
    return 0 if found["state"] == "ok" else 1


async def _look(args: argparse.Namespace) -> dict[str, Any]:
    mesh = LocalMesh(screen.places(args), screen.say)
    try:
        mesh.require_running()
        return await view.look(mesh)
    finally:
        await mesh.close()


def _show(found: dict[str, Any]) -> None:
    engines = " · ".join(f"{name} {state}" for name, state in found["engines"].items())
    screen.out.print(f"mesh {found['mesh']}  {found['state'].upper()}  {engines}  {found['routes']} routes")
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("SERVICE", "INSTANCE", "WHERE", "VERSION", "CONSUL", "FABIO", "NOTE"):
        table.add_column(column, overflow="fold")
    for each in found["instances"]:
        routed = {None: "-", True: "listed", False: "not listed"}[each["routed"]]
        health = f"[{_COLOURS[each['health']]}]{each['health']}[/]"
        where = "elsewhere" if each["elsewhere"] else f"{each['address']}:{each['port']}"
        table.add_row(each["service"], each["id"], where, each["version"], health, routed, each["note"][:100])
    screen.out.print(table)
    for line in _coordination(found):
        screen.out.print(line)
    for name, address in found["links"].items():
        screen.say(name, address)


def _coordination(found: dict[str, Any]) -> Iterator[str]:
    """Who leads, who owns, and how far the campaigns are."""
    yield from _paused(found["overlay"] or {})
    for each in found["leaders"]:
        yield f"leader    {each['role']}: {each['instance'] or 'nobody'} (token {each['index']})"
    if found["dyfi"]:
        yield f"names     {found['dyfi']['line']}"
    yield from _routers(found.get("routers") or {})
    owners = ", ".join(f"{each['instance']} {each['slots']}" for each in found["owners"])
    if owners:
        yield f"shards    64 slots: {owners}"
    yield from map(_collected, found["collected"])
    for each in found["campaigns"]:
        for name, group in each["groups"].items():
            if not group["finished"]:
                yield f"campaign  {each['campaign']['id']}/{name}: {_kind(each['campaign'])}{_progress(group)}"
        yield from (f"away      {line}" for line in slices.lines(each))


def _routers(standing: dict[str, Any]) -> Iterator[str]:
    """One line, where a router does not do what it should, or routes are wrong."""
    routers = [] if standing.get("old") else standing.get("routers", [])
    said = [each["why"] for each in routers if each["state"] == "stalled"]
    said += [each["shrunken"] for each in routers if each["shrunken"]]
    wrong = sum(each["severity"] == "error" for each in standing.get("findings", ())) if routers else 0
    said += [f"{wrong} finding{'s' if wrong > 1 else ''}: `hoploom route audit`"] if wrong else []
    if said:
        yield f"routers   {'; '.join(said)}"


def _collected(said: dict[str, Any]) -> str:
    if said["why_not"]:
        return f"data set  {said['data_set']}: {said['instance']} does not collect: {said['why_not']}"
    stores = said["stores"]
    count = f"{len(stores)} store{'' if len(stores) == 1 else 's'}"
    wait, longest_s = sum(each["behind"] for each in stores), max((each["waits_s"] for each in stores), default=0)
    late = f", {wait:,} batches wait, the oldest for {longest_s:.0f} s" if wait else ""
    wrong = "".join(f"; {each['state']} {each['store'][:8]}: {each['why']}" for each in stores if each["why"])
    lost, other = (sum(each[name] for each in stores) for name in ("lost", "conflicts"))
    wrong += f"; {lost:,} batches were pruned before they were collected" if lost else ""
    wrong += f"; {other:,} batches came with two contents, the first is kept" if other else ""
    return f"data set  {said['data_set']} in {said['folder']}: {count}{late}{wrong}"


def _paused(overlay: dict[str, Any]) -> Iterator[str]:
    if overlay.get("paused"):
        yield "paused    everything (`hoploom resume` goes on)"
    elif overlay.get("paused_campaigns"):
        yield f"paused    {', '.join(overlay['paused_campaigns'])} (`hoploom resume CAMPAIGN` goes on)"


def _kind(campaign: dict[str, Any]) -> str:
    return "traceroutes, " if campaign["probe"].get("kind") == TRACE else ""


def _progress(group: dict[str, Any]) -> str:
    said = f"{group['done']:,} of {group['targets']:,} done, {group['outstanding']:,} out in {group['leases']} leases"
    left = f", {group['seconds_left']:.0f} s left" if group["seconds_left"] else ""
    again = f", {group['reissued']:,} handed out again" if group["reissued"] else ""
    return f"round {group['round'] + 1}, {said}{again}{left}"
