"""The record beside a made engine: what it is and what it hashed to when it was made.

An executable in the cache is used only when its record vouches for it. Size and times of the file stand in for the
hash (170 MB hash in about 0.2 s, every start would pay it three times); when they differ, the hash is taken. The
change time is among them because nobody can set it back without setting the machine's clock. A record protects from
damage and half-done work, not from somebody who may write to this folder: he could write the record too.
"""

import dataclasses
import hashlib
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

_FORMAT = 1


@dataclass(frozen=True)
class Record:
    """What is known about a made engine.

    Attributes:
        version: Version that was made.
        way: `download` or `build`.
        sha256: Hexadecimal SHA-256 of the executable.
        made_at: When, in UTC, ISO 8601.
        go: Version of the Go toolchain, empty for a download.
        size_bytes: Size of the executable.
        mtime_ns: Its modification time, ns since 1970.
        ctime_ns: Its change time, ns since 1970.
        v: Version of this format.
    """

    version: str
    way: Literal["download", "build"]
    sha256: str
    made_at: str
    go: str
    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    v: int = _FORMAT


def place(executable: Path) -> Path:
    """Path of the record of an executable: `consul` has `consul.json`."""
    return executable.with_name(f"{executable.name}.json")


def install(made: Path, target: Path, version: str, go: str | None) -> None:
    """Put a finished executable in its place, with its record.

    The old record goes first: at every moment the folder holds a pair that belongs together, or no valid pair.

    Args:
        made: The finished executable, on the file system of the target.
        target: Where it shall stand; whatever is there is replaced, also while it runs.
        version: Its version.
        go: Version of the Go toolchain that built it; None when it was downloaded.
    """
    made.chmod(0o755)
    sha256 = sha256_of(made)
    place(target).unlink(missing_ok=True)
    os.replace(made, target)
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    _write(Record(version, "build" if go else "download", sha256, made_at, go or "", *_stamp(target)), target)


def doubt(executable: Path, version: str) -> str | None:
    """Why an executable in the cache must not be used.

    Args:
        executable: Where it should stand.
        version: The version that it should have.

    Returns:
        None when its record vouches for it; else the reason, in words.
    """
    if not executable.is_file():
        return "nothing in the cache"
    record = _read(place(executable))
    if record is None:
        return f"{executable} has no record of how it was made"
    if record.version != version:
        return f"{executable} is recorded as {record.version}"
    if _stamp(executable) == (record.size_bytes, record.mtime_ns, record.ctime_ns):
        return None
    if sha256_of(executable) != record.sha256:
        return f"{executable} was changed after it was made (its SHA-256 differs)"
    _refresh(record, executable)
    return None


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _stamp(path: Path) -> tuple[int, int, int]:
    """Size in bytes, modification and change time in ns."""
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def _refresh(record: Record, executable: Path) -> None:
    """Remember the new times of an unchanged file (copied, or its mode set), where the cache may be written."""
    size_bytes, mtime_ns, ctime_ns = _stamp(executable)
    fresh = dataclasses.replace(record, size_bytes=size_bytes, mtime_ns=mtime_ns, ctime_ns=ctime_ns)
    if os.access(executable.parent, os.W_OK):
        _write(fresh, executable)


def _write(record: Record, executable: Path) -> None:
    path = place(executable)
    half = path.with_name(f".{path.name}.{os.getpid()}")
    half.write_text(json.dumps(dataclasses.asdict(record), indent=2) + "\n", "utf-8")
    os.replace(half, path)


def _read(path: Path) -> Record | None:
    """The record, or None when it is missing, damaged or of another format."""
    try:
        record = Record(**json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return record if record.v == _FORMAT else None
