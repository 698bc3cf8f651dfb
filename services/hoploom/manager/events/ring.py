"""The last events, as they stand in the KV store. Pure."""

import json
from collections.abc import Iterable, Sequence

from hoploom.kit.errors import BadRequest
from hoploom.manager.seeing.seen import Event
from hoploom.wire.fields import MAX_INTEGER, PRINTABLE, Fields

KEY = "hoploom/events"
KEPT = 200
SAME_S = 30.0
"""Managers see the same thing at moments of their own, and one may have written what another one saw as well."""

_TEXT, _SUBJECT = 400, 200


def merged(stored: Sequence[Event], own: Iterable[Event]) -> list[Event]:
    """The ring with what is new of a manager's own events, oldest first, at most `KEPT`.

    Args:
        stored: The ring, oldest first.
        own: What a manager saw itself. An event that stands in the ring already, within `SAME_S`, is the same one.
    """
    times: dict[tuple[str, str, str], list[int]] = {}
    for each in stored:
        times.setdefault(_what(each), []).append(each.at_us)
    new = [
        each
        for each in own
        if not any(abs(each.at_us - at_us) <= SAME_S * 1e6 for at_us in times.get(_what(each), ()))
    ]
    return sorted([*stored, *new], key=lambda each: each.at_us)[-KEPT:]


def encoded(events: Iterable[Event]) -> bytes:
    """As it is stored."""
    return json.dumps({"v": 1, "events": [each.to_json() for each in events]}, ensure_ascii=False).encode()


def decoded(value: bytes) -> list[Event]:
    """As it was stored; what is damaged is no event, for the next write mends it."""
    try:
        found = Fields(json.loads(value), "the events")
        return [_event(each) for each in found.objects("events")[-KEPT:]]
    except (BadRequest, ValueError, RecursionError):
        return []


def _event(document: object) -> Event:
    known = Fields(document, "an event", versioned=False)
    return Event(
        at_us=known.integer("at_us", range(MAX_INTEGER)),
        kind=known.text("kind", PRINTABLE, longest=40),
        text=known.text("text", PRINTABLE, longest=_TEXT),
        subject=known.text("subject", PRINTABLE, "", longest=_SUBJECT * 4),
    )


def _what(event: Event) -> tuple[str, str, str]:
    return event.kind, event.text, event.subject
