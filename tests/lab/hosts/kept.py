"""Folders that take minutes to make and are kept for the next run, each made by one process at a time.

A folder's name says what is in it, so it never changes. Who uses one holds its lock, shared; who makes one holds the
lock alone, and removes folders that nobody holds. The kernel lets go of a lock when its holder dies.
"""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path


def cache() -> Path:
    """Where they are."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hoploom" / "lab"


class Kept:
    """One such folder, held while this is open.

    Attributes:
        root: The folder.
    """

    def __init__(self, name: str, make: Callable[[Path], None]) -> None:
        """Hold the folder; make it first where there is none.

        Args:
            name: Its name.
            make: Makes it at a path where nothing is, which gets its name when all is done. What it raises is raised.
        """
        self.root, self._make = cache() / name, make
        self.root.parent.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(cache() / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self._hold()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of it."""
        os.close(self._lock)

    def _hold(self) -> None:
        fcntl.flock(self._lock, fcntl.LOCK_SH)
        while not self.root.exists():
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            if not self.root.exists():
                _remove_unheld(besides=self.root)
                part = self.root.with_name(f"{self.root.name}.part")
                shutil.rmtree(part, ignore_errors=True)
                self._make(part)
                part.rename(self.root)
            fcntl.flock(self._lock, fcntl.LOCK_SH)


def _remove_unheld(*, besides: Path) -> None:
    for lock in cache().glob("*.lock"):
        root = lock.with_suffix("")
        if root == besides:
            continue
        descriptor = os.open(lock, os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(root, ignore_errors=True)
        except BlockingIOError:
            continue
        finally:
            os.close(descriptor)
