"""Makes the closed form of a file that nobody writes to any more: exactly a dump, one file, final. Blocks."""

from collections.abc import Callable
from pathlib import Path

import apsw

from hoploom.kit.errors import HoploomError, Unavailable
from hoploom.output_service import disk, folder
from hoploom.output_service.closed import ClosedFile
from hoploom.output_service.extract import EVERYTHING, Wanted, extract
from hoploom.output_service.files import Files, Source

_ABOUT = "SELECT coalesce(sum(result_rows + hop_rows), 0), coalesce(max(received_at_us), 0) FROM batches"


def close(files: Files, number: int, store: str, gives_up: Callable[[], bool]) -> ClosedFile:
    """Close one file; its old form stays.

    Args:
        files: All files; that this one is closed is not known to them yet.
        number: Of the file.
        store: UUID of the store.
        gives_up: Tells, when it is asked again and again, that the file is to be closed another time.

    Raises:
        OutOfSpace: The disk is full.
        Unavailable: The file cannot be read.
    """
    unfinished, finished = (files.folder / name for name in (folder.closing(number), folder.closed(number)))
    if finished.exists():
        # It could not be noted before.
        return known(finished, number)
    unfinished.unlink(missing_ok=True)
    with files.leased(number) as source:
        disk.require_room(files.folder, disk.size_bytes(source.path))
        try:
            extract([source], unfinished, Wanted(store, 0, EVERYTHING), gives_up)
        except HoploomError:
            # Its room belongs to the batches that come meanwhile.
            unfinished.unlink(missing_ok=True)
            raise
    return known(disk.publish(unfinished, finished.name), number)


def known(path: Path, number: int) -> ClosedFile:
    """What a closed file says of itself.

    Raises:
        Unavailable: It cannot be read.
    """
    try:
        connection = apsw.Connection(
            Source(number, path, is_closed=True).uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        )
        try:
            meta = dict(connection.execute("SELECT name, value FROM meta"))
            rows, closed_at_us = connection.execute(_ABOUT).get
        finally:
            connection.close()
    except apsw.Error as error:
        raise Unavailable(f"{path} cannot be read: {error}") from error
    first, last = int(meta["first_seq"]), int(meta["last_seq"])
    return ClosedFile(number, first, last, rows, path.stat().st_size, disk.sha256(path), closed_at_us)
