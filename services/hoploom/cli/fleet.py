"""`hoploom fleet`: how workers reach each other, as `hoploom map @fleet` measured it.

The targets of `@fleet` are the addresses that owners of workers advertise, and those of the mesh's hosts. Every worker
maps all of them, so that each is probed by each.
"""

import argparse
import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from hoploom.cli import screen
from hoploom.kit import credentials
from hoploom.kit.errors import BadRequest, ConfigError, Unavailable
from hoploom.kit.http_client import Answer
from hoploom.local import tokens
from hoploom.local.mesh import LocalMesh

NAME = "fleet"
HELP = "show how workers reach each other, as `map @fleet` measured it (exit 1 where a pair is bad)"
WORD = "@fleet"
COUNT = 16
"""Echo requests a target, where nobody says: as many as a probe may have, since of fewer one lost is much."""

_LEAST = 2
_LOSSY = 0.05
_AWAY = 500


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    screen.add_mesh(parser)
    parser.add_argument("--campaign", default="", metavar="ID", help="of this campaign (default: the newest of @fleet)")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the matrix")


def run(args: argparse.Namespace) -> int:
    """Show the matrix."""
    return show(args, args.campaign)


def members(args: argparse.Namespace) -> dict[str, list[str]]:
    """Addresses by worker.

    Raises:
        ConfigError: There are fewer than two, or something else is named beside them; with the way out.
    """
    if list(args.targets) != [WORD]:
        raise ConfigError(f"{WORD} is mapped alone: name other targets in a campaign of their own")
    found = asyncio.run(_asked(args, "/api/v1/fleet"))
    there = {each["name"]: each["addresses"] for each in found["workers"]}
    if len(there) < _LEAST:
        known = f"only {', '.join(there)} has" if there else "no worker has"
        raise ConfigError(f"{known} an address that others may probe: owners name theirs in worker.yaml (`addresses`), "
                          "and workers on hosts have those of their hosts")  # fmt: skip
    return there


def widened(args: argparse.Namespace, there: Mapping[str, Sequence[str]]) -> argparse.Namespace:
    """The same flags with the fleet in the place of its name."""
    wanted = {
        "targets": list(dict.fromkeys(address for each in there.values() for address in each)),
        "name": args.name or NAME,
        "count": COUNT if args.count is None else args.count,
        # Two of one network are two.
        "per_prefix": args.per_prefix or "all,all",
        "apart": True,
    }
    return argparse.Namespace(**{**vars(args), **wanted})


def show(args: argparse.Namespace, campaign: str) -> int:
    """Print the matrix of a campaign, or of the newest; 1 where a pair is bad."""
    path = f"/api/v1/fleet/matrix?campaign={campaign}" if campaign else "/api/v1/fleet/matrix"
    found = asyncio.run(_asked(args, path))
    if args.json:
        print(json.dumps(found))
    else:
        _print(found)
    return 1 if any(each["bad"] for each in found["pairs"]) else 0


async def _asked(args: argparse.Namespace, path: str) -> Any:
    places = screen.places(args)
    mesh = LocalMesh(places, screen.say)
    try:
        mesh.require_running()
        headers = credentials.header(tokens.read(places)["operator"])
        answer = await mesh.http.request("GET", f"{mesh.fabio_url}{path}", headers=headers, timeout_s=30.0)
    finally:
        await mesh.close()
    return told(answer)


def told(answer: Answer) -> Any:
    """What a manager says of the fleet; raises BadRequest where it has nothing to say, Unavailable where it cannot."""
    if answer.status >= _AWAY:
        raise Unavailable(f"the fleet cannot be told now: {answer.reason()}")
    if not answer.ok:
        raise BadRequest(answer.reason())
    return answer.json()


def _print(found: Mapping[str, Any]) -> None:
    names = sorted({*found["workers"], *(each[end] for each in found["pairs"] for end in ("source", "destination"))})
    cells = {(each["source"], each["destination"]): each for each in found["pairs"]}
    screen.say("fleet", f"{found['campaign']}: median round-trip time in ms, and what was lost; a row is who probed")
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("")
    for name in names:
        table.add_column(name, justify="right")
    for source in names:
        table.add_row(source, *(cell(cells.get((source, each)), is_self=source == each) for each in names))
    screen.out.print(table)
    for each in found["pairs"]:
        if each["bad"]:
            screen.say("bad", f"{each['source']} to {each['destination']}: {each['why']}")


def cell(pair: Mapping[str, Any] | None, *, is_self: bool = False) -> str:
    """One pair as the matrix shows it."""
    if pair is None:
        return "-" if is_self else "?"
    time = "lost" if pair["rtt_us"] is None else f"{pair['rtt_us'] / 1000:.1f}"
    lost = f" {pair['loss']:.0%}" if pair["loss"] and pair["rtt_us"] is not None else ""
    colour = "red" if pair["bad"] else "yellow" if pair["loss"] > _LOSSY else ""
    return f"[{colour}]{time}{lost}[/]" if colour else f"{time}{lost}"
