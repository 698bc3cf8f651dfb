"""What one manager knows of one sender of ads: the newest of its runs, and others that live beside it. Pure.

Time is this machine's own (seconds since its boot), so an ad ends by the receiver's clock alone: what is left of it is
told with it, and only shrinks on its way. An ad that has ended stays as a tombstone, so that a copy of it that lay
somewhere else cannot bring a dead sender back.

Two machines with one identity are told by two runs that live at once. The newest stays what is listed, or whoever was
there first where both have the same boot count; the others are kept beside it, so that every manager hears of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from hoploom.wire.ads import Ad, Envelope, Order, compare, within_bounds

MAX_RIVALS = 3
"""Runs that are kept beside the listed one: enough to tell of a clash, whatever number of cards was copied."""

SLACK_S = 10.0
"""An ad may be under way between two machines for so long, time that nobody takes off: twice the time-out of a call."""


class Outcome(Enum):
    """What became of an ad."""

    NEW = "new"
    RIVAL = "rival"
    OLD = "old"
    REFUSED = "refused"
    ENDED = "ended"

    @property
    def is_news(self) -> bool:
        """Whether it is passed on to other managers."""
        return self in (Outcome.NEW, Outcome.RIVAL)


@dataclass(frozen=True)
class Heard:
    """An ad that was heard.

    Attributes:
        ad: The ad.
        envelope: As it came.
        heard_s: When.
        ends_s: When it holds no more.
    """

    ad: Ad
    envelope: Envelope
    heard_s: float
    ends_s: float

    @staticmethod
    def at(ad: Ad, envelope: Envelope, now_s: float) -> Heard:
        """An ad that comes now; it holds no longer than it says itself, whatever is told with it."""
        return Heard(ad, envelope, now_s, now_s + max(0.0, min(envelope.remaining_s, ad.ttl_s)))

    def is_live(self, now_s: float) -> bool:
        """Whether it holds, and its sender has not taken leave."""
        return now_s < self.ends_s and not self.ad.down

    def remaining_s(self, now_s: float) -> float:
        """Seconds that it still holds."""
        return max(0.0, self.ends_s - now_s)

    def passed_on(self, now_s: float) -> Envelope:
        """The envelope with what is left of the ad now."""
        return replace(self.envelope, remaining_s=self.remaining_s(now_s))


@dataclass(frozen=True)
class Sender:
    """All that is known of one sender.

    Attributes:
        newest: Its newest ad, ended or not: nothing older replaces it.
        since_s: When the first ad of that boot was heard.
        rivals: The newest ads of other runs that were alive beside it.
    """

    newest: Heard
    since_s: float
    rivals: tuple[Heard, ...] = ()

    def live(self, now_s: float) -> list[Heard]:
        """The runs that are alive, the listed one first; more than one is a clash."""
        return [each for each in (self.newest, *self.rivals) if each.is_live(now_s)]

    def listed(self, now_s: float) -> Heard:
        """What stands for the sender: the newest run, or one that outlives it."""
        return next(iter(self.live(now_s)), self.newest)

    def ends_s(self) -> float:
        """When nothing of it holds any more."""
        return max(each.ends_s for each in (self.newest, *self.rivals))


def hear(known: Sender | None, heard: Heard) -> tuple[Sender | None, Outcome]:
    """Take in an ad whose signature is good.

    Args:
        known: What is known of its sender; None for nothing.
        heard: The ad.

    Returns:
        What is known then (the same object where nothing changed), and what became of the ad.
    """
    if not within_bounds(heard.ad, known.newest.ad if known else None):
        return known, Outcome.REFUSED
    if known is None:
        return Sender(heard, heard.heard_s), _born(heard)
    order = compare(heard.ad, known.newest.ad)
    if order is Order.NEWER:
        is_next_boot = heard.ad.boot != known.newest.ad.boot
        others = tuple(each for each in known.rivals if each.ad.instance != heard.ad.instance)
        return Sender(heard, heard.heard_s if is_next_boot else known.since_s, others), _born(heard)
    if heard.ad.instance == known.newest.ad.instance or not heard.remaining_s(heard.heard_s):
        return known, Outcome.OLD
    return _beside(known, heard, order)


def _born(heard: Heard) -> Outcome:
    """News, unless it ended on its way: then it is kept as a tombstone, and nobody else needs it."""
    return Outcome.NEW if heard.remaining_s(heard.heard_s) else Outcome.ENDED


def _beside(known: Sender, heard: Heard, order: Order) -> tuple[Sender, Outcome]:
    """An ad of another run with no higher boot count."""
    before = next((each for each in known.rivals if each.ad.instance == heard.ad.instance), None)
    if before is not None:
        if compare(heard.ad, before.ad) is not Order.NEWER:
            return known, Outcome.OLD
    elif order is Order.OLDER and not _was_sent_since(known, heard):
        return known, Outcome.OLD
    others = [each for each in known.rivals if each is not before and each.is_live(heard.heard_s)]
    if len(others) >= MAX_RIVALS:
        return known, Outcome.OLD
    return replace(known, rivals=(*others, heard)), Outcome.RIVAL


def _was_sent_since(known: Sender, heard: Heard) -> bool:
    """Whether an ad of an older boot was sent when the newer one had been heard: then both machines are running."""
    lived_s = heard.ad.ttl_s - heard.remaining_s(heard.heard_s)
    return lived_s + SLACK_S < heard.heard_s - known.since_s
