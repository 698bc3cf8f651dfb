"""What a person lays over all campaigns at once: pause, addresses to stay away from, caps, workers that are revoked.

It filters where leases are given and again at the worker, and never changes a campaign's targets or their order. Pure.
"""

from __future__ import annotations

import bisect
import datetime
import re
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from hoploom.kit.errors import Unprocessable
from hoploom.targets.notation import Block, parse_block
from hoploom.targets.ranges import Range, merge
from hoploom.wire.campaign_request import MAX_RATE_PPS, without
from hoploom.wire.fields import CAMPAIGN_ID, MAX_INTEGER, NAME, PRINTABLE, VERSION, Fields

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
MAX_LISTED = 100_000
"""Entries of one list; the limit of its stored size is met first."""


@dataclass(frozen=True, kw_only=True)
class OptOut:
    """Addresses that nobody probes.

    Attributes:
        block: A CIDR block, in the one way to write it.
        since: Day in UTC on which somebody asked for it, as YYYY-MM-DD, for people: it holds at once. May be empty.
        until: Last day in UTC on which it holds; empty for ever.
        note: For people.
    """

    block: str
    since: str = ""
    until: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        """Refuse what is no block or no day."""
        canonical = str(parse_block(self.block))
        if canonical != self.block:
            raise Unprocessable(f"the block {self.block} is written {canonical}")
        for day in filter(None, (self.since, self.until)):
            _require_day(day)

    def holds(self, today: str) -> bool:
        """Whether it still holds on a day, YYYY-MM-DD."""
        return not self.until or today <= self.until


