"""What the leaders of `dyfi` leave for one another, in one key of Consul: the last call, and what came of it.

A claim is written before a call, as if the call would never be answered: whoever dies in between leaves no more to
do for its successor than to wait. The answer is written over that very claim, or not at all.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from hoploom.kit.errors import Unavailable
from hoploom.manager.dyfi.answers import Answer, Verdict, reason_to_stop

KEY = "hoploom/dyfi"
DAY_S = 86400.0
LEAST_S = 600.0
"""Between two calls, whatever happens."""

LONGEST_S = 6 * 3600.0
"""Between two tries at a provider that does not answer: a name is forgotten after 7 days, the update is due after 6."""

FIRST, CHANGED, CORRECTED, REFRESHED, AGAIN = "first", "address changed", "name corrected", "refreshed", "again"
"""Why calls are made."""


@dataclass(frozen=True)
class Record:
    """The last call and what is known from it. Wall-clock times are microseconds since 1970.

    Attributes:
        claimed_us: When the last call was claimed; 0 for never.
        lasts_s: So many seconds after its claim, by any clock, the call is over.
        open: Whether no answer to it has been noted.
        token: Token of the term that claimed it.
        why: Why it was made.
        updated_us: By name, when it was last told with a good answer.
        missing: Names that were claimed and of which no good answer has come since.
        interval_s: Seconds from there to the next call, drawn by chance.
        address: Where the names point, as the provider said; empty where it did not say.
        heard: This datacenter's own address as it was known before the call; empty for unknown.
        failures: Calls in a row that brought no good answer.
        useless: Calls in a row that were made because something seemed wrong, and set nothing right.
        rest_s: Shortest time from the claim to the next try.
        answers: By name, the last word about it.
        stopped: Why nothing is called until a person acts; empty while nothing speaks against it.
    """

    claimed_us: int = 0
    lasts_s: float = 0.0
    open: bool = False
    token: str = ""
    why: str = ""
    updated_us: Mapping[str, int] = field(default_factory=dict)
    missing: Sequence[str] = ()
    interval_s: float = 0.0
    address: str = ""
    heard: str = ""
    failures: int = 0
    useless: int = 0
    rest_s: float = 0.0
    answers: Mapping[str, str] = field(default_factory=dict)
    stopped: str = ""


@dataclass(frozen=True)
class Claim:
    """A call that is about to be made."""

    names: tuple[str, ...]
    why: str
    at_us: int
    lasts_s: float
    token: str
    interval_s: float
    own: str


def claimed(before: Record, claim: Claim) -> Record:
    """The record with a claim in it, as if no answer would ever come."""
    failures = before.failures + 1
    return replace(
        before,
        claimed_us=claim.at_us,
        lasts_s=claim.lasts_s,
        open=True,
        token=claim.token,
        why=claim.why,
        missing=[*dict.fromkeys([*before.missing, *claim.names])],
        interval_s=claim.interval_s,
        heard=claim.own,
        failures=failures,
        useless=before.useless + (claim.why in (CHANGED, CORRECTED)),
        rest_s=_rest_s(failures),
    )


def answered(before: Record, answers: Sequence[Answer]) -> Record:
    """The record with the answers to its open claim."""
    good = [each for each in answers if each.meaning.verdict is Verdict.DONE]
    failed = len(good) < len(answers)
    address = next((each.address for each in good if each.address), "")
    right = before.why == CHANGED and any(each.word == "good" and each.address in ("", before.heard) for each in good)
    return replace(
        before,
        open=False,
        updated_us={**before.updated_us, **{each.name: before.claimed_us for each in good}},
        missing=[name for name in before.missing if name not in {each.name for each in good}],
        address=_pointing(before, good, address),
        failures=before.failures if failed else 0,
        useless=0 if right else before.useless,
        rest_s=max([before.rest_s if failed else 0.0, *(each.meaning.rest_s for each in answers)]),
        answers={**before.answers, **{each.name: each.word for each in answers}},
        stopped=reason_to_stop(answers),
    )


def resumed(before: Record) -> Record:
    """The record after a person has said that the reason to stop is gone: what was refused is tried again."""
    return replace(before, stopped="", failures=0, rest_s=0.0)


def to_json(record: Record) -> dict[str, Any]:
    """As it stands in Consul, and as it is shown: there is no secret in it."""
    return {"v": 1, **asdict(record)}


def encoded(record: Record) -> bytes:
    """As it stands in Consul."""
    return json.dumps(to_json(record)).encode()


def decoded(value: bytes) -> Record:
    """What stands in Consul.

    Raises:
        Unavailable: It is nothing that this version understands; nothing may be called then.
    """
    try:
        found = dict(json.loads(value))
        given = {name: found[name] for name in _KINDS if name in found}
    except (ValueError, TypeError) as error:
        raise Unavailable(f"{KEY} in Consul is no record of ours: remove it to begin anew") from error
    if found.get("v") != 1 or not all(isinstance(each, _KINDS[name]) for name, each in given.items()):
        raise Unavailable(f"{KEY} in Consul is no record of this version: remove it to begin anew")
    return Record(**given)


_KINDS: Mapping[str, type | tuple[type, ...]] = {
    # A number that was written as 5.0 may come back as 5.
    name: (int, float) if isinstance(default, float) else list if isinstance(default, tuple) else type(default)
    for name, default in asdict(Record()).items()
}


def _pointing(before: Record, good: Sequence[Answer], address: str) -> str:
    """Where the names point now; a `good` without an address means another one than before, unknown or the own."""
    if address or not any(each.word == "good" for each in good):
        return address or before.address
    return before.heard


def _rest_s(failures: int) -> float:
    return float(min(LONGEST_S, LEAST_S * 2 ** min(failures - 1, 10)))
