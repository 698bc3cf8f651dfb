"""How far each data set has this store: what decides when a closed file may go. Pure.

A data set is known by its name, which the settings' policy uses, and by its UUID. One that was made anew under the same
name begins again, and what the one before still says of itself counts no more: otherwise files would go that only the
lost one had.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hoploom.kit.errors import BadRequest, Conflict, Unprocessable

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MAX_NAMES, MAX_EARLIER = 64, 32
VERSION = 1


@dataclass(frozen=True)
class Confirmed:
    """What is known of one data set.

    Attributes:
        name: Its name.
        uuid: Its UUID.
        upto: It has every batch of this store up to this `seq`.
        earlier: UUIDs that had the name before, the latest last.
    """

    name: str
    uuid: str
    upto: int
    earlier: tuple[str, ...] = ()

    def to_text(self) -> str:
        """As it is kept in the store."""
        return json.dumps({"uuid": self.uuid, "upto": self.upto, "earlier": self.earlier})

    @classmethod
    def from_text(cls, name: str, text: str) -> Confirmed:
        """As it was kept by `to_text`."""
        found = json.loads(text)
        return cls(name, found["uuid"], found["upto"], tuple(found["earlier"]))


def parsed(document: Any, store: str, last_seq: int) -> Confirmed:
    """What a collector says, as it came.

    Args:
        document: The body of its request, as JSON gave it.
        store: UUID of this store.
        last_seq: The newest batch of this store.

    Raises:
        BadRequest: It is no confirmation.
        Conflict: It is meant for another store.
        Unprocessable: It confirms what this store has not got.
    """
    if not isinstance(document, dict) or document.get("v") != VERSION:
        raise BadRequest(f'send {{"v": {VERSION}, "data_set": ..., "data_set_uuid": ..., "store": ..., "upto": ...}}')
    name, uuid = (_text(document, field, known) for field, known in (("data_set", NAME), ("data_set_uuid", _UUID)))
    if document.get("store") != store:
        raise Conflict(f"this is store {store}; nothing was confirmed")
    upto = document.get("upto")
    if isinstance(upto, bool) or not isinstance(upto, int) or upto < 0:
        raise BadRequest("upto is a whole number from 0")
    if upto > last_seq:
        raise Unprocessable(f"this store has come to {last_seq}, and nobody can have it up to {upto}")
    return Confirmed(name, uuid, upto)


def taken(known: Mapping[str, Confirmed], said: Confirmed) -> Confirmed:
    """What is known of a data set after it has spoken.

    Raises:
        Conflict: Another one has had its name since, or there are too many names.
    """
    before = known.get(said.name)
    if before is None:
        if len(known) >= MAX_NAMES:
            raise Conflict(f"{MAX_NAMES} data sets have confirmed already: use one of their names")
        return said
    if said.uuid == before.uuid:
        return Confirmed(said.name, said.uuid, max(said.upto, before.upto), before.earlier)
    if said.uuid in before.earlier:
        raise Conflict(f"data set {said.name} is {before.uuid} now: {said.uuid} counts no more")
    earlier = (*before.earlier, before.uuid)[-MAX_EARLIER:]
    return Confirmed(said.name, said.uuid, said.upto, earlier)


def _text(document: Mapping[str, Any], field: str, pattern: re.Pattern[str]) -> str:
    value = document.get(field)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise BadRequest(f"{field} does not match {pattern.pattern}")
    return value
