"""A file of users that processes of one host share: each reads and writes it whole, one writer at a time.

A writer holds an exclusive `flock` on a lock file beside it, writes a new file, has it and then its name put on disk:
whoever is killed in between leaves the old file or the new one. Readers hold a shared lock. Locks and renames do not
keep these promises on file systems of a network, so those are refused.

Source: flock(2), rename(2), fsync(2), statfs(2) (Linux manual pages).
"""

import contextlib
import ctypes
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from hoploom.kit.errors import BadRequest, ConfigError, Unavailable
from hoploom.manager.people.users import Edit, User, document, from_document, keep_an_admin
from hoploom.wire.fields import VERSION, Fields

LOCK_WAIT_S = 10.0
"""A write takes milliseconds; who waits so long waits for a process that was stopped."""

_POLL_S = 0.002
# Times of files advance by the kernel's tick, of 1 to 10 ms, and numbers of files are used again.
_SETTLED_NS = 100_000_000
_OTHERS = 0o077
NETWORKS = {
    0x6969: "NFS", 0x517B: "SMB", 0xFE534D42: "SMB", 0xFF534D42: "CIFS", 0x00C36400: "Ceph", 0x01021997: "9P",
    0x5346414F: "AFS", 0x6B414653: "AFS", 0x73757245: "Coda", 0x564C: "NCP", 0x0BD00BD0: "Lustre", 0x47504653: "GPFS",
    0x01161970: "GFS2", 0x7461636F: "OCFS2", 0x19830326: "BeeGFS", 0x65735546: "FUSE", 0x786F4256: "vboxsf",
}  # fmt: skip
"""File systems, by the magic number of statfs(2), that other hosts may write too, or that do not say so (FUSE)."""


class UsersFile:
    """One file of users."""

    def __init__(self, path: Path, file_system: Callable[[Path], int] | None = None) -> None:
        """Know the file; it is made by the first change.

        Args:
            path: The file; its folder is there.
            file_system: Tells the magic number of the file system of a folder; statfs(2) by default.

        Raises:
            ConfigError: The folder is missing, or on a network, or others may read the file.
        """
        self._path = path.expanduser().resolve()
        self._lock, self._new = self._path.with_name(f"{path.name}.lock"), self._path.with_name(f"{path.name}.new")
        folder = self._path.parent
        if not folder.is_dir():
            raise ConfigError(f"the users' file {path} has no folder: make {folder} first")
        network = NETWORKS.get((file_system or magic)(folder))
        if network:
            raise ConfigError(f"{folder} is on {network}, where locks do not hold: keep the users' file on a local "
                              "disk, or in Consul by leaving users_file empty")  # fmt: skip
        if self._path.exists() and self._path.stat().st_mode & _OTHERS:
            raise ConfigError(f"others may read the users' file {path}: chmod 600 {path}")

    def stamp(self) -> tuple[int, ...] | None:
        """Another one after every change; None where the file is so young that the next change might have the same."""
        try:
            found = self._path.stat()
        except OSError:
            return ()
        if abs(time.time_ns() - found.st_mtime_ns) < _SETTLED_NS:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def read(self) -> Mapping[str, User]:
        """Everybody by name; raises Unavailable where the file cannot be read or is damaged."""
        with self._locked(fcntl.LOCK_SH):
            return self._read()

    def change(self, name: str, edit: Edit) -> User | None:
        """As `UserStore.change`; returns when it is on disk."""
        with self._locked(fcntl.LOCK_EX):
            users = self._read()
            before = users.pop(name, None)
            after = edit(before)
            if after != before:
                keep_an_admin(before, after, users.values())
                self._write([*users.values(), *([after] if after else [])])
            return after

    @contextlib.contextmanager
    def _locked(self, kind: int) -> Iterator[None]:
        with _translated(self._lock):
            descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            self._take(descriptor, kind)
            yield
        finally:
            os.close(descriptor)

    def _take(self, descriptor: int, kind: int) -> None:
        deadline = time.monotonic() + LOCK_WAIT_S
        while True:
            try:
                return fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise Unavailable(f"another process keeps {self._lock} locked") from None
                time.sleep(_POLL_S)

    def _read(self) -> dict[str, User]:
        try:
            found = json.loads(self._path.read_bytes())
            users = [from_document(each) for each in Fields(found, "a file of users").objects("users")]
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise Unavailable(f"the users' file {self._path} cannot be read: {error.strerror}") from error
        except (BadRequest, ValueError, RecursionError) as error:
            raise Unavailable(f"the users' file {self._path} is damaged: {error}") from error
        return {each.name: each for each in users}

    def _write(self, users: list[User]) -> None:
        known = sorted(users, key=lambda each: each.name)
        content: dict[str, Any] = {"v": VERSION, "users": [document(each) for each in known]}
        with _translated(self._path):
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(self._new, flags, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                # What a killed writer left keeps its mode.
                os.fchmod(descriptor, 0o600)
                file.write(json.dumps(content, indent=1).encode())
                file.flush()
                os.fsync(descriptor)
            self._new.replace(self._path)
            self._sync_folder()

    def _sync_folder(self) -> None:
        descriptor = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def magic(folder: Path) -> int:
    """The magic number of the file system that a folder is on, as statfs(2) tells it."""
    # The number is the first word of a structure that nowhere has more than 256 bytes.
    buffer = (ctypes.c_long * 64)()
    if ctypes.CDLL(None, use_errno=True).statfs(os.fsencode(folder), buffer):
        raise ConfigError(f"cannot tell what {folder} is on: {os.strerror(ctypes.get_errno())}")
    return buffer[0] & 0xFFFFFFFF


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable(f"the users' file {path} cannot be written: {error.strerror}") from error
