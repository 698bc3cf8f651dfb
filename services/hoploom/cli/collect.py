"""`hoploom collect --data-set DIR`: the results of all outputs into one data set, once or for ever.

What the role inside the output service does, from outside: for a job, a host without services, an operator.
"""

import argparse
import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from hoploom.cli import screen
from hoploom.cli.main import FAILED
from hoploom.kit import credentials
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import Unavailable
from hoploom.kit.http_client import HttpClient
from hoploom.kit.names import Names
from hoploom.kit.settings import load
from hoploom.local.mesh import LocalMesh
from hoploom.output_service.collecting import making, patience, pinning, seat
from hoploom.output_service.collecting.collector import Collector
from hoploom.output_service.collecting.making import Outside
from hoploom.output_service.collecting.report import COLLECTED, Report
from hoploom.output_service.collecting.seat import Seat
from hoploom.output_service.settings import Settings

NAME = "collect"
HELP = "collect the results of all outputs, in every datacenter, into the data set in a folder (--once: and end)"
_CONSUL = "HOPLOOM_CONSUL_ADDR"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    screen.add_mesh(parser)
    parser.add_argument("--data-set", required=True, type=Path, metavar="DIR", help="folder of the data set")
    parser.add_argument("--name", default="main", help="its name, by which outputs know what it has (default: main)")
    parser.add_argument("--once", action="store_true", help="collect what there is, and end (exit 0: it is whole)")
    parser.add_argument("--json", action="store_true", help="one JSON document a look instead of lines")
    parser.add_argument(
        pinning.FLAG, default="", metavar="UUID", help="give up that data set of the name, and begin this one"
    )
    parser.add_argument(
        "--consul-addr", default=os.environ.get(_CONSUL, ""), metavar="URL",
        help=f"a Consul agent, where it is not the local mesh's ({_CONSUL}; tokens as `hoploom settings kit` says)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Collect; returns when it is done, or never."""
    place = Seat(args.name, args.data_set.expanduser(), args.new_data_set)
    return asyncio.run(_collect(args, place, _settings(args)))


def _settings(args: argparse.Namespace) -> Settings:
    """Whom to ask, and with which tokens: as the environment says, or as the local mesh has it."""
    if args.consul_addr:
        return load(Settings, NAME, [f"--consul-addr={args.consul_addr}"])
    places = screen.places(args)
    mesh = LocalMesh(places, screen.say)
    mesh.require_running()
    return replace(
        load(Settings, NAME, []),
        consul_addr=mesh.consul_url,
        consul_token_file=str(places.tokens / "output"),
        worker_token_file=str(places.tokens / "worker"),
        fabio_addr=mesh.fabio_url,
        prefix=mesh.attached.names.prefix,
        service_prefix=mesh.attached.names.service_prefix,
        route_prefix=mesh.attached.names.route_prefix,
    )


@asynccontextmanager
async def _outside(settings: Settings) -> AsyncIterator[Outside]:
    names = Names(settings.prefix, settings.service_prefix, settings.route_prefix)
    consul = ConsulApi(settings.consul_addr, credentials.read(settings.consul_token_file), names)
    http, token = HttpClient(), credentials.read(settings.worker_token_file)
    try:
        yield Outside(consul, http, settings.fabio_addr, token, settings.collect_max_bytes)
    finally:
        await http.close()
        await consul.close()


async def _collect(args: argparse.Namespace, place: Seat, settings: Settings) -> int:
    said: list[tuple[str, str]] = []
    async with _outside(settings) as outside:
        looks = _looks(place, outside)
        while True:
            try:
                report = await looks(0.0 if args.once else settings.collect_s)
            except Unavailable as error:
                if args.once:
                    raise
                screen.say_aside("waits", str(error))
            else:
                said = _told(report, said, as_json=args.json)
                if args.once:
                    return 0 if report.is_whole else FAILED
            await asyncio.sleep(settings.collect_s / patience.LOOKS)


def _looks(place: Seat, outside: Outside) -> Callable[[float], Awaitable[Report]]:
    """Looks at all stores, with the data set open for as long as each takes."""
    collectors: list[Collector] = []

    async def write(operation: Mapping[str, Any]) -> bool:
        return bool(await outside.consul.kv_txn([operation]))

    async def look(longest_s: float) -> Report:
        async with seat.holding(place, outside.consul) as held:
            if not collectors:
                collectors.append(making.collector(place.folder, outside))
            [collector] = collectors
            # Before anything is confirmed in its name.
            await place.enter(outside.consul, held.uuid, collector.cursors, write)
            report = await collector.look(held, longest_s)
            await place.enter(outside.consul, held.uuid, collector.cursors, write)
            return report

    return look


def _told(report: Report, said: list[tuple[str, str]], *, as_json: bool) -> list[tuple[str, str]]:
    """Say what came of a look, unless it was said before; what is said now."""
    lines = _lines(report)
    if as_json:
        print(json.dumps(report.to_json()), flush=True)
    elif lines != said:
        for label, text in lines:
            screen.say(label, text)
    return lines


def _lines(report: Report) -> list[tuple[str, str]]:
    """What came of a look, for a person."""
    batches, rows = (sum(getattr(each, name) for each in report.stores) for name in ("batches", "rows"))
    count = f"{len(report.stores)} store{'' if len(report.stores) == 1 else 's'}"
    lines = [("collected", f"{report.data_set}: {count}, {batches:,} new batches with {rows:,} rows")]
    for each in report.stores:
        if each.state != COLLECTED or each.lost or each.conflicts:
            lines.append((each.state, f"store {each.store} ({each.dc or 'unknown'}): {_wrong(each)}"))
    lines += [("away", f"datacenter {dc}: {why}") for dc, why in report.away.items()]
    lines += [("parquet", report.parquet)] if report.parquet else []
    return lines


def _wrong(row: Any) -> str:
    words = [row.why] if row.why else []
    words += [f"{row.behind:,} batches wait"] if row.behind else []
    words += [f"{row.lost:,} batches were pruned before they were collected"] if row.lost else []
    words += [f"{row.conflicts:,} batches are there with other content"] if row.conflicts else []
    return "; ".join(words)
