"""What each file of a store's folder is, by its name alone, and what a crash has left to be done. Pure.

`live-000003.db` is written to, beside its `-wal` and `-shm`. `results-000002.db` is closed: final, one file, exactly
a dump. A file is closed by making the second kind beside the first: under a name of its own, synced, renamed, and only
then the first kind goes. So no name ever changes its meaning, and no `-wal` ever lies beside a file it is not of.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from hoploom.kit.errors import ConfigError

OLD = "results.db"
"""The one file of a store before files had numbers."""

_LIVE, _CLOSED = re.compile(r"live-(\d{6,})\.db"), re.compile(r"results-(\d{6,})\.db")
_UNFINISHED = re.compile(r"\.(next|closing)-\d{6,}\.db(-wal|-shm|-journal)?")
_SIDE = re.compile(r"(live-\d{6,}\.db)(-wal|-shm|-journal)")


def live(number: int) -> str:
    """Name of a file while it is written to, and until its closed form is there."""
    return f"live-{number:06d}.db"


def closed(number: int) -> str:
    """Name of a closed file, also as it is served."""
    return f"results-{number:06d}.db"


def next_one(number: int) -> str:
    """Name of a file that is being made to be written to."""
    return f".next-{number:06d}.db"


def closing(number: int) -> str:
    """Name of a closed file that is being made."""
    return f".closing-{number:06d}.db"


def closed_number(name: str) -> int | None:
    """The number of a closed file's name; None for any other name, such as one with a slash."""
    found = _CLOSED.fullmatch(name)
    return int(found[1]) if found and closed(int(found[1])) == name else None


@dataclass(frozen=True)
class Plan:
    """What a store does with its folder when it is opened.

    Attributes:
        live: Number of the file to write to.
        adopts: Whether that is the one file of an older version, to be renamed first.
        unclosed: Numbers of files that nobody writes to any more and that have no closed form yet, oldest first.
        closed: Numbers of closed files, oldest first.
        remove: Names that are of no use: half-made files, and what was closed since.
    """

    live: int
    adopts: bool
    unclosed: tuple[int, ...]
    closed: tuple[int, ...]
    remove: tuple[str, ...]


def plan(names: Iterable[str]) -> Plan:
    """What to do with a folder that has these names in it.

    Raises:
        ConfigError: The file that was written to is missing, or there are two stores in one folder.
    """
    names = set(names)
    written, done = _numbers(_LIVE, names), _numbers(_CLOSED, names)
    newest = max(written | done, default=1)
    if done and newest not in written:
        raise ConfigError(
            f"{live(newest + 1)} is missing beside {closed(newest)}: put it back, or choose another --db-dir"
        )
    if written and OLD in names:
        raise ConfigError(f"{OLD} of an older version is beside {live(newest)}: move it to a --db-dir of its own")
    return Plan(
        live=newest,
        adopts=OLD in names,
        unclosed=tuple(sorted(written - done - {newest})),
        closed=tuple(sorted(done)),
        remove=tuple(sorted(_useless(names, written & done))),
    )


def _numbers(pattern: re.Pattern[str], names: Iterable[str]) -> set[int]:
    return {int(found[1]) for found in map(pattern.fullmatch, names) if found}


def _useless(names: set[str], closed_since: set[int]) -> Iterable[str]:
    bases = {live(number) for number in closed_since}
    for name in names:
        side = _SIDE.fullmatch(name)
        if _UNFINISHED.fullmatch(name) or name in bases:
            yield name
        elif side and (side[1] in bases or side[1] not in names):
            yield name
