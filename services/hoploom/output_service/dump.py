"""A consistent copy of a store, or of its batches since some point, while ingest goes on.

It is made as a file and then streamed, so that no slow reader holds back checkpoints.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import zstandard

from hoploom.kit.errors import OutOfSpace
from hoploom.output_service import disk
from hoploom.output_service.extract import Extracted, Wanted, extract
from hoploom.output_service.files import Files

_LEVEL = 3
_AGAIN_S = 30.0


@dataclass(frozen=True)
class Dump:
    """A finished copy: where it is, what it hashes to as it is sent, and what is in it."""

    path: Path
    sha256: str
    about: Extracted


@dataclass(frozen=True)
class Order:
    """What somebody wants to have.

    Attributes:
        wanted: Which batches.
        gives_up: Tells, when it is asked again and again, that the copy is not wanted any more.
        is_compressed: Whether to compress it by zstd (RFC 8878).
    """

    wanted: Wanted
    gives_up: Callable[[], bool]
    is_compressed: bool = False


@contextmanager
def made(files: Files, order: Order) -> Iterator[Dump]:
    """Make a dump in the store's own folder; it is removed at the end. Blocks: run it in a thread.

    Raises:
        OutOfSpace: The disk has not enough room for it.
        Unavailable: It took too long, or a file went away.
    """
    with tempfile.TemporaryDirectory(prefix=".dump-", dir=files.folder) as folder, ExitStack() as leases:
        path = Path(folder) / "dump.db"
        sources = [leases.enter_context(files.leased(number)) for number in numbers(files, order.wanted)]
        if not order.wanted.since:
            disk.require_room(files.folder, files.size_bytes())
        about = extract(sources, path, order.wanted, order.gives_up)
        path = _compressed(path) if order.is_compressed else path
        yield Dump(path, disk.sha256(path), about)


def unlinked(files: Files, order: Order) -> tuple[BinaryIO, Dump]:
    """A dump as an open file without a name: however its sending ends, nothing of it stays.

    Blocks and raises as `made` does; the caller closes the file.
    """
    try:
        with made(files, order) as copy:
            return copy.path.open("rb"), copy
    except OSError as error:
        # Of its folder, or of what is compressed; what SQLite says of the disk is told by `extract`.
        raise OutOfSpace(f"the disk takes no copy: {error.strerror}", retry_after_s=_AGAIN_S) from error


def numbers(files: Files, wanted: Wanted) -> list[int]:
    """The files that may have such batches, oldest first."""
    closed = {file.number: file for file in files.closed}
    return [
        number
        for number in files.numbers()
        if number not in closed or (closed[number].last_seq > wanted.since and closed[number].first_seq <= wanted.upto)
    ]


def sweep(folder: Path) -> None:
    """Remove what a killed process left of dumps."""
    for left in folder.glob(".dump-*"):
        shutil.rmtree(left)


def _compressed(path: Path) -> Path:
    target = path.with_suffix(".db.zst")
    with path.open("rb") as plain, target.open("wb") as packed:
        zstandard.ZstdCompressor(level=_LEVEL).copy_stream(plain, packed, size=path.stat().st_size)
    path.unlink()
    return target
