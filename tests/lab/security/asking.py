"""Asks an HTTP API on loopback. Its text is also run by a host's own Python, so it needs nothing but that."""

import json
import urllib.error
import urllib.request
from collections.abc import Sequence


def answers(base: str, token: str, asked: Sequence[tuple[str, str, object]]) -> list[tuple[int, str]]:
    """Status and body of each request; status 0 where no answer came within 10 s.

    Args:
        base: Start of the URL, without a slash at its end.
        token: Consul's or Nomad's token; empty for none.
        asked: Method, path, and what is sent as JSON (None for nothing).
    """
    names = ("X-Consul-Token", "X-Nomad-Token") if token else ()
    headers = {name: token for name in names}
    found = []
    for method, path, body in asked:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(base + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                found.append((answer.status, answer.read().decode(errors="replace")))
        except urllib.error.HTTPError as error:
            with error:
                found.append((error.code, error.read().decode(errors="replace")))
        except TimeoutError as error:
            found.append((0, str(error)))
    return found
