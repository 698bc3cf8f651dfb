"""A TCP relay on loopback that can be held: connections stay open and nothing comes through, as behind a dead watch."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

LOOPBACK = "127.0.0.1"


class HeldRelay:
    """Passes everything on to a port of loopback while it is not held; a context."""

    def __init__(self, port: int) -> None:
        """Listen already, at `port` of its own.

        Args:
            port: Where everything is passed on to.
        """
        self._target, self._passing = port, threading.Event()
        self._passing.set()
        self._sockets: list[socket.socket] = [socket.create_server((LOOPBACK, 0))]
        self.port = int(self._sockets[0].getsockname()[1])

    def hold(self) -> None:
        """Let nothing through any more."""
        self._passing.clear()

    def release(self) -> None:
        """Let everything through again, and what came meanwhile first."""
        self._passing.set()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near = self._sockets[0].accept()[0]
                far = socket.create_connection((LOOPBACK, self._target))
                self._sockets += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                self._passing.wait()
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
