"""`hoploom import FILE...`: what RIPE Atlas or scamper measured becomes results like those of workers, with no probe.

The ids of batches are made of their content, so that a second import of a file changes nothing.
"""

import argparse
import bz2
import contextlib
import gzip
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from hoploom.cli import screen
from hoploom.kit.errors import BadRequest, ConfigError

if TYPE_CHECKING:
    from hoploom.results.imports import Bad, Record

NAME = "import"
HELP = "take in what RIPE Atlas (NDJSON) or scamper (warts) measured, with no probe; twice changes nothing"
_WARTS_MAGIC: Final = b"\x12\x05"
_PACKED: Final[Mapping[bytes, Callable[[BinaryIO], Any]]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open}
"""Compressed files by how they begin; what they unpack to is never in memory at once."""
_STDIN: Final = "-"
WAIT_S: Final = 10.0
"""For a collector that is at work in the data set."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    screen.add_mesh(parser)
    parser.add_argument("files", nargs="+", metavar="FILE",
                        help="what to take in, compressed by gzip or bzip2 or not; - is stdin")  # fmt: skip
    parser.add_argument("--campaign", default="imported", metavar="ID", help="campaign of the results (imported)")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE.db",
                        help="the file of results to add to, or to make (default: the mesh's data set)")  # fmt: skip
    parser.add_argument("--data-set", type=Path, metavar="DIR", help="the folder of another data set")
    parser.add_argument("--name", default="main", help="name of the data set (main)")
    parser.add_argument("--skip-bad", action="store_true",
                        help="leave out what is no result, and count it; by default nothing is taken then")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Take in one file after the other; each wholly or not at all."""
    if args.output and args.data_set:
        raise ConfigError("give -o or --data-set, not both")
    for name in args.files:
        if name != _STDIN and not Path(name).is_file():
            raise ConfigError(f"{name} is no file")
    for name in args.files:
        _import(args, name)
    return 0


class _Skipped:
    """What was left out of a file."""

    def __init__(self) -> None:
        self.count, self.first = 0, ""

    def add(self, sentence: str) -> None:
        """Count one, and keep the first sentence."""
        self.count += 1
        self.first = self.first or sentence


def _import(args: argparse.Namespace, name: str) -> None:
    from hoploom.results import filing  # noqa: PLC0415 - the overview of all commands does without the database
    from hoploom.results.imports import gathered, refuse  # noqa: PLC0415 - as above

    skipped = _Skipped()
    bad = skipped.add if args.skip_bad else refuse
    with tempfile.TemporaryDirectory(prefix="hoploom-import-") as folder:
        path = Path(folder) / "import.db"
        with _opened(name) as file, _named(name):
            reading = _Reading(_unpacked(file), args.campaign, bad)
            filed = filing.file(path, gathered(reading.records(), bad), time.time_ns() // 1_000)
        new = _take(args, path)
    screen.say("imported", f"{name}: {filed.rows:,} results in {filed.batches:,} batches, {new:,} of them new")
    if skipped.count:
        screen.say("left out", f"{skipped.count:,} that are no results, the first: {skipped.first}")
    if reading.without_address:
        screen.say("left out", f"{reading.without_address:,} that name no address")


class _Reading:
    """A file of whichever format it turns out to be."""

    def __init__(self, file: BinaryIO, campaign: str, bad: "Bad") -> None:
        from hoploom.results.formats import atlas_reading, warts_import  # noqa: PLC0415 - as above

        self._atlas = atlas_reading.Reader(campaign, bad)
        is_warts = file.peek(len(_WARTS_MAGIC)).startswith(_WARTS_MAGIC)  # type: ignore[attr-defined]
        self._records = warts_import.read(file, campaign) if is_warts else self._atlas.records(file)

    def records(self) -> "Iterable[Record]":
        """What it holds."""
        return self._records

    @property
    def without_address(self) -> int:
        """Results that name no address, so far."""
        return self._atlas.without_address


@contextlib.contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    if name == _STDIN:
        yield sys.stdin.buffer
        return
    try:
        file = open(name, "rb")
    except OSError as error:
        raise ConfigError(f"{name} cannot be read: {error.strerror}") from error
    with file:
        yield file


def _unpacked(file: BinaryIO) -> BinaryIO:
    """The file, or what is in it where it is compressed."""
    head = file.peek(max(map(len, _PACKED)))  # type: ignore[attr-defined]
    found: BinaryIO = next((opened(file) for magic, opened in _PACKED.items() if head.startswith(magic)), file)
    return found


@contextlib.contextmanager
def _named(name: str) -> Iterator[None]:
    """Say which file it is that cannot be taken, and what would help."""
    try:
        yield
    except BadRequest as error:
        raise ConfigError(f"{name}: {error}; nothing of it was taken (--skip-bad leaves out what is bad)") from error
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigError(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _take(args: argparse.Namespace, path: Path) -> int:
    """Add a file of results to where they shall be; how many of its batches were new."""
    from hoploom.results.data_set import DataSet  # noqa: PLC0415 - as above
    from hoploom.results.merge import merge  # noqa: PLC0415 - as above
    from hoploom.results.merged_file import merged_file  # noqa: PLC0415 - as above

    if args.output:
        with merged_file(args.output) as into:
            return merge(into, path).batches
    try:
        data_set = DataSet.open(args.data_set or screen.places(args).data_set, args.name, WAIT_S)
    except ConfigError as error:
        raise ConfigError(f"{error} (-o FILE.db makes a file of results beside it)") from error
    try:
        return data_set.take(path).batches
    finally:
        data_set.close()
