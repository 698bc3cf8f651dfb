"""An output of the lab: workers store positions in it, and the input service's audit asks it what it has.

It runs in the harness, so that what it has is the truth about what was stored; in Consul it is a passing `output`.
"""

import json
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

from hoploom.targets.ranges import Range, merge
from hoploom.wire.lease import Lease

Pass = tuple[int, int, str, int]
"""Campaign's number, round, group, family."""


class StubOutput:
    """The store and its server, while this is entered as a context."""

    def __init__(self) -> None:
        """Listen on a free port of loopback; nothing is stored yet."""
        self._stored: dict[Pass, list[Range]] = {}
        self._lock = threading.Lock()
        self._store = str(uuid.uuid4())
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def store(self, lease: Lease) -> None:
        """Keep the results of a whole lease."""
        one_pass = (lease.campaign_number, lease.round, lease.group, lease.family)
        with self._lock:
            self._stored.setdefault(one_pass, []).append((lease.start, lease.stop - 1))

    def ranges(self, one_pass: Pass) -> list[Range]:
        """What is stored of a pass, first and last of each range."""
        with self._lock:
            return merge(self._stored.get(one_pass, []))

    def passes(self) -> list[Pass]:
        """The passes that anything is stored of."""
        with self._lock:
            return list(self._stored)

    def record(self) -> dict[str, object]:
        """The body that registers it at an agent."""
        address, port = self._server.server_address[:2]
        return {"ID": "output-lab", "Name": "output", "Address": str(address), "Port": port}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        output = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                if not parts.path.endswith("/coverage"):
                    self.send_error(404)
                    return
                asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
                one_pass = (int(parts.path.split("/")[-2]), int(asked["round"]), asked["group"], int(asked["family"]))
                body = json.dumps({"v": 1, "store": output._store, "ranges": output.ranges(one_pass)}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

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
