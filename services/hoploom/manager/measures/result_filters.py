"""Which results a person asks for: what may stand in the page's address, and what outputs are asked for it. Pure.

Names are those that are known, and each value has a form of its own; nothing of it ever becomes a part of a query in
SQL. Outputs check the same once more, and bind their values.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from ipaddress import ip_network
from typing import Final

from hoploom.kit.errors import BadRequest
from hoploom.wire import batch, traces
from hoploom.wire.batch import TEXT_PATTERNS
from hoploom.wire.fields import CAMPAIGN_ID
from hoploom.wire.probe import KINDS

OUTCOMES: Final = tuple(dict.fromkeys((*batch.OUTCOMES, *traces.OUTCOMES)))
SIZES: Final = ("50", "200", "1000")
_LONGEST: Final = 140
_US: Final = 1_000_000


@dataclass(frozen=True)
class Filters:
    """What is asked for, as it was typed; empty wants all.

    Attributes:
        campaign: Id of a campaign.
        kind: `ping` or `trace`.
        worker: Name of a worker.
        outcome: One of `OUTCOMES`.
        prefix: Targets inside.
        since: Probed at this moment or later, in UTC, such as 2026-11-22T01:30.
        until: Probed before.
        size: Results a page, one of `SIZES`; empty for the least.
    """

    campaign: str = ""
    kind: str = ""
    worker: str = ""
    outcome: str = ""
    prefix: str = ""
    since: str = ""
    until: str = ""
    size: str = ""

    @property
    def limit(self) -> int:
        """Results a page."""
        return int(self.size or SIZES[0])

    @property
    def given(self) -> dict[str, str]:
        """What is not empty, as it stands in an address."""
        return {name: value for name, value in asdict(self).items() if value}


NAMES: Final = tuple(asdict(Filters()))


_FORMS: Final[Mapping[str, tuple[Callable[[str], object], str]]] = {
    "campaign": (CAMPAIGN_ID.fullmatch, "id of a campaign"),
    "kind": (KINDS.__contains__, f"kind: {' or '.join(KINDS)}"),
    "worker": (TEXT_PATTERNS["worker"].fullmatch, "name of a worker"),
    "outcome": (OUTCOMES.__contains__, f"outcome: {', '.join(OUTCOMES)}"),
}


def typed(query: Mapping[str, str], others: tuple[str, ...] = ()) -> Filters:
    """What stands in an address, unchecked.

    Args:
        query: Parameters.
        others: Names of those that may stand there besides.

    Raises:
        BadRequest: One has a name that is not known, or is too long.
    """
    for name, value in query.items():
        if name not in (*NAMES, *others):
            raise BadRequest(f"there is no filter {name[:40]!r}; there are {', '.join(NAMES)}")
        if name in NAMES and len(value) > _LONGEST:
            raise BadRequest(f"{name} is longer than any there is: {value[:40]!r}...")
    return Filters(**{name: query.get(name, "").strip() for name in NAMES})


def asked(filters: Filters) -> dict[str, str]:
    """Parameters of `GET /results` of outputs.

    Raises:
        BadRequest: A value is of no form that it can have.
    """
    if filters.size and filters.size not in SIZES:
        raise BadRequest(f"a page has {', '.join(SIZES)} results, not {filters.size[:40]!r}")
    for name, (is_good, what) in _FORMS.items():
        text = getattr(filters, name)
        if text and not is_good(text):
            raise BadRequest(f"{text[:40]!r} is no {what}")
    moments = {"since": _moment(filters.since), "until": _moment(filters.until)}
    found = {**{name: getattr(filters, name) for name in _FORMS}, "prefix": _prefix(filters.prefix), **moments}
    return {name: value for name, value in found.items() if value}


def _prefix(text: str) -> str:
    """A prefix or an address; host bits are set to zero, as a person means it."""
    try:
        return str(ip_network(text, strict=False)) if text else ""
    except ValueError as error:
        raise BadRequest(f"{text[:60]!r} is no prefix such as 198.51.100.0/24, and no address") from error


def _moment(text: str) -> str:
    """Microseconds since 1970."""
    if not text:
        return ""
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError as error:
        raise BadRequest(f"{text[:40]!r} is no time such as 2026-11-22T01:30 (UTC)") from error
    moment = found if found.tzinfo else found.replace(tzinfo=datetime.UTC)
    return str(max(0, int(moment.timestamp() * _US)))
