"""How the deploys of services stand, as `hoploom deploy` writes it beside its lock in Consul. Pure.

A deploy that goes on or broke off has `hoploom/deploys/SERVICE/.lock`; how the last one ended stands in `.../last`.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from hoploom.kit.consul_records import KvEntry

FOLDER = "hoploom/deploys/"
_LOCK, _LAST = ".lock", "last"
_LONGEST = 200


@dataclass(frozen=True)
class Deploying:
    """One deploy of a service.

    Attributes:
        service: Which.
        version: To which version.
        who: Who deploys.
        since: When it was begun, in words.
        where: How far it is, or how it ended.
        is_over: Whether it ended.
    """

    service: str
    version: str
    who: str
    since: str
    where: str
    is_over: bool


def standing(entries: Iterable[KvEntry]) -> tuple[Deploying, ...]:
    """What the keys below `FOLDER` tell; what is no deploy of ours, such as a lock of `consul lock`, is left out."""
    found = (_deploying(each) for each in entries)
    return tuple(sorted((each for each in found if each), key=lambda each: (each.service, each.is_over)))


def _deploying(entry: KvEntry) -> Deploying | None:
    service, _, name = entry.key.removeprefix(FOLDER).rpartition("/")
    try:
        said: Any = json.loads(entry.value)
        # Before its plan is made there is nothing that could be taken back.
        if name not in (_LOCK, _LAST) or not said["job"]:
            return None
        words = [_clean(said[each]) for each in ("version", "who", "since", "where")]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    version, who, since, where = words
    return Deploying(service, version, who, since, where, name == _LAST)


def _clean(said: Any) -> str:
    return "".join(each if each.isprintable() else " " for each in str(said))[:_LONGEST]
