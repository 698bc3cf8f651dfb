"""The count of a worker's runs, on its disk beside its key. It orders the runs where no clock can."""

import logging
import os
from pathlib import Path

from hoploom.kit.errors import ConfigError
from hoploom.wire.fields import MAX_INTEGER

log = logging.getLogger(__name__)
FILE = "boot"


class BootCount:
    """The file. Everything here blocks for a moment, once in a run."""

    def __init__(self, folder: Path) -> None:
        """Know where it is; nothing is touched yet."""
        self._path = folder / FILE

    def next(self, highest: int = 0) -> int:
        """The count of this run, synced to the disk before it is returned.

        Args:
            highest: The highest that anybody knows of; this one is higher.

        Raises:
            ConfigError: It cannot be kept, so nothing may be said under it.
        """
        count = max(self._last(), highest) + 1
        self.keep(count)
        return count

    def keep(self, count: int) -> None:
        """Keep a count, whole and synced; raises ConfigError where that cannot be."""
        scratch = self._path.with_name(f".{FILE}.{os.getpid()}")
        try:
            with scratch.open("w", encoding="ascii") as file:
                file.write(f"{count}\n")
                file.flush()
                os.fsync(file.fileno())
            scratch.replace(self._path)
            self._sync()
        except OSError as error:
            raise ConfigError(f"cannot keep this worker's boot count in {self._path}: {error.strerror}") from error

    def _last(self) -> int:
        try:
            text = self._path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return 0
        except (OSError, ValueError):
            text = ""
        if text.isdecimal() and len(text) <= len(str(MAX_INTEGER)):
            return int(text)
        log.warning("%s is damaged: the mesh is asked for the last count", self._path)
        return 0

    def _sync(self) -> None:
        descriptor = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
