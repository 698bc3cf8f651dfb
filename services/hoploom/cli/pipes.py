"""What becomes of a command whose output nobody reads any more."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ends_with_its_reader() -> Iterator[None]:
    """Inside of this, a closed pipe ends the process silently, as it does fping, scamper and most others.

    Python turns SIGPIPE into an exception, which here would come up in the middle of the prober's work.
    """
    before = signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGPIPE, before)
