"""How many bytes of batches are in memory: from the first byte of a request until its batch is on the disk. Pure.

Batches differ in size a thousandfold, so their number says nothing: the largest ones of traceroutes take 24 MB each.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hoploom.kit.errors import Unavailable
from hoploom.wire.batch import Batch

HEAD_BYTES = 4096
"""What a batch takes beside its columns, and its request."""

AGAIN_S = 2.0


class Intake:
    """The room for batches of one instance; used in the loop alone."""

    def __init__(self, max_bytes: int) -> None:
        """Begin empty; a batch that comes alone always finds room."""
        self.max_bytes = max_bytes
        self.size_bytes = 0

    @contextmanager
    def place(self) -> Iterator[Place]:
        """A place for one batch, of no size yet; free again afterwards."""
        found = Place(self)
        try:
            yield found
        finally:
            self.size_bytes -= found.size_bytes

    def require(self, size_bytes: int, others_bytes: int) -> None:
        """Raises Unavailable where so much more than the others take is too much."""
        if others_bytes and others_bytes + size_bytes > self.max_bytes:
            raise Unavailable(f"{others_bytes} bytes of batches wait to be written", retry_after_s=AGAIN_S)


class Place:
    """The room that one batch takes."""

    def __init__(self, intake: Intake) -> None:
        """Made by `Intake.place`."""
        self._intake = intake
        self.size_bytes = 0

    def resize(self, size_bytes: int) -> None:
        """Take so much from now on.

        Raises:
            Unavailable: There is not so much room beside the others; the place stays as it was.
        """
        others_bytes = self._intake.size_bytes - self.size_bytes
        self._intake.require(size_bytes, others_bytes)
        self._intake.size_bytes, self.size_bytes = others_bytes + size_bytes, size_bytes


def size_bytes(batch: Batch) -> int:
    """What a batch takes in memory."""
    return HEAD_BYTES + sum(int(getattr(batch.columns, name).nbytes) for name in batch.columns.types())
