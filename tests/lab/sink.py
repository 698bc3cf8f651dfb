"""A resource that checks tokens: takes effects over HTTP, and records each in the history in its own order.

It runs in the harness and not in a leader, so that a leader that is stopped cannot hold it. With `fenced=False` it
takes everything: so the checker is shown red.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from lab.history import FAIL, OK, Recorder, Token

RESOURCE = "sink"


class Fence:
    """The highest token that each role has come with."""

    def __init__(self, *, enforced: bool = True) -> None:
        """Know none yet."""
        self._highest: dict[str, Token] = {}
        self._enforced = enforced

    def admits(self, role: str, token: Token) -> bool:
        """Whether an effect with this token counts; raises the fence to it."""
        good = not self._enforced or token >= self._highest.get(role, token)
        if good:
            self._highest[role] = token
        return good


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a leader that died while it asked."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Sink:
    """The resource's server, while this is entered as a context. `POST /` {role, token, proc, boot}: 200 or 409."""

    def __init__(self, recorder: Recorder, host: str = "127.0.0.1", *, fenced: bool = True) -> None:
        """Listen on a free port of an address."""
        self._recorder, self._fence, self._order = recorder, Fence(enforced=fenced), 0
        self._lock = threading.Lock()
        self._server = _Server((host, 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def port(self) -> int:
        """Port that it listens on."""
        return int(self._server.server_port)

    def take(self, effect: dict[str, Any]) -> bool:
        """Decide on one effect, and record it."""
        with self._lock:
            good = self._fence.admits(effect["role"], Token.parse(effect["token"]))
            what = {"order": self._order, "proc": effect["proc"], "boot": effect["boot"]}
            self._recorder.note(OK if good else FAIL, "effect", effect["role"], what, effect["token"])
            self._order += 1
        return good

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                good = sink.take(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200 if good else 409)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing: the history has it."""

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
