"""Runs a command of ours for hundreds of cases without starting Python for each: one process imports it, and is forked.

What runs is the command's own `main` on streams of its own; only what comes before it, the start of the interpreter and
the imports, is shared.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self

_LONGEST_WORDS = 1 << 16


class Forking:
    """The process that has imported the command, while this is entered as a context."""

    def __init__(self, imports: Sequence[str], before: Sequence[str] = ()) -> None:
        """Say what it is.

        Args:
            imports: Modules that are imported once.
            before: A command that runs what stands behind it, such as `unshare -m`.
        """
        self._imports, self._before = imports, before

    def __enter__(self) -> Self:
        """Start it, in the calling thread's namespaces."""
        self._near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [*self._before, sys.executable, __file__, str(far.fileno()), *self._imports]
        with far:
            self._process = subprocess.Popen(command, pass_fds=[far.fileno()])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self._near.close()
        self._process.wait(60)

    def run(self, words: Sequence[str], given: bytes) -> tuple[int, bytes, bytes]:
        """Run `hoploom WORDS` to its end; several threads may at the same time.

        Args:
            words: Its arguments.
            given: Its standard input.

        Returns:
            Its exit code, -1 where a signal ended it, and what it wrote to standard output and standard error.
        """
        (stdin, ours), (out, stdout), (err, stderr), (code, told) = (os.pipe() for _ in range(4))
        theirs = [stdin, stdout, stderr, told]
        socket.send_fds(self._near, [json.dumps(words).encode()], theirs)
        for each in theirs:
            os.close(each)
        with contextlib.suppress(BrokenPipeError), open(ours, "wb") as file:
            file.write(given)
        texts: list[bytes] = [b"", b"", b""]

        def drain(number: int, descriptor: int) -> None:
            with open(descriptor, "rb") as file:
                texts[number] = file.read()

        readers = [threading.Thread(target=drain, args=each) for each in enumerate((code, out, err))]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        return int(texts[0] or b"-1"), texts[1], texts[2]


def _serve(channel: socket.socket) -> None:
    while True:
        words, descriptors, _, _ = socket.recv_fds(channel, _LONGEST_WORDS, 4)
        if not words:
            return
        if os.fork() == 0:
            _be(json.loads(words), descriptors)
        for each in descriptors:
            os.close(each)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _be(words: list[str], descriptors: list[int]) -> None:
    """Become the command; never returns."""
    from hoploom.cli.main import main  # noqa: PLC0415 - the library side of this module needs nothing of it

    told = descriptors[3]
    for number, each in enumerate(descriptors[:3]):
        os.dup2(each, number)
        os.close(each)
    try:
        code: object = main(words)
    except SystemExit as ended:
        code = ended.code or 0
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os.write(told, str(code).encode())
    os._exit(0)


if __name__ == "__main__":
    import gc
    import importlib

    for name in sys.argv[2:]:
        importlib.import_module(name)
    gc.freeze()
    _serve(socket.socket(fileno=int(sys.argv[1])))
