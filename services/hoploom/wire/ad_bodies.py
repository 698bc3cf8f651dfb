"""What workers and managers say of themselves in their ads. Pure.

Fields that this version does not know are passed over, and all but a few may be missing: versions run side by side.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from hoploom.kit.errors import Unprocessable
from hoploom.targets.notation import address_text, parse_address
from hoploom.wire.campaign_request import MAX_RATE_PPS
from hoploom.wire.fields import MAX_INTEGER, PRINTABLE, Fields
from hoploom.wire.lease import MAX_SKILLS

PASSING, WARNING = "passing", "warning"
STATUSES = (PASSING, WARNING)
"""What a worker says of itself; that it is silent or has left is for its hearers to say."""

NOTE_LENGTH = 200
MAX_ADDRESSES = 16
MAX_URLS = 8
_STATUS = re.compile("|".join(STATUSES))
_WHERE = re.compile(r"https?://[^\s\x00-\x1f\x7f/?#@\\]{1,253}(/[A-Za-z0-9._~-]{1,63})*")
"""An address to begin every path with: no query, no user, no backslash that readers of URLs take differently."""


@dataclass(frozen=True, kw_only=True)
class WorkerBody:
    """A worker's word.

    Attributes:
        version: Of its program.
        place: For people.
        latitude: Degrees north, -90 to 90; None where it is not told.
        longitude: Degrees east, -180 to 180; None where it is not told.
        addresses: Addresses at which its owner lets the fleet probe it.
        families: What it can probe: 4, 6 or both; empty while it cannot.
        skills: How it can probe.
        engine: Name of its prober; empty while there is none.
        rate_pps: Packets a second that it sends at most just now; 0 for no limit.
        max_rate_pps: Its owner's cap; 0 for none.
        sent_pps: Packets a second that it has sent lately.
        spool_bytes: Results that wait to be sent.
        spool_oldest_s: Age of the oldest of them.
        leases: How many it holds.
        status: `passing` or `warning`.
        note: In words.
        uptime_s: Of this run.
        wall_us: Its wall clock, microseconds since 1970: for people, who may see that it is wrong.
    """

    version: str = ""
    place: str = ""
    latitude: float | None = None
    longitude: float | None = None
    addresses: tuple[str, ...] = ()
    families: tuple[int, ...] = ()
    skills: tuple[str, ...] = ()
    engine: str = ""
    rate_pps: int = 0
    max_rate_pps: int = 0
    sent_pps: int = 0
    spool_bytes: int = 0
    spool_oldest_s: int = 0
    leases: int = 0
    status: str = PASSING
    note: str = ""
    uptime_s: int = 0
    wall_us: int = 0

    @staticmethod
    def from_json(document: object) -> WorkerBody:
        """Read and check.

        Raises:
            BadRequest: A field is of the wrong type.
            Unprocessable: A field is out of bounds.
        """
        known = Fields(document, "a worker's ad", versioned=False)
        whole = ("sent_pps", "spool_bytes", "spool_oldest_s", "leases", "uptime_s", "wall_us")
        rates = ("rate_pps", "max_rate_pps")
        return WorkerBody(
            version=known.text("version", PRINTABLE, "", longest=64),
            place=known.text("place", PRINTABLE, "", longest=120),
            latitude=degrees(known, "latitude", 90.0),
            longitude=degrees(known, "longitude", 180.0),
            addresses=tuple(map(_address, known.texts("addresses", longest=MAX_ADDRESSES, default=[]))),
            families=known.families("families") if known.has("families") else (),
            skills=_short(known.texts("skills", longest=MAX_SKILLS, default=[])),
            engine=known.text("engine", PRINTABLE, "", longest=64),
            status=known.text("status", _STATUS, PASSING),
            note=known.text("note", PRINTABLE, "", longest=NOTE_LENGTH),
            **{name: known.integer(name, range(MAX_INTEGER), 0) for name in whole},
            **{name: known.integer(name, range(MAX_RATE_PPS + 1), 0) for name in rates},
        )

    def to_json(self) -> dict[str, Any]:
        """As it travels."""
        document = {name: list(each) if isinstance(each, tuple) else each for name, each in asdict(self).items()}
        return {name: each for name, each in document.items() if each not in (None, [])}


@dataclass(frozen=True, kw_only=True)
class ManagerBody:
    """A manager's word.

    Attributes:
        urls: Where it is reached, best first.
        dc: Its datacenter.
        version: Of its program.
    """

    urls: tuple[str, ...] = ()
    dc: str = ""
    version: str = ""

    @staticmethod
    def from_json(document: object) -> ManagerBody:
        """Read and check; raises as `WorkerBody.from_json`."""
        known = Fields(document, "a manager's ad", versioned=False)
        return ManagerBody(
            urls=urls(known.texts("urls", longest=MAX_URLS, default=[])),
            dc=known.text("dc", PRINTABLE, "", longest=64),
            version=known.text("version", PRINTABLE, "", longest=64),
        )

    def to_json(self) -> dict[str, Any]:
        """As it travels."""
        return {**asdict(self), "urls": list(self.urls)}


def urls(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Addresses of managers, without a slash at their ends.

    Raises:
        Unprocessable: One of them is no http or https URL that a path can be put behind.
    """
    found = tuple(text.rstrip("/") for text in texts)
    for each in found:
        if len(each) > NOTE_LENGTH or not _WHERE.fullmatch(each):
            raise Unprocessable(f"{each[:80]!r} is no http or https URL of a manager")
    return found


def degrees(known: Fields, name: str, most: float) -> float | None:
    """A latitude or longitude; None where it is not told.

    Raises:
        BadRequest: It is no number.
        Unprocessable: It is not between minus and plus `most`.
    """
    if not known.has(name):
        return None
    value = known.number(name)
    if not -most <= value <= most:
        raise Unprocessable(f"{name} is a number of degrees from {-most:g} to {most:g}, not {value}")
    return float(value)


def _short(texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        if len(text) > 64 or not PRINTABLE.fullmatch(text):  # noqa: PLR2004 - as the other short texts
            raise Unprocessable(f"{text[:64]!r} is no name of a skill")
    return texts


def _address(text: str) -> str:
    """One address in the one way to write it; raises Unprocessable."""
    canonical = address_text(*parse_address(text))
    if canonical != text:
        raise Unprocessable(f"the address {text[:64]!r} is written {canonical}")
    return text
