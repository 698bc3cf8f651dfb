"""Requests from a host to itself, where the agents listen on loopback only; as the user whose token it is."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path

from lab.hosts import Lab
from lab.security import asking

CONSUL, NOMAD = "http://127.0.0.1:8500", "http://127.0.0.1:4646"
Asked = Sequence[tuple[str, str, object]]
_TEXT = Path(asking.__file__).read_text(encoding="utf-8")


def answers(lab: Lab, host: str, base: str, token_file: str, asked: Asked, user: str = "root") -> list[tuple[int, str]]:
    """Status and body of each request, made on a host.

    Args:
        lab: The lab.
        host: Where.
        base: Start of the URL.
        token_file: File there with the token; empty for none.
        asked: Method, path, and what is sent as JSON (None for nothing).
        user: Who asks, and must be able to read the token.
    """
    read = f"open({token_file!r}).read().strip()" if token_file else "''"
    text = f"{_TEXT}\nprint(json.dumps(answers({base!r}, {read}, {[tuple(each) for each in asked]!r})))\n"
    packed = base64.b64encode(text.encode()).decode("ascii")
    ran = lab.ssh(host, f"echo {packed} | base64 -d | runuser -u {user} -- python3 -", timeout_s=120)
    assert ran.rc == 0, ran.err
    return [(status, body) for status, body in json.loads(ran.out)]
