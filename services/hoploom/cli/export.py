"""`hoploom export --format F`: results of the mesh, of a data set or of a dump in a format that other tools read."""

import argparse
import asyncio
import contextlib
import importlib
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from hoploom import __version__
from hoploom.cli import pipes, screen
from hoploom.cli.campaign_documents import documents
from hoploom.kit.errors import BadRequest, ConfigError

if TYPE_CHECKING:
    from hoploom.results.rows import Group

NAME = "export"
HELP = "write results as --format atlas-ndjson, scamper-json, warts, csv, parquet or graphml, for other tools"
Writer = Callable[[Iterable["Group"], BinaryIO], None]
"""Writes batches with their rows, read once and in order, as bytes."""
_PARTIAL: Final = ".partial"
_STDOUT: Final = "-"
_AGO: Final = re.compile(r"(\d{1,6})([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_US: Final = timedelta(microseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SUSPECT_NOTE: Final = (
    "batches whose worker believed that its own uplink was dead are left out; `--suspect` puts them in"
)


def _later(module: str) -> Writer:
    """The writer of a module, which is imported when it is needed: the list of commands needs none."""

    def write(groups: Iterable["Group"], out: BinaryIO) -> None:
        writer: Writer = importlib.import_module(f"hoploom.results.formats.{module}").write
        writer(groups, out)

    return write


FORMATS: Mapping[str, Writer] = {
    "atlas-ndjson": _later("atlas"),
    "scamper-json": _later("scamper_json"),
    "warts": _later("warts_export"),
    "graphml": _later("graphml"),
    "csv": _later("csv_table"),
    "parquet": _later("parquet_table"),
}
BINARY: Final = frozenset({"warts", "parquet"})
"""Formats that a terminal shows nothing of."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    screen.add_mesh(parser)
    parser.add_argument("source", nargs="?", type=Path, metavar="SOURCE.db",
                        help="a dump or a merged file (default: the mesh's data set)")  # fmt: skip
    parser.add_argument("--data-set", type=Path, metavar="DIR", help="the folder of a data set, instead of SOURCE.db")
    parser.add_argument("--format", required=True, choices=sorted(FORMATS), help="what to write")
    parser.add_argument("-o", "--output", default=_STDOUT, metavar="FILE",
                        help="where to (default: -, standard output, with no .campaign.json beside it)")  # fmt: skip
    parser.add_argument("--campaign", default="", metavar="ID", help="only this campaign")
    parser.add_argument("--kind", default="", choices=["ping", "trace"], help="only pings, or only traceroutes")
    parser.add_argument("--since", default="", metavar="TIME",
                        help="only what was probed since 2026-05-01T12:00 (UTC), or 36h, 7d ago")  # fmt: skip
    parser.add_argument("--prefix", default="", metavar="CIDR", help="only targets inside, such as 192.0.2.0/24")
    parser.add_argument("--suspect", action="store_true", help="results that their own workers distrusted, too")
    parser.add_argument("--mask-private", action="store_true", help="hops in private space become silent")
    parser.add_argument("--mask-first-hops", type=int, default=0, metavar="N", help="hops 1 to N become silent")
    parser.add_argument("--mask-workers", action="store_true", help="other names and numbers for workers")


def run(args: argparse.Namespace) -> int:
    """Write the file, and what describes it beside it."""
    from hoploom.results import reading  # noqa: PLC0415 - the overview of all commands does without the database
    from hoploom.results.formats.campaign_json import SUFFIX, Tally  # noqa: PLC0415 - as above
    from hoploom.results.formats.masking import Mask, masked  # noqa: PLC0415 - as above

    if args.format in BINARY and args.output == _STDOUT and sys.stdout.isatty():
        raise ConfigError(f"{args.format} is nothing for a terminal: name a file with -o")
    if args.mask_first_hops < 0:
        raise BadRequest("--mask-first-hops is a number of hops, such as 2")
    wanted = reading.Wanted(
        campaign=args.campaign, kind=args.kind, since_us=_since_us(args.since), prefix=_prefix(args.prefix),
        suspect=args.suspect,
    )  # fmt: skip
    mask = Mask(private=args.mask_private, first_hops=args.mask_first_hops, workers=args.mask_workers)
    tally = Tally()
    with contextlib.closing(_opened(args)) as connection, _output(args.output) as out:
        FORMATS[args.format](tally.count(masked(reading.groups(connection, wanted), mask)), out)
    if args.output != _STDOUT:
        beside = Path(f"{args.output}{SUFFIX}")
        with _output(str(beside)) as out:
            out.write(json.dumps(_document(args, tally, mask), indent=2).encode("ascii") + b"\n")
        rows = ", ".join(f"{count:,} {name}s" for name, count in tally.rows.items() if count) or "no results"
        screen.say("written", f"{args.output}: {rows}; {beside.name} says what it is")
    return 0


def _opened(args: argparse.Namespace) -> Any:
    """A connection to what is exported."""
    from hoploom.results import data_set, source  # noqa: PLC0415 - as above

    if args.source and args.data_set:
        raise ConfigError("give SOURCE.db or --data-set, not both")
    folder = args.data_set or screen.places(args).data_set
    path = args.source or folder / data_set.FILE
    if not (args.source or path.exists()):
        raise ConfigError(f"there is no data set in {folder}: name a dump (SOURCE.db), or its folder with --data-set")
    if args.output != _STDOUT and Path(args.output).exists() and path.exists() and path.samefile(args.output):
        raise ConfigError(f"{args.output} is what is exported: name another file with -o")
    return source.open_source(path) if args.source else data_set.open_for_reading(folder)


@contextlib.contextmanager
def _output(name: str) -> Iterator[BinaryIO]:
    """What is written to: a file gets its name when it is whole."""
    if name == _STDOUT:
        with pipes.ends_with_its_reader():
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        return
    partial = Path(f"{name}{_PARTIAL}")
    try:
        with partial.open("wb") as file:
            yield file
        partial.replace(name)
    except OSError as error:
        raise ConfigError(f"{name} cannot be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)


def _document(args: argparse.Namespace, tally: Any, mask: Any) -> dict[str, Any]:
    from hoploom.results.formats.campaign_json import document  # noqa: PLC0415 - as above

    known = asyncio.run(documents(screen.places(args), {name: each.number for name, each in tally.campaigns.items()}))
    made = {
        "format": args.format,
        "file": Path(args.output).name,
        "made_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "made_by": f"hoploom {__version__}",
        "wanted": {name: getattr(args, name) for name in ("campaign", "kind", "since", "prefix", "suspect")},
        "masking": mask.to_json(),
    }
    return document(tally, made, known, [] if args.suspect else [_SUSPECT_NOTE])


def _since_us(text: str) -> int | None:
    """A moment, or a time ago, in UTC microseconds since 1970."""
    if not text:
        return None
    if match := _AGO.fullmatch(text):
        moment = datetime.now(UTC) - timedelta(seconds=int(match[1]) * _SECONDS[match[2]])
    else:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise BadRequest(f"--since is a time such as 2026-05-01T12:00Z, or 36h ago as 36h, not {text!r}") from error
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _US


def _prefix(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text) if text else None
    except ValueError as error:
        raise BadRequest(f"--prefix is a network such as 192.0.2.0/24: {error}") from error