@dataclass(frozen=True, kw_only=True)
class OverlayDocument:
    """One version of the overlay.

    Attributes:
        version: Grows with every change; 0 for the empty one that nobody has written.
        paused: Nothing at all is probed.
        paused_campaigns: Ids of campaigns of which nothing is probed.
        stopped_campaigns: Ids of campaigns that were stopped a short time ago; their records say so for good.
        opt_outs: What to stay away from, sorted by block.
        rate_pps: Packets a second to each campaign at most, over the whole mesh; 0 sets no cap.
        network_pps: Packets a second to one /24 or /48 at most, over the whole mesh; 0 sets no cap.
        revoked: Names of workers that get no work any more.
    """

    version: int = 0
    paused: bool = False
    paused_campaigns: tuple[str, ...] = ()
    opt_outs: tuple[OptOut, ...] = ()
    rate_pps: int = 0
    network_pps: int = 0
    revoked: tuple[str, ...] = ()
    stopped_campaigns: tuple[str, ...] = ()

    @staticmethod
    def from_json(document: object) -> OverlayDocument:
        """Read and check.

        Raises:
            BadRequest: A field is missing or of the wrong type.
            Unprocessable: A field is out of bounds.
        """
        known = Fields(document, "an overlay")
        paused = _matching(known.texts("paused_campaigns", longest=MAX_LISTED, default=[]), CAMPAIGN_ID)
        stopped = _matching(known.texts("stopped_campaigns", longest=MAX_LISTED, default=[]), CAMPAIGN_ID)
        return OverlayDocument(
            version=known.integer("version", range(MAX_INTEGER)),
            paused=known.flag("paused", default=False),
            paused_campaigns=tuple(each for each in paused if each not in stopped),
            opt_outs=tuple(map(_opt_out, known.objects("opt_outs"))) if known.has("opt_outs") else (),
            rate_pps=known.integer("rate_pps", range(MAX_RATE_PPS + 1), 0),
            network_pps=known.integer("network_pps", range(MAX_RATE_PPS + 1), 0),
            revoked=_matching(known.texts("revoked", longest=MAX_LISTED, default=[]), NAME),
            stopped_campaigns=stopped,
        )

    def to_json(self) -> dict[str, Any]:
        """As it travels and as it is stored; to who knows no stops, what is stopped is paused."""
        lists = {
            "paused_campaigns": sorted({*self.paused_campaigns, *self.stopped_campaigns}),
            "opt_outs": [asdict(each) for each in self.opt_outs],
            "revoked": list(self.revoked),
            "stopped_campaigns": list(self.stopped_campaigns),
        }
        untold = () if self.stopped_campaigns else ("stopped_campaigns",)
        return without({"v": VERSION, **asdict(self), **lists}, untold)

    def is_paused(self, campaign: str) -> bool:
        """Whether nothing of a campaign is probed now."""
        return self.paused or campaign in self.paused_campaigns or campaign in self.stopped_campaigns

    def is_revoked(self, worker: str) -> bool:
        """Whether a worker gets no work any more."""
        return worker in self.revoked

    def away_from(self, family: int) -> list[Range]:
        """The addresses of a family to stay away from, as a merged list of integers."""
        return self._ranges[family]

    def covers(self, family: int, address: int) -> bool:
        """Whether an address, as an integer, is one to stay away from."""
        ranges = self.away_from(family)
        at = bisect.bisect(ranges, address, key=lambda each: each[0]) - 1
        return at >= 0 and address <= ranges[at][1]

    def on(self, today: str) -> OverlayDocument:
        """Without what holds no more on this day, YYYY-MM-DD; the same object where all holds."""
        held = tuple(each for each in self.opt_outs if each.holds(today))
        return self if len(held) == len(self.opt_outs) else replace(self, opt_outs=held)

    def with_pause(self, campaign: str, *, paused: bool) -> OverlayDocument:
        """Pause or resume a campaign, or everything where it is empty."""
        if not campaign:
            return replace(self, paused=paused)
        return replace(self, paused_campaigns=_listed(self.paused_campaigns, campaign, present=paused))

    def with_stop(self, campaign: str, *, stopped: bool, past: Collection[str] = ()) -> OverlayDocument:
        """Stop a campaign, or let it go on where it began anew.

        Args:
            campaign: Its id.
            stopped: Whether it is stopped; it is not paused then, nor afterwards.
            past: Ids of others that need not be told any more.
        """
        left = tuple(each for each in self.stopped_campaigns if each not in past)
        return replace(
            self,
            stopped_campaigns=_listed(left, campaign, present=stopped),
            paused_campaigns=_listed(self.paused_campaigns, campaign, present=False),
        )

    def with_opt_out(self, opt_out: OptOut) -> OverlayDocument:
        """Stay away from a block; what was said of it before is replaced, but for the day since when."""
        known = {each.block: each for each in self.opt_outs}
        before = known.get(opt_out.block, opt_out)
        known[opt_out.block] = replace(opt_out, since=before.since)
        return replace(self, opt_outs=tuple(sorted(known.values(), key=lambda each: each.block)))

    def without_opt_out(self, block: str) -> OverlayDocument:
        """Probe a block again."""
        return replace(self, opt_outs=tuple(each for each in self.opt_outs if each.block != block))

    def with_revoked(self, worker: str, *, revoked: bool) -> OverlayDocument:
        """Give a worker no work any more, or again."""
        return replace(self, revoked=_listed(self.revoked, worker, present=revoked))

    def with_caps(self, *, rate_pps: int | None = None, network_pps: int | None = None) -> OverlayDocument:
        """Set caps; None leaves one as it is."""
        return replace(
            self,
            rate_pps=self.rate_pps if rate_pps is None else rate_pps,
            network_pps=self.network_pps if network_pps is None else network_pps,
        )

    def joined(self, other: OverlayDocument) -> OverlayDocument:
        """What holds where two overlays lie over each other: whatever is stricter.

        Versions add up: each of them only grows, so the sum is another after every change of either.
        """
        rests = {each.block: each for each in self.opt_outs}
        for each in other.opt_outs:
            rests[each.block] = _longer(rests.get(each.block, each), each)
        return OverlayDocument(
            version=self.version + other.version,
            paused=self.paused or other.paused,
            paused_campaigns=tuple(sorted({*self.paused_campaigns, *other.paused_campaigns})),
            opt_outs=tuple(sorted(rests.values(), key=lambda each: each.block)),
            rate_pps=_stricter(self.rate_pps, other.rate_pps),
            network_pps=_stricter(self.network_pps, other.network_pps),
            revoked=tuple(sorted({*self.revoked, *other.revoked})),
            stopped_campaigns=tuple(sorted({*self.stopped_campaigns, *other.stopped_campaigns})),
        )

    @cached_property
    def _ranges(self) -> dict[int, list[Range]]:
        blocks: list[Block] = [parse_block(each.block) for each in self.opt_outs]
        return {
            family: merge((each.first, each.last) for each in blocks if each.family == family) for family in (4, 6)
        }


def _longer(one: OptOut, other: OptOut) -> OptOut:
    """The one of two opt-outs of a block that holds longer."""
    return max(one, other, key=lambda each: (not each.until, each.until))


def _stricter(one: int, other: int) -> int:
    """The smaller of two caps, of which 0 is none."""
    return min((each for each in (one, other) if each), default=0)


def _listed(names: tuple[str, ...], name: str, *, present: bool) -> tuple[str, ...]:
    others = {each for each in names if each != name}
    return tuple(sorted(others | {name} if present else others))


def _matching(texts: tuple[str, ...], pattern: re.Pattern[str]) -> tuple[str, ...]:
    for text in texts:
        if not pattern.fullmatch(text):
            raise Unprocessable(f"an overlay cannot name {text[:80]!r}")
    return texts


def _require_day(day: str) -> None:
    """Refuse what is no day of the calendar; other ISO 8601 forms do not sort as text."""
    try:
        good = _DAY.fullmatch(day) and datetime.date.fromisoformat(day)
    except ValueError:
        good = None
    if not good:
        raise Unprocessable(f"{day[:40]!r} is no day such as 2027-01-31")


def _opt_out(document: object) -> OptOut:
    known = Fields(document, "an opt-out", versioned=False)
    return OptOut(
        block=known.text("block", PRINTABLE, longest=64),
        since=known.text("since", PRINTABLE, "", longest=10),
        until=known.text("until", PRINTABLE, "", longest=10),
        note=known.text("note", PRINTABLE, "", longest=200),
    )
