"""Loads one URL with Debian's wrk: closed loop, kept connections."""

import re
import subprocess
from dataclasses import dataclass

CONNECTIONS = 64
_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True)
class Loaded:
    """What one run answered.

    Attributes:
        requests: Answers of all kinds.
        per_s: Answers a second.
        failed: Answers that are not 2xx or 3xx, and errors of sockets.
        p99_ms: Of the time to answer.
    """

    requests: int
    per_s: float
    failed: int
    p99_ms: float


def load(url: str, length_s: float, connections: int = CONNECTIONS) -> Loaded:
    """Ask as fast as answers come, by one thread, for so many whole seconds."""
    words = ["wrk", "-t1", f"-c{connections}", f"-d{round(length_s)}s", "--latency", "--timeout", "10s", url]
    ran = subprocess.run(words, capture_output=True, text=True, timeout=length_s + 30, check=True)
    return read(ran.stdout)


def read(text: str) -> Loaded:
    """What wrk printed."""
    requests = re.search(r"(\d+) requests in", text)
    per_s = re.search(r"Requests/sec:\s+([\d.]+)", text)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", text)
    assert requests and per_s and p99, text
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    others = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    failed = sum(map(int, errors.groups() if errors else ())) + (int(others[1]) if others else 0)
    return Loaded(int(requests[1]), float(per_s[1]), failed, float(p99[1]) * _UNITS[p99[2]])
