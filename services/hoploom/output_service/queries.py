"""What `GET /results` and its feed are asked for: parameters that are known, each within its bounds. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from hoploom.kit.errors import BadRequest
from hoploom.results.tables import PING_OUTCOMES, RESULT_TABLES, TRACE_OUTCOMES
from hoploom.wire.batch import TEXT_PATTERNS

MAX_LIMIT: Final = 1000
_LIMIT: Final = 100
MAX_WAIT_S: Final = 55
"""Proxies on the way give up after a minute."""
_WAIT_S: Final = 25
_MOST_US: Final = 2**62
NOW: Final = "now"
"""As a cursor: after everything that is stored now."""
_DIGITS: Final = re.compile("[0-9]{1,19}")
_PREFIX: Final = re.compile("[0-9A-Fa-f:./]{2,49}")
OUTCOMES: Final = {"ping": PING_OUTCOMES, "trace": TRACE_OUTCOMES}
FORMS: Final = ("csv", "atlas")
"""Besides JSON of our own, lines of text to be downloaded."""
FILTERS: Final = ("campaign", "prefix", "since", "until", "kind", "worker", "outcome")
FEED_PARAMETERS: Final = (*FILTERS, "limit", "cursor", "wait")
PAGE_PARAMETERS: Final = (*FILTERS, "limit", "cursor", "form")


class Refused(BadRequest):
    """A parameter that is not taken.

    Attributes:
        parameter: Its name where it is a known one, else `other`.
    """

    def __init__(self, parameter: str, reason: str) -> None:
        """Say which and why."""
        super().__init__(reason)
        self.parameter = parameter


@dataclass(frozen=True, kw_only=True)
class Query:
    """Which results are wanted, and how many at a time.

    Attributes:
        campaign: Id of the one campaign; empty for all.
        kind: `ping` or `trace`; empty for both.
        prefix: Only targets inside; None for all.
        worker: Name of the one worker; empty for all.
        outcome: Name of the one outcome; empty for all.
        since_us: Only what was probed at this moment or later, as `at_us` says it; UTC microseconds since 1970.
        until_us: Only what was probed before.
        limit: Most results of an answer.
        cursor: Where to begin; empty for the oldest.
        wait_s: How long an answer may wait for results.
        form: One of `FORMS`; empty for JSON.
    """

    campaign: str = ""
    kind: str = ""
    prefix: IPv4Network | IPv6Network | None = None
    worker: str = ""
    outcome: str = ""
    since_us: int = -_MOST_US
    until_us: int = _MOST_US
    limit: int = _LIMIT
    cursor: str = ""
    wait_s: int = _WAIT_S
    form: str = ""

    def outcome_of(self, kind: str) -> int | None:
        """The outcome's number among those of a kind, -1 where that kind has none such; None where all are wanted."""
        names = OUTCOMES[kind]
        return (names.index(self.outcome) if self.outcome in names else -1) if self.outcome else None


def parsed(given: Mapping[str, Sequence[str]], known: Sequence[str]) -> Query:
    """A query from its parameters.

    Args:
        given: All values of each parameter.
        known: Names of those that there are.

    Raises:
        Refused: A parameter is unknown, is there twice, or has a value that it cannot have.
    """
    for name, values in given.items():
        if name not in known:
            raise Refused("other", f"there is no parameter {name[:40]!r}; there are {', '.join(known)}")
        if len(values) > 1:
            raise Refused(name, f"{name} is given {len(values)} times")
    value = {name: values[0] for name, values in given.items()}
    return Query(
        campaign=_name("campaign", value.get("campaign", "")),
        kind=_one_of("kind", value.get("kind", ""), RESULT_TABLES),
        worker=_name("worker", value.get("worker", "")),
        outcome=_one_of("outcome", value.get("outcome", ""), dict.fromkeys((*PING_OUTCOMES, *TRACE_OUTCOMES))),
        form=_one_of("form", value.get("form", ""), FORMS),
        prefix=_prefix(value.get("prefix", "")),
        since_us=_whole("since", value.get("since"), range(_MOST_US), -_MOST_US),
        until_us=_whole("until", value.get("until"), range(_MOST_US), _MOST_US),
        limit=_whole("limit", value.get("limit"), range(1, MAX_LIMIT + 1), _LIMIT),
        cursor=value.get("cursor", ""),
        wait_s=_whole("wait", value.get("wait"), range(MAX_WAIT_S + 1), _WAIT_S),
    )


def _name(of: str, text: str) -> str:
    if text and not TEXT_PATTERNS[of].fullmatch(text):
        raise Refused(of, f"{text[:40]!r} is no {'id of a campaign' if of == 'campaign' else 'name of a worker'}")
    return text


def _one_of(name: str, text: str, allowed: Iterable[str]) -> str:
    if text and text not in allowed:
        raise Refused(name, f"{name} is {' or '.join(allowed)}, not {text[:40]!r}")
    return text


def _prefix(text: str) -> IPv4Network | IPv6Network | None:
    if not text:
        return None
    try:
        if not _PREFIX.fullmatch(text):
            raise ValueError("it has other characters than a prefix")
        return ip_network(text)
    except ValueError as error:
        raise Refused("prefix", f"{text[:60]!r} is no prefix such as 198.51.100.0/24 or 2001:db8::/32") from error


def _whole(name: str, text: str | None, allowed: range, otherwise: int) -> int:
    if text is None:
        return otherwise
    if not _DIGITS.fullmatch(text) or int(text) not in allowed:
        raise Refused(name, f"{name} is a whole number from {allowed.start} to {allowed.stop - 1}, not {text[:40]!r}")
    return int(text)
