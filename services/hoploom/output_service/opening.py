"""Opens a store's folder, and puts right what a crash has left in it."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import apsw

from hoploom.kit.errors import ConfigError, HoploomError
from hoploom.output_service import closing, disk, folder, rotation
from hoploom.output_service.closed import ClosedFile
from hoploom.output_service.confirmations import Confirmed
from hoploom.output_service.files import Files, Source
from hoploom.output_service.folder import Plan

log = logging.getLogger(__name__)
CLOSED, CONFIRMED = "closed ", "confirmed "
"""In the table `meta`, with the number of a closed file behind it, or with the name of a data set."""

_NOTES = "SELECT substr(name, ?), value FROM meta WHERE substr(name, 1, ?) = ?"
_FIRST = "SELECT coalesce((SELECT min(seq) FROM batches), (SELECT max(seq) + 1 FROM earlier_batches), 1)"


@dataclass(frozen=True)
class Opened:
    """An open folder.

    Attributes:
        writer: The connection that writes.
        files: All files.
        confirmed: What data sets have said, by name.
    """

    writer: apsw.Connection
    files: Files
    confirmed: dict[str, Confirmed]


def open_folder(path: Path) -> Opened:
    """Open a store, or make one.

    Raises:
        ConfigError: It cannot be opened; says why.
    """
    try:
        plan = folder.plan(each.name for each in path.iterdir())
        _put_right(path, plan)
        writer = rotation.open_for_writing(path / folder.live(plan.live))
        closed = _closed(path, plan, writer)
        first = {number: _first_seq(path, number) for number in (*plan.unclosed, plan.live)}
        confirmed = {name: Confirmed.from_text(name, text) for name, text in _notes(writer, CONFIRMED).items()}
    except (apsw.Error, OSError) as error:
        raise ConfigError(f"cannot open the store in {path}: {error}") from error
    return Opened(writer, Files(path, first, closed), confirmed)


def _put_right(path: Path, plan: Plan) -> None:
    for name in plan.remove:
        (path / name).unlink()
    if plan.adopts:
        _adopt(path)


def _adopt(path: Path) -> None:
    """Give the one file of an older version its number; without a `-wal`, or that would stay behind."""
    old = apsw.Connection(str(path / folder.OLD))
    old.pragma("journal_mode", "delete")
    old.close()
    disk.publish(path / folder.OLD, folder.live(1))


def _closed(path: Path, plan: Plan, writer: apsw.Connection) -> list[ClosedFile]:
    """All closed files: as they were noted, or, where a crash came before that, by what they say themselves."""
    noted = [ClosedFile.from_text(text) for text in _notes(writer, CLOSED).values()]
    unknown = set(plan.closed) - {file.number for file in noted}
    return [
        *(_checked(path, file, is_there=file.number in plan.closed) for file in noted),
        *(_read(path / folder.closed(number), number) for number in unknown),
    ]


def _read(path: Path, number: int) -> ClosedFile:
    try:
        return closing.known(path, number)
    except HoploomError as error:
        raise ConfigError(f"{error}: move it away if its results are elsewhere") from error


def _checked(path: Path, file: ClosedFile, *, is_there: bool) -> ClosedFile:
    if file.pruned and is_there:
        (path / file.name).unlink()
    if not file.pruned and not is_there:
        log.warning("%s is gone, and this store has not removed it", file.name)
        return replace(file, pruned=True)
    return file


def _notes(writer: apsw.Connection, kind: str) -> dict[str, str]:
    found = writer.execute(_NOTES, (len(kind) + 1, len(kind), kind)).fetchall()
    return {str(name): str(value) for name, value in found}


def _first_seq(path: Path, number: int) -> int:
    source = Source(number, path / folder.live(number), is_closed=False)
    connection = apsw.Connection(source.uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
    try:
        return int(connection.execute(_FIRST).get)
    finally:
        connection.close()
