"""What becomes of a command whose output nobody reads any more, or cannot be written."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from hoploom.kit.errors import HoploomError


class Unwritable(HoploomError):
    """Output could not be written, as where a disk is full."""


def write(stream: TextIO | None, text: str) -> None:
    """Write text at once; nothing where the stream was closed before the command began.

    Raises:
        Unwritable: The system refuses; whatever is written afterwards is thrown away.
    """
    if stream is None:
        return
    try:
        stream.write(text)
        stream.flush()
    except OSError as error:
        # What is still in the buffer would be refused once more when the interpreter ends.
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())
        raise Unwritable(f"the output cannot be written: {error.strerror or error}") from error


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
