"""What a manager pushes to whoever listens: server-sent events with one JSON object each. Pure.

An event says what is so now, and never what has changed: the newest one of a name is enough, so none is ever kept for
somebody who was away.

Source: WHATWG, HTML Living Standard, "Server-sent events".
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hoploom.kit.errors import BadRequest

PATH = "/push"
LIVE = "/live"
"""For pages, which have no credential and are told only that there is something new."""

MEDIA_TYPE = "text/event-stream"
ORDERS, SETTINGS, RUN, BYE, PAGE = "orders", "settings", "run", "bye", "page"
KEEP_ALIVE = b":\n\n"
"""A comment: nothing is said, and the line still carries."""

KEEP_ALIVE_S = 15.0
SILENT_S = 3 * KEEP_ALIVE_S
"""A connection on which nothing came for so long is given up: a router on the way has forgotten it."""

MAX_EVENT_BYTES = 65_536


@dataclass(frozen=True)
class Event:
    """One event.

    Attributes:
        name: What it is about.
        data: Its JSON object.
    """

    name: str
    data: Mapping[str, Any]


def encoded(name: str, **data: object) -> bytes:
    """An event as it travels; its object is of version 1."""
    return f"event: {name}\ndata: {json.dumps({'v': 1, **data}, separators=(',', ':'))}\n\n".encode()


class Reader:
    """Finds the events in a stream of bytes."""

    def __init__(self) -> None:
        """Nothing was read yet."""
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Event]:
        """The events that end in these bytes; comments and what has no data are none.

        Raises:
            BadRequest: What comes is no stream of events of ours.
        """
        *blocks, self._rest = (self._rest + data.replace(b"\r\n", b"\n")).split(b"\n\n")
        if len(self._rest) > MAX_EVENT_BYTES:
            raise BadRequest("an event is longer than any of ours")
        for block in blocks:
            if (event := _event(block)) is not None:
                yield event


def _event(block: bytes) -> Event | None:
    known: dict[str, str] = {}
    for line in block.decode("utf-8", "replace").split("\n"):
        name, _, value = line.partition(":")
        known[name] = value.removeprefix(" ")
    if "data" not in known:
        return None
    try:
        data = json.loads(known["data"])
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"an event is no JSON: {error}") from error
    if not isinstance(data, dict):
        raise BadRequest("an event is a JSON object")
    return Event(known.get("event", "message"), data)
