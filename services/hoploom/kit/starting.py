"""Makes the start of a process cheap: it takes processor time from the instances that serve meanwhile.

What a start costs is loading modules. Two things in that are for nothing: the collector goes
through what has just been loaded again and again, and aiohttp reads all certificate authorities of the machine, which a
process that speaks HTTP with its mesh never asks for.
"""

import gc
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_AT_ONCE = ssl.SSLContext.load_default_certs


@contextmanager
def cheaply() -> Iterator[None]:
    """Load modules in this block: nothing of them is collected, ever.

    A TLS context that is made in this block for the machine's authorities reads them at its first handshake.
    """
    gc.disable()
    ssl.SSLContext.load_default_certs = _later  # type: ignore[method-assign]
    try:
        yield
    finally:
        ssl.SSLContext.load_default_certs = _AT_ONCE  # type: ignore[method-assign]
        gc.freeze()
        gc.enable()


class _Patient(ssl.SSLContext):
    """A context that knows whom to trust only when it has to."""

    purpose: ssl.Purpose | None

    def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:
        self._load()
        return super().wrap_bio(*args, **options)

    def wrap_socket(self, *args: Any, **options: Any) -> ssl.SSLSocket:
        self._load()
        return super().wrap_socket(*args, **options)

    def get_ca_certs(self, binary_form: Any = False) -> Any:
        self._load()
        return super().get_ca_certs(binary_form)

    def _load(self) -> None:
        if self.purpose is not None:
            purpose, self.purpose = self.purpose, None
            self.load_default_certs(purpose)


def _later(self: ssl.SSLContext, purpose: ssl.Purpose = ssl.Purpose.SERVER_AUTH) -> None:
    if type(self) is not ssl.SSLContext:  # somebody's own kind, or one that is used already
        _AT_ONCE(self, purpose)
        return
    self.__class__ = _Patient
    assert isinstance(self, _Patient)
    self.purpose = purpose
