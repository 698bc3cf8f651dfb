"""The worker's spool: one folder, one process, one file a segment. What is in it survives kill -9 and power cuts.

A segment is written under another name, synced, renamed, and the folder is synced; afterwards it is never changed, only
sent, removed when the output has it, or set aside. Files of others in the folder are left alone. Everything here blocks
and belongs into a thread; `outbox` is the way in.
"""

import contextlib
import errno
import logging
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from hoploom.kit.errors import ConfigError, OutOfSpace, Unavailable
from hoploom.kit.ownership import Ownership
from hoploom.ping_service import segment
from hoploom.ping_service.quarantine import Quarantine
from hoploom.ping_service.segment import Damaged, Name

log = logging.getLogger(__name__)
FLAG = "--spool-dir"
UNSEALED = ".part"
QUARANTINE_PART = 8
"""The quarantine holds so small a part of what the spool may."""

_TRIAL = Name(0, str(uuid.UUID(int=0)))
_TRIAL_BYTES = 4096
_FREE_PART = 2
_ENOUGH = 7 / 8
"""Once over its limit, the spool counts as full until it is down to so much of it."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Kept(NamedTuple):
    """A segment of an earlier run.

    Attributes:
        name: What its file's name says.
        size_bytes: Size of the file.
        age_s: Its age by the wall clock, which may be years off; 0 at least.
    """

    name: Name
    size_bytes: int
    age_s: float


class Spool:
    """The folder. Only `open` and the constructor may be called before it is open."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        """Know where it is; nothing is touched yet.

        Args:
            folder: The folder; made when it is not there.
            max_bytes: Most that it should hold; the quarantine holds a part of that beside it.
        """
        self.folder, self.max_bytes = folder, max_bytes
        self.quarantine = Quarantine(folder, max_bytes // QUARANTINE_PART)
        self.next_place = 0
        self._ownership: Ownership | None = None

    def open(self, now_s: float, wait_s: float = 0.0) -> list[Kept]:
        """Take the folder, and see what earlier runs have left in it, oldest first.

        Args:
            now_s: The wall clock, in seconds since 1970.
            wait_s: Seconds to wait for a predecessor that still uses it.

        Raises:
            ConfigError: Another process uses it, or it cannot be used.
        """
        self._ownership = Ownership(self.folder, FLAG, wait_s)
        try:
            self.quarantine.open()
            kept = sorted(self._found(now_s))
        except OSError as error:
            self.close()
            raise ConfigError(f"cannot keep results in {self.folder}: {error.strerror} (see {FLAG})") from error
        self.next_place = 1 + max([each.name.place for each in kept] + [self.quarantine.last_place])
        return kept

    def close(self) -> None:
        """Let go of the folder."""
        if self._ownership is not None:
            self._ownership.release()
            self._ownership = None

    def write(self, bodies: Mapping[Name, bytes]) -> None:
        """Have packed batches in the spool, by one sync of the folder for all; the same may be written again.

        Raises:
            OutOfSpace: The disk is full.
            Unavailable: The disk fails.
        """
        with self._translated("written to"), self._cleaned(bodies):
            for name, body in bodies.items():
                self._write(name, segment.sealed(name.batch, body))
            # After all are written, so that the first sync takes most of the others with it.
            for name in bodies:
                _sync(self._unsealed(name))
            for name in bodies:
                self._unsealed(name).replace(self.folder / str(name))
            _sync(self.folder)

    def try_out(self) -> None:
        """See whether the disk takes anything; raises as `write`."""
        with self._translated("written to"), self._cleaned([_TRIAL]):
            self._write(_TRIAL, bytes(_TRIAL_BYTES))
            _sync(self._unsealed(_TRIAL))

    def read(self, name: Name) -> bytes:
        """The packed batch of a segment.

        Raises:
            Damaged: It is not what was sealed.
            TooNew: Only a later version can read it.
            Unavailable: The disk fails.
        """
        with self._translated("read"):
            try:
                return segment.opened((self.folder / str(name)).read_bytes(), name.batch)
            except FileNotFoundError:
                raise Damaged("somebody has removed it") from None

    def remove(self, name: Name) -> None:
        """Forget a segment; raises Unavailable where the disk fails, and then it is sent again after a restart."""
        with self._translated("changed"):
            (self.folder / str(name)).unlink(missing_ok=True)

    def set_aside(self, name: Name, reason: str) -> None:
        """Put a segment into quarantine, where it is still there; raises as `write`."""
        with self._translated("changed"), contextlib.suppress(FileNotFoundError):
            self.quarantine.take(self.folder / str(name), reason)

    def free_bytes(self) -> int:
        """Space that is left on the disk; raises Unavailable where nobody knows."""
        with self._translated("measured"):
            found = os.statvfs(self.folder)
            return found.f_bavail * found.f_frsize

    def _found(self, now_s: float) -> Iterator[Kept]:
        strange = 0
        for entry in os.scandir(self.folder):
            name = segment.parse(entry.name.removesuffix(UNSEALED))
            if name is None or not entry.is_file(follow_symlinks=False):
                strange += entry.is_file(follow_symlinks=False) and entry.name != "owner.lock"
            elif entry.name.endswith(UNSEALED):
                # Never sealed: its positions are handed out again.
                Path(entry).unlink()
            else:
                about = entry.stat(follow_symlinks=False)
                yield Kept(name, about.st_size, max(0.0, now_s - about.st_mtime))
        if strange:
            log.warning("%s files in %s are no segments and are left alone", strange, self.folder)

    def _write(self, name: Name, content: bytes) -> None:
        descriptor = os.open(self._unsealed(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(descriptor, view) :]
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def _cleaned(self, names: Iterable[Name]) -> Iterator[None]:
        """Leaves nothing half written: on a full disk it would take the room of others."""
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                for name in names:
                    self._unsealed(name).unlink(missing_ok=True)

    def _unsealed(self, name: Name) -> Path:
        return self.folder / f"{name}{UNSEALED}"

    @contextlib.contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            kind = OutOfSpace if error.errno in _FULL else Unavailable
            raise kind(f"the spool cannot be {what}: {error.strerror}") from error


def _sync(path: Path) -> None:
    """Have a file's content, or a folder's names, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_over(size_bytes: int, max_bytes: int, free_bytes: int, *, was_over: bool) -> bool:
    """Whether the spool is over its limit: what was set, and at most half of the space there would be without it.

    Args:
        size_bytes: Size of what is in it.
        max_bytes: What was set.
        free_bytes: Space that is left beside it.
        was_over: Whether it was before.
    """
    limit = min(max_bytes, (size_bytes + free_bytes) // _FREE_PART)
    return size_bytes >= (limit * _ENOUGH if was_over else limit)
