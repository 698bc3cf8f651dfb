"""What the modules that talk to Consul share: its HTTP API with one token."""

import json
import time
import urllib.error
import urllib.request
from typing import Any

CALL_S = 10
FORBIDDEN, NOT_FOUND = 403, 404


class Refused(Exception):
    """Consul's answer, for a person."""

    def __init__(self, status: int, text: str) -> None:
        """Know the status and what was said."""
        super().__init__(text)
        self.status = status


class Consul:
    """Calls of one agent's HTTP API with one token."""

    def __init__(self, url: str, token: str) -> None:
        """Remember whom to ask."""
        self._url, self._token = url, token

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One call.

        Raises:
            Refused: Consul's status is an error.
            OSError: Nobody answers.
        """
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, {"X-Consul-Token": self._token}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=CALL_S) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            said = error.read().decode("utf-8", "replace").strip()
            raise Refused(error.code, f"{method} {path}: {said}") from error

    def knows_us(self) -> bool:
        """Whether our token is known."""
        try:
            self.call("GET", "/v1/acl/token/self")
        except Refused as refused:
            if refused.status not in (FORBIDDEN, NOT_FOUND):
                raise
            return False
        return True


def until_leader(consul: Consul, wait_s: int) -> None:
    """Return when there is a leader; raises TimeoutError."""
    end = time.monotonic() + wait_s
    said = "nobody answers"
    while time.monotonic() < end:
        try:
            if consul.call("GET", "/v1/status/leader"):
                return
            said = "there is no leader"
        except (OSError, Refused) as error:
            said = str(error)
        time.sleep(0.3)
    raise TimeoutError(f"Consul is not ready after {wait_s} s: {said}")


def reachable(consul: Consul) -> bool:
    """Whether anybody answers."""
    try:
        consul.call("GET", "/v1/status/leader")
    except (OSError, Refused):
        return False
    return True
