"""What the modules that talk to Consul or Nomad share: an agent's HTTP API with one token."""

import json
import time
import urllib.error
import urllib.request
from typing import Any

CALL_S = 30
FORBIDDEN, NOT_FOUND, FAILED = 403, 404, 500
PATIENCE_S = 15
"""A read is asked again for so long: while servers choose a leader, they refuse what a moment later they answer."""

_PAUSE_S = 0.5


class Refused(Exception):
    """An agent's answer, or what did not come about, for a person."""

    def __init__(self, text: str, status: int = 0) -> None:
        """Know what was said, and the status where an agent said it."""
        super().__init__(text)
        self.status = status


class Agent:
    """Calls of one agent's HTTP API with one token."""

    header = ""

    def __init__(self, url: str, token: str) -> None:
        """Remember whom to ask."""
        self._url, self._token = url, token

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One call; a read that the agent cannot answer just now is asked again.

        Raises:
            Refused: The agent's status is an error.
            OSError: Nobody answers.
        """
        until = time.monotonic() + (PATIENCE_S if method == "GET" else 0)
        while True:
            try:
                return self._once(method, path, body)
            except Refused as refused:
                if refused.status < FAILED or time.monotonic() >= until:
                    raise
            time.sleep(_PAUSE_S)

    def _once(self, method: str, path: str, body: Any) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, {self.header: self._token}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=CALL_S) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            said = error.read().decode("utf-8", "replace").strip()
            raise Refused(f"{method} {path}: {said}", error.code) from error


class Nomad(Agent):
    """Nomad's agent."""

    header = "X-Nomad-Token"
