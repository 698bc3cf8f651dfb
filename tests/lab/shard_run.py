"""Reads a history of lease workers for the checks of shards and of rows. Pure."""

from collections.abc import Sequence

from lab.check_ledger import Row
from lab.check_shards import Completion, Work
from lab.history import OK, Event, of
from lab.intervals import Span


def work_of(key: str) -> Work:
    """What a lease belongs to, from an event's key `campaign/round/group/family`."""
    campaign, number, group, family = key.split("/")
    return Work(campaign, int(number), group, int(family))


def completions(events: Sequence[Event]) -> list[Completion]:
    """Every acknowledgement that was answered, with its answer."""
    return [
        Completion(work_of(each.key), Span(each.val["start"], each.val["stop"]), each.val["lease"], each.ph == OK)
        for each in of(events, "done") if each.ph in (OK, "fail")
    ]


def acknowledged(events: Sequence[Event]) -> list[Row]:
    """One row a position that the input service takes for done."""
    return [
        Row(f"{each.key}/{position}")
        for each in of(events, "done", OK) for position in range(each.val["start"], each.val["stop"])
    ]


def unknown(events: Sequence[Event]) -> list[Span]:
    """Acknowledgements that nobody knows the answer of: they may have counted."""
    return [Span(each.val["start"], each.val["stop"]) for each in of(events, "done", "info")]
