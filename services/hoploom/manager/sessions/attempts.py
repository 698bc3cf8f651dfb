"""How often somebody failed to sign in, and how long who comes next has to wait. Pure; time is passed in.

Counted by account and by address. A count falls by one a minute, so nobody is locked out for ever; what has grown over
the limit makes each further try wait, twice as long each time, up to a minute. Each manager counts what it sees itself,
and adds what the others say.

Source: OWASP ASVS 5.0, 6.1.1 and 6.3.1.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hoploom.kit.errors import BadRequest, Damaged
from hoploom.wire.fields import MAX_INTEGER, VERSION, Fields

PREFIX = "hoploom/attempts/"
ACCOUNT_MOST, ADDRESS_MOST = 5, 20
"""Failures until waiting begins; several people may sit behind one address."""

REFILL_S, LONGEST_WAIT_S = 60.0, 60.0
MOST_KEPT = 2_000
"""Counts that one manager keeps: 100 kB in the store. The oldest go first."""

_IPV6_NETWORK = 64


@dataclass(frozen=True)
class Count:
    """Failures of one account or address.

    Attributes:
        level: How many, as of `at_us`; it falls by the time.
        at_us: When the last one was, in microseconds since 1970.
    """

    level: float
    at_us: int

    def now(self, now_us: int) -> float:
        """How many there are left of it."""
        return max(0.0, self.level - max(0, now_us - self.at_us) / 1e6 / REFILL_S)


def account(name: str) -> str:
    """The key of an account, whether there is one or not; the name itself, which may be a slip, is stored nowhere."""
    return _key(f"account {name}")


def address(text: str) -> str:
    """The key of what one household has: an IPv4 address, or a /64."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return _key(f"address {text}")
    if found.version == 4:  # noqa: PLR2004 - the version of IP
        return _key(f"address {text}")
    return _key(f"address {ipaddress.ip_network((found, _IPV6_NETWORK), strict=False)}")


def _key(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:24]


class Attempts:
    """Counts of this manager and of the others."""

    def __init__(self) -> None:
        """Nobody has tried."""
        self._own: dict[str, Count] = {}
        self._others: Mapping[str, Mapping[str, Count]] = {}
        self.version = 0

    def wait_s(self, key: str, most: int, now_us: int) -> float:
        """Seconds until this account or address may try; 0 for at once."""
        counts = [found for each in (self._own, *self._others.values()) if (found := each.get(key))]
        over = sum(each.now(now_us) for each in counts) - most
        if over < 0:
            return 0.0
        backoff_s = min(LONGEST_WAIT_S, 2.0 ** min(over, 16.0))
        return max(0.0, backoff_s - (now_us - max(each.at_us for each in counts)) / 1e6)

    def tried(self, key: str, now_us: int) -> None:
        """Somebody tries: counted before it is known whether it fails, so that many at once are many."""
        before = self._own.pop(key, Count(0.0, now_us))
        if len(self._own) >= MOST_KEPT:
            del self._own[next(iter(self._own))]
        self._own[key] = Count(before.now(now_us) + 1, now_us)
        self.version += 1

    def succeeded(self, key: str, now_us: int) -> None:
        """The last try was no failure."""
        before = self._own.get(key)
        if before is not None:
            self._own[key] = Count(max(0.0, before.now(now_us) - 1), before.at_us)
            self.version += 1

    def learn(self, others: Mapping[str, Mapping[str, Count]]) -> None:
        """What the other managers say, by instance."""
        self._others = others

    def packed(self, now_us: int) -> bytes:
        """The own counts as they are stored."""
        self._own = {key: each for key, each in self._own.items() if each.now(now_us) > 0}
        counts = {key: [round(each.level, 3), each.at_us] for key, each in self._own.items()}
        return json.dumps({"v": VERSION, "counts": counts}, separators=(",", ":")).encode()


def read(key: str, value: bytes) -> dict[str, Count]:
    """The counts of a manager as they are stored; raises Damaged where they are not understood."""
    try:
        found = Fields(json.loads(value), "failures to sign in").object("counts")
        return {name: _count(each) for name, each in found.items()}
    except (BadRequest, ValueError, TypeError, RecursionError) as error:
        raise Damaged(f"what is stored in Consul at {key} is damaged: delete the key") from error


def is_old(counts: Iterable[Count], now_us: int) -> bool:
    """Whether none of them counts any more."""
    return not any(each.now(now_us) for each in counts)


def _count(found: object) -> Count:
    level, at_us = found if isinstance(found, list) else (None, None)
    known = Fields({"level": level, "at_us": at_us}, "a count", versioned=False)
    number = float(known.number("level"))
    if not 0 <= number <= MAX_INTEGER:
        raise ValueError("a count is out of bounds")
    return Count(number, known.integer("at_us", range(MAX_INTEGER)))
