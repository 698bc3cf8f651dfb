"""One process a folder of data: a lock file that names its owner."""

import contextlib
import fcntl
import os
import time
from pathlib import Path

from hoploom.kit.errors import ConfigError

_POLL_S = 0.1


class Ownership:
    """Holds the folder until it is released or the process ends, however it ends."""

    def __init__(self, folder: Path, flag: str, wait_s: float = 0.0) -> None:
        """Take the folder.

        Args:
            folder: The folder; made when it is not there.
            flag: The flag that names another one, for who is refused.
            wait_s: Seconds to wait for another process to let go of it.

        Raises:
            ConfigError: The folder cannot be made, or another process owns it.
        """
        path, self._flag = folder / "owner.lock", flag
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise ConfigError(f"cannot keep data in {folder}: {error.strerror} (see {flag})") from error
        self._take(path, time.monotonic() + wait_s)
        os.truncate(self._descriptor, 0)
        # The lock counts. A full disk takes no number, and who is kept out then could never make room on it.
        with contextlib.suppress(OSError):
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def _take(self, path: Path, deadline: float) -> None:
        while True:
            try:
                return fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    owner = path.read_text(encoding="ascii", errors="replace").strip() or "unknown"
                    os.close(self._descriptor)
                    reason = f"process {owner} already owns {path.parent}"
                    raise ConfigError(f"{reason}; stop it, or give this instance its own {self._flag}") from None
                time.sleep(_POLL_S)

    def release(self) -> None:
        """Let go of the folder."""
        os.close(self._descriptor)
