"""What the gateway relays, to whom, and which headers go with it. Pure.

Lists say what passes, and all else stays behind: a header or a path that somebody thinks of later is not let through by
having been forgotten here. `Host` and the headers of one connection (RFC 9110, section 7.6.1) are made anew on each
side, `X-Hoploom-Relayed` is for input instances among themselves, and cookies are nobody's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

PREFIX = "/gateway"
ADDRESS_HEADER = "X-Forwarded-For"
ASKED = ("Authorization", "Content-Type", "Content-Length", "Idempotency-Key", "User-Agent")
"""Headers of a request that go on to the service."""

ANSWERED = ("Content-Type", "Content-Length", "Retry-After", "Cache-Control", "WWW-Authenticate")
"""Headers of an answer that go back to the worker."""

SAY_S = 6.0
"""Longer than one input instance gives another (2 s), and than a worker waits for an answer about its lease (3 s)."""

FETCH_S = 35.0
"""For a target set, and for a long poll: input holds one for 25 s at most."""

STORE_S, SLOWEST_BYTES_S = 30.0, 16_384
"""A batch has so much time, and as much as a line of so many bytes a second needs: the output waits as long."""

_LEASE = r"/leases/[a-z0-9][a-z0-9.-]{0,124}"


@dataclass(frozen=True)
class Rule:
    """One kind of request that is relayed.

    Attributes:
        kind: Its name in metrics.
        service: Who answers it: `input` or `output`.
        method: Its method.
        path: The paths that it has on the service.
        body_bytes: Its longest body; 0 for none.
        query: What may stand in its query.
        holds: Whether the service may hold it for long without a word: a long poll.
    """

    kind: str
    service: str
    method: str
    path: re.Pattern[str]
    body_bytes: int = 0
    query: tuple[str, ...] = ()
    holds: bool = False

    def timeout_s(self, size_bytes: int) -> float:
        """Seconds until the whole answer to a request with a body of such a size has to be there."""
        if self.service == "output":
            return STORE_S + size_bytes / SLOWEST_BYTES_S
        return SAY_S if self.method == "POST" else FETCH_S


RULES = (
    Rule("lease", "input", "POST", re.compile("/leases"), 2**20),
    Rule("word", "input", "POST", re.compile(f"{_LEASE}/(?:renew|done|return)"), 2**20),
    Rule("hops", "input", "POST", re.compile("/hops"), 8 * 2**20),
    Rule("set", "input", "GET", re.compile("/api/v1/sets/[0-9a-f]{64}")),
    Rule("overlay", "input", "GET", re.compile("/api/v1/overlay"), query=("known", "wait_s"), holds=True),
    Rule("results", "output", "POST", re.compile("/results"), 16 * 2**20),
)
"""All that a worker asks; `body_bytes` as the services take them by default."""


def rule_for(method: str, path: str) -> Rule | None:
    """The rule for a request, or None where nothing like it is relayed.

    Args:
        method: "GET", "POST", ...
        path: Without the gateway's prefix, decoded.
    """
    return next((each for each in RULES if each.method == method and each.path.fullmatch(path)), None)


def asked_query(rule: Rule, query: Mapping[str, str]) -> dict[str, str]:
    """What of a query goes on."""
    return {name: query[name] for name in rule.query if name in query}


def asked_headers(headers: Mapping[str, str], address: str) -> dict[str, str]:
    """The headers of a request as the service gets them.

    Args:
        headers: As they came; names in any case where the mapping does not mind.
        address: Of the worker, as far as the manager can tell.
    """
    # Nothing is unpacked on the way, so nothing may be packed for it.
    return {**_named(headers, ASKED), "Accept-Encoding": "identity", ADDRESS_HEADER: address}


def answered_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of an answer as the worker gets them."""
    return _named(headers, ANSWERED)


def _named(headers: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    return {name: headers[name] for name in names if name in headers}
