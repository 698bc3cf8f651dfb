"""When a group of workers is forgotten: nobody has asked for its work for so long. Pure; time is passed in.

No wall clock decides. Whoever looks sees the indexes of a group's keys, which change with every ask that `activity`
notes and with every lease; silence is the time over which a looker has seen them unchanged, and adds up from one looker
to the next. Time in which nobody looks does not count, so a group lives longer then, never shorter.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from hoploom.input_service import keys
from hoploom.input_service.leases import GRACE_S
from hoploom.kit.errors import BadRequest
from hoploom.wire.lease import MAX_TTL_S

DAY_S = 86_400.0
SHORTEST_S = 2.0 * MAX_TTL_S + GRACE_S
"""No lease lives so long without any change of its record: one that was renewed for an hour, and is not any more."""

MAX_GROUPS = 4000
"""Of one edition in one document, which stays below half of what Consul takes; the others have their turn later."""

_KEYS_AT_ONCE = 60
"""A key takes two of a transaction's 128 operations: a check, and its removal."""


class Group(NamedTuple):
    """A group of one edition of a campaign."""

    campaign: str
    edition: int
    name: str


class Silence(NamedTuple):
    """What is known of a group's silence.

    Attributes:
        newest: The highest index of its keys.
        seconds: For so long they were seen unchanged.
    """

    newest: int
    seconds: float


def grouped(found: Iterable[tuple[str, int]]) -> dict[Group, dict[str, int]]:
    """The keys of each group.

    Args:
        found: Keys below `keys.OF_A_GROUP` with their indexes; what belongs to no group is passed over.

    Returns:
        By group, each key's index.
    """
    by_group: dict[Group, dict[str, int]] = {}
    for key, index in found:
        prefix = next(each for each in keys.OF_A_GROUP if key.startswith(each))
        match key.removeprefix(prefix).split("/"):
            case [campaign, edition, name, *_] if edition.isdecimal() and name != keys.MESH:
                by_group.setdefault(Group(campaign, int(edition), name), {})[key] = index
    return by_group


def aged(
    before: Mapping[Group, Silence], found: Mapping[Group, Mapping[str, int]], elapsed_s: float
) -> dict[Group, Silence]:
    """How long each group is silent by now.

    Args:
        before: As it was at the look before.
        found: The groups' keys and their indexes, now.
        elapsed_s: Seconds since the same looker's look before; 0 at its first one.
    """
    after = {}
    for group, indexes in found.items():
        newest, known = max(indexes.values()), before.get(group)
        same = known is not None and known.newest == newest
        after[group] = Silence(newest, known.seconds + elapsed_s if known and same else 0.0)
    return after


def expired(silences: Mapping[Group, Silence], expiry_s: float) -> list[Group]:
    """The groups that have been silent for so long, none of which can have a lease that is out."""
    return [group for group, silence in silences.items() if silence.seconds >= max(expiry_s, SHORTEST_S)]


def removals(group: Group, indexes: Mapping[str, int]) -> list[list[dict[str, Any]]]:
    """The transactions that remove a group, each of which is refused when anything in it has changed.

    Where the group stands goes first, together with the proof that nobody has asked: a worker that comes back
    afterwards begins anew, whatever is left of the rest.

    Args:
        group: The group.
        indexes: All of its keys, with the indexes that made it expire.
    """
    first = [keys.round_of(*group), keys.asked(*group)]
    proof: list[dict[str, Any]] = [{"Verb": "check-not-exists", "Key": key} for key in first if key not in indexes]
    order = sorted(indexes, key=lambda key: (key not in first, key))
    return [
        [*(proof if at == 0 else ()), *(each for key in order[at : at + _KEYS_AT_ONCE] for each in _gone(key, indexes))]
        for at in range(0, len(order), _KEYS_AT_ONCE)
    ]


def documents(silences: Mapping[Group, Silence]) -> dict[str, bytes]:
    """The silences as they are stored, by key: one document for each edition."""
    by_key: dict[str, list[tuple[Group, Silence]]] = {}
    for group, silence in silences.items():
        by_key.setdefault(keys.silence(group.campaign, group.edition), []).append((group, silence))
    found = {}
    for key, known in by_key.items():
        known.sort(key=lambda each: (-each[1].seconds, each[0]))
        listed = [[group.name, silence.newest, round(silence.seconds)] for group, silence in known[:MAX_GROUPS]]
        found[key] = json.dumps({"v": 1, "silent": listed}, separators=(",", ":")).encode()
    return found


def read(key: str, content: bytes) -> dict[Group, Silence]:
    """Read what `documents` wrote.

    Raises:
        BadRequest: It is damaged.
    """
    try:
        campaign, edition = key.removeprefix(keys.SILENCE).split("/")
        listed = json.loads(content)["silent"]
        return {
            Group(campaign, int(edition), str(name)): Silence(int(newest), float(seconds))
            for name, newest, seconds in listed
        }
    except (ValueError, KeyError, TypeError) as error:
        raise BadRequest(f"{key} tells no silences: {error!r}") from error


def _gone(key: str, indexes: Mapping[str, int]) -> list[dict[str, Any]]:
    return [{"Verb": "check-index", "Key": key, "Index": indexes[key]}, {"Verb": "delete", "Key": key}]
