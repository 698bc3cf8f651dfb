"""`hoploom route show [SERVICE]`: every router's table with shares by tags, the overrides, and who differs."""

import argparse
import asyncio
import json
from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text as Plain

from hoploom.cli import screen
from hoploom.cli.routes import reaching
from hoploom.cli.routes.reaching import Reach
from hoploom.kit import fabio_api
from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.kit.fabio_api import Router
from hoploom.routing import commands, editions, shares, showing
from hoploom.routing.overrides import Text
from hoploom.routing.showing import Group, SeenTable

NAME = "show"
HELP = "every Fabio's table with shares by version, overrides, and who differs (exit 1: some Fabio differs or is away)"
_ASK_S = 2.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    reaching.add_arguments(parser)
    parser.add_argument("service", nargs="?", default="", help="only this one's routes")
    parser.add_argument("--dc", default="", metavar="NAME", help="another datacenter of that Consul")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")


def run(args: argparse.Namespace) -> int:
    """Show it."""
    found = asyncio.run(_look(args))
    if args.json:
        print(json.dumps(found, indent=2))
    else:
        for line in _lines(found):
            # Tags and addresses are anybody's words: [::1] is none of rich's.
            screen.out.print(line, markup=False)
    return 1 if found["differing"] else 0


async def _look(args: argparse.Namespace) -> dict[str, Any]:
    async with reaching.reached(args) as reach:
        overrides = reach.overrides(args.dc)
        tables = await asyncio.gather(*(_table(reach, each) for each in await reach.routers(args.dc)))
        own, others = await overrides.all()
        service = reach.names.service(args.service) if args.service else ""
        groups = showing.groups(tables, [service] if service else ())
        if service and not groups:
            raise ConfigError(f"no Fabio of {reach.where} routes anything to {args.service!r}")
        return {
            "v": 1,
            "where": reach.where,
            "routers": [{"name": each.router, "routes": len(each.routes or ()), "away": each.away} for each in tables],
            "routes": [_group(each) for each in groups if each.service != editions.SERVICE],
            "overrides": {"key": overrides.key, "text": own.text, "says": shares.said(own.text)},
            "others": [{"key": key, "text": text} for key, text in others if text.strip()],
            "differing": [*showing.differing(tables), *_behind(tables, own, overrides.path), *_freezing(others)],
        }


async def _table(reach: Reach, router: Router) -> SeenTable:
    try:
        return SeenTable(router.name, tuple(await fabio_api.routes(reach.http.session, router.url, _ASK_S)))
    except Unavailable as error:
        return SeenTable(router.name, away=str(error))


def _behind(tables: Sequence[SeenTable], own: Text, path: str) -> Iterator[str]:
    for each in tables:
        if each.routes is not None and editions.shown(each.routes, path) != own.edition:
            yield f"{each.router} routes by other overrides than stand in Consul: does it refuse a line of theirs?"


def _freezing(others: Sequence[tuple[str, str]]) -> Iterator[str]:
    for key, text in others:
        for each in commands.refused(text):
            yield f"{key} {each}"


def _group(group: Group) -> dict[str, Any]:
    return {
        "service": group.service,
        "src": group.src,
        "tags": list(group.tags),
        "targets": sorted(group.targets),
        "shares": {router: round(share, 6) for router, share in group.shares.items()},
    }


def _lines(found: dict[str, Any]) -> Iterator[Any]:
    names = [each["name"] for each in found["routers"]]
    yield f"{found['where']}: {len(names)} Fabio{'' if len(names) == 1 else 's'} ({', '.join(names)})"
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("SERVICE", "FROM", "SHARE", "TAGS", "TARGETS", "FABIOS"):
        table.add_column(column, overflow="fold")
    for each in found["routes"]:
        for share, routers in _by_share(each["shares"]):
            listed = f"{len(routers)}/{len(names)}" if len(routers) == len(names) else ", ".join(routers)
            tags, targets = ", ".join(each["tags"]) or "-", ", ".join(each["targets"])
            words = (each["service"], each["src"], f"{share * 100:.4g} %", tags, targets, listed)
            table.add_row(*map(Plain, words))
    yield table
    for line in found["overrides"]["says"]:
        yield f"{found['overrides']['key']}  {line}"
    for each in found["others"]:
        yield f"{each['key']}  {len(each['text'].splitlines())} lines of somebody else's"
    for line in found["differing"]:
        yield Plain.assemble(("differs", "red"), f"   {line}")
    if found["differing"]:
        # A table that stands still does so over one line, of a key or of a tag.
        yield "next      hoploom route audit    (says over what, and the cure)"


def _by_share(found: dict[str, float]) -> list[tuple[float, list[str]]]:
    shares_seen: dict[float, list[str]] = {}
    for router, share in found.items():
        shares_seen.setdefault(round(share, 4), []).append(router)
    return sorted(shares_seen.items())
