"""One `up` or `down` of a mesh at a time."""

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from hoploom.kit.errors import ConfigError
from hoploom.local.places import Places


@contextlib.contextmanager
def alone(places: Places, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the mesh's lock; calls `waiting` once when somebody else holds it, and then waits.

    The lock file lies outside of the state folder, which `down --purge` removes.
    """
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    name = f"hoploom-{os.getuid()}-{str(places.root).replace('/', '_')}.lock"
    try:
        descriptor = os.open(folder / name[-200:], os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise ConfigError(f"cannot lock the mesh with a file in {folder}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
