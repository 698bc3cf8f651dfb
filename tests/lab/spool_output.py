"""An output that remembers every batch that ever arrived, and answers well, badly, late, or not at all.

It runs in the harness, so that what it acknowledged is the truth.
"""

import contextlib
import json
import random
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from hoploom.wire.batch_codec import MEDIA_TYPE_ZSTD, digest, unpack

TROUBLE = (500, 503, 507, 409, 0)
"""What it answers instead; 0 is no answer at all."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing: whoever is killed breaks the connection."""


class SpoolOutput:
    """The store and its server, while this is entered as a context."""

    def __init__(self, seed: int = 0, trouble: float = 0.0) -> None:
        """Listen on a free port of loopback.

        Args:
            seed: Of the trouble.
            trouble: How often it makes some, 0 to 1; it may have stored the batch all the same.
        """
        self.arrived: dict[str, set[str]] = {}
        self.acknowledged: set[str] = set()
        self.sends = 0
        self.refuses: set[str] = set()
        self.away = False
        self.trouble, self._random = trouble, random.Random(seed)
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def status(self, body: bytes) -> int:
        """Take a batch; the status of the answer, 0 for none."""
        found = unpack(body, MEDIA_TYPE_ZSTD)
        with self._lock:
            if self.away:
                return 503
            self.sends += 1
            self.arrived.setdefault(found.batch, set()).add(digest(found).hex())
            if found.batch in self.refuses:
                return 422
            if self._random.random() < self.trouble:
                return self._random.choice(TROUBLE)
            self.acknowledged.add(found.batch)
        return 200

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        output = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                # Whoever is killed takes no answer.
                with contextlib.suppress(OSError):
                    self._answer()

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                # Nor has it sent all of it.
                if len(body) < int(self.headers["Content-Length"]):
                    return
                status = output.status(body)
                if not status:
                    self.close_connection = True
                    return
                time.sleep(0.001)
                answer = json.dumps({"batch": self.headers["Idempotency-Key"], "detail": str(status)}).encode()
                self.send_response(status)
                kind = "application/json" if status == 200 else "application/problem+json"
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        return Handler

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
