"""Reads lists of CIDR blocks: an argument by hand, a file, or a folder of files. No other module here reads a disk.

A list has one block or address a line; blank lines and `#` comments (also behind a block) are allowed. One bad line
makes the whole file unused, because half a list maps something nobody asked for; all bad lines are reported at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hoploom.kit import errors
from hoploom.targets.notation import BadBlock, Block, excerpt, parse_block

LIST_SUFFIXES = frozenset({".cidr", ".ipset", ".list", ".lst", ".netset", ".txt", ".zone"})
"""Names in a folder that count as lists: the usual ones of published collections. Others are named as not read."""

MAX_FILE_BYTES = 64 * 2**20
"""About four million lines; a larger file is most likely no list."""

MAX_REPORTED_LINES = 20
"""Enough to see the pattern of a mistake; the rest is a count."""


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no block: `FILE:LINE: REASON`."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        """The report as compilers write it, which editors can jump to."""
        return f"{self.file}:{self.line}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Source:
    """Blocks of one origin.

    Attributes:
        name: The argument or the path, as the person wrote it.
        by_hand: Named as an argument, not found in a file; such private space needs no further flag.
        blocks: What it lists, as written; empty when any line is bad.
        bad_lines: The first `MAX_REPORTED_LINES` bad lines.
        bad_count: All bad lines.
    """

    name: str
    by_hand: bool
    blocks: tuple[Block, ...]
    bad_lines: tuple[BadLine, ...] = ()
    bad_count: int = 0

    def report(self) -> str:
        """The bad lines for a person, one a line; empty text when there are none."""
        if not self.bad_count:
            return ""
        more = self.bad_count - len(self.bad_lines)
        lines = [str(line) for line in self.bad_lines] + ([f"and {more:,} more"] if more else [])
        return "\n".join([*lines, f"Nothing of {self.name} is used."])


@dataclass(frozen=True, slots=True)
class Reading:
    """What one argument stands for.

    Attributes:
        sources: One for a block or a file, one a file for a folder.
        not_read: Names in a folder that do not end like a list.
    """

    sources: tuple[Source, ...]
    not_read: tuple[str, ...] = ()


def parse_argument(text: str) -> Reading:
    """Read what a person named on the command line.

    Args:
        text: A CIDR block, an address, or the path of a file or folder. A path that looks like a block is written `./`.

    Returns:
        The blocks and where they come from.

    Raises:
        ConfigError: It is none of these, or cannot be read.
    """
    try:
        return Reading((Source(text, by_hand=True, blocks=(parse_block(text),)),))
    except BadBlock as error:
        reason = str(error)
    # Path("") is the present folder, which nobody named
    path = Path(text or "\0")
    if _is(path, "dir"):
        return read_folder(path)
    if _is(path, "file"):
        return Reading((read_file(path),))
    raise errors.ConfigError(f"{reason}, and there is no file or folder of that name.")


def read_folder(folder: Path) -> Reading:
    """Read every list of a folder, in the order of their names; subfolders and hidden files are left alone.

    Args:
        folder: An existing folder.

    Returns:
        One source a list.

    Raises:
        ConfigError: The folder holds no list or cannot be read.
    """
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError as error:
        raise errors.ConfigError(f"Cannot read the folder {folder}: {error.strerror}.") from error
    lists = [path for path in files if path.suffix.lower() in LIST_SUFFIXES]
    if not lists:
        raise errors.ConfigError(f"{folder} holds no list of blocks (files ending {', '.join(sorted(LIST_SUFFIXES))}).")
    others = tuple(str(path) for path in files if path not in set(lists))
    return Reading(tuple(read_file(path) for path in lists), others)


def read_file(path: Path) -> Source:
    """Read one list.

    Args:
        path: A regular file, UTF-8, at most `MAX_FILE_BYTES`.

    Returns:
        Its blocks, or its bad lines and no block.

    Raises:
        ConfigError: The file cannot be read or is too large.
    """
    try:
        size_bytes = path.stat().st_size
        data = path.read_bytes() if size_bytes <= MAX_FILE_BYTES else b""
    except OSError as error:
        raise errors.ConfigError(f"Cannot read {path}: {error.strerror}.") from error
    if size_bytes > MAX_FILE_BYTES:
        limit_mib = MAX_FILE_BYTES // 2**20
        raise errors.ConfigError(f"{path} has {size_bytes:,} bytes, over the limit of {limit_mib} MiB: split it.")
    return parse_list(str(path), data.decode("utf-8-sig", errors="replace"))


def parse_list(name: str, text: str) -> Source:
    """Read the text of a list.

    Args:
        name: What reports call it.
        text: Lines as described at the head of this module.

    Returns:
        Its blocks, or its bad lines and no block.
    """
    blocks: list[Block] = []
    bad: list[BadLine] = []
    bad_count = 0
    for number, entry in _entries(text):
        try:
            blocks.append(parse_block(entry))
        except BadBlock as error:
            bad_count += 1
            if len(bad) < MAX_REPORTED_LINES:
                bad.append(BadLine(name, number, str(error)))
    return Source(name, False, () if bad_count else tuple(blocks), tuple(bad), bad_count)


def _entries(text: str) -> Iterator[tuple[int, str]]:
    """(line number from 1, what is left without comment and space) of the lines that say something."""
    # split at "\n" alone: splitlines() would also cut at form feeds and Unicode separators, and editors count otherwise
    for number, line in enumerate(text.split("\n"), start=1):
        entry = line.partition("#")[0].strip()
        if entry:
            yield number, entry


def _is(path: Path, kind: str) -> bool:
    """Whether the path is a file or folder, for names that no file system takes too (NUL, overlong)."""
    try:
        return path.is_dir() if kind == "dir" else path.is_file()
    except ValueError:
        return False
    except OSError as error:
        raise errors.ConfigError(f"Cannot look at {excerpt(str(path))}: {error.strerror}.") from error
