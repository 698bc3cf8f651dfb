"""All workers and managers that one manager has heard of: the same on every manager, since ads are passed on.

A thin store over `ad_table`, with a clock and a version that grows when something changes that others act upon.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from aiohttp import web

from hoploom.kit import metrics
from hoploom.kit.clock import boottime_s
from hoploom.manager import ad_table
from hoploom.manager.ad_table import Heard, Outcome, Sender
from hoploom.wire.ad_bodies import WARNING, ManagerBody, WorkerBody
from hoploom.wire.ads import MANAGER, WORKER, Ad, Envelope, Key

log = logging.getLogger(__name__)
SILENT, LEFT = "silent", "left"
"""What the hearers say of a worker, beside what it says itself: nothing was heard in time; it took leave."""

KEPT_S = 6.5 * 3600
"""A tombstone is kept for longer than a credential holds: after that no copy of an old ad is believed anyway."""

MAX_SENDERS = 20_000
"""Some 4 KB each. Only who has a credential is a sender."""

_ADS = metrics.counter("hoploom_ads_heard_total", "Ads heard whose signature was good.", ("outcome",))
_KNOWN = metrics.gauge("hoploom_ads_senders", "Senders of ads that are alive.", ("kind",))
_CLASHES = metrics.gauge("hoploom_ads_clashes", "Senders under whose name more than one machine is running.")


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A worker as the managers see it.

    Attributes:
        id: Its name.
        ad: Its newest ad.
        body: What that says.
        remaining_s: Seconds that the ad still holds; 0 where it has ended.
        heard_s: Seconds since it was heard.
        clash: Whether another machine sends under the same name.
        status: `passing` or `warning` as it says itself (`warning` in a clash too), else `silent` or `left`.
    """

    id: str
    ad: Ad
    body: WorkerBody
    remaining_s: float
    heard_s: float
    clash: bool
    status: str


@dataclass(frozen=True, kw_only=True)
class SeenManager:
    """Another manager that is alive, or this one.

    Attributes:
        id: Its instance id.
        body: What it says.
        remaining_s: Seconds that its ad still holds.
    """

    id: str
    body: ManagerBody
    remaining_s: float


class Registry:
    """What one manager has heard. Everything is forgotten with the process, and told again by the others."""

    def __init__(self, clock: Callable[[], float] = boottime_s) -> None:
        """Know nothing; `clock` in seconds, neither set nor stopped by anybody."""
        self._clock = clock
        self._senders: dict[Key, Sender] = {}
        self._faces: dict[Key, object] = {}
        self._bell = asyncio.Event()
        self.version = 0

    def hear(self, ad: Ad, envelope: Envelope) -> Outcome:
        """Take in an ad whose signature is good; `Outcome.is_news` says whether to pass it on."""
        known = self._senders.get(ad.key)
        if known is None and len(self._senders) >= MAX_SENDERS and not self._made_room():
            outcome = Outcome.REFUSED
        else:
            after, outcome = ad_table.hear(known, Heard.at(ad, envelope, self._clock()))
            if after is not None and after is not known:
                self._senders[ad.key] = after
                self._look(ad.key, after)
        _ADS.labels(outcome.value).inc()
        return outcome

    def knows(self, ad: Ad) -> bool:
        """Whether an ad would be passed over as old: this very one is here, or a later one of its run."""
        known = self._senders.get(ad.key)
        runs = (known.newest, *known.rivals) if known else ()
        return any(
            (each.ad.instance, each.ad.boot) == (ad.instance, ad.boot) and each.ad.generation >= ad.generation
            for each in runs
        )

    def workers(self) -> list[Seen]:
        """Every worker that was heard of, sorted by name; those that fell silent too, for `KEPT_S`."""
        now_s = self._clock()
        found = (_seen(sender, now_s) for (kind, _), sender in self._senders.items() if kind == WORKER)
        return sorted(filter(None, found), key=lambda seen: seen.id)

    def worker(self, name: str) -> Seen | None:
        """One worker, or None where it was never heard of."""
        sender = self._senders.get((WORKER, name))
        return _seen(sender, self._clock()) if sender else None

    def managers(self) -> list[SeenManager]:
        """The managers that are alive, this one too, sorted by id."""
        now_s, found = self._clock(), []
        for (kind, name), sender in self._senders.items():
            if kind != MANAGER:
                # Asked for with every ad that comes: of thousands of workers not even the newest is looked up.
                continue
            listed = sender.listed(now_s)
            if isinstance(listed.ad.body, ManagerBody) and listed.is_live(now_s):
                remaining_s = listed.remaining_s(now_s)
                found.append(SeenManager(id=name, body=listed.ad.body, remaining_s=remaining_s))
        return sorted(found, key=lambda seen: seen.id)

    def highest(self, kind: str, name: str) -> int:
        """The highest boot count heard of a sender; 0 for none."""
        sender = self._senders.get((kind, name))
        return sender.newest.ad.boot if sender else 0

    def is_clash(self, kind: str, name: str) -> bool:
        """Whether more than one machine sends under this name."""
        sender = self._senders.get((kind, name))
        return sender is not None and len(sender.live(self._clock())) > 1

    def snapshot(self, kinds: Iterable[str] = (WORKER, MANAGER)) -> list[Envelope]:
        """Every ad with what is left of it: those that have ended too, so that they end everywhere."""
        now_s, wanted = self._clock(), set(kinds)
        return [
            each.passed_on(now_s)
            for (kind, _), sender in self._senders.items()
            if kind in wanted
            for each in (sender.newest, *sender.rivals)
        ]

    def held(self) -> list[Heard]:
        """Every ad that has not ended."""
        now_s = self._clock()
        runs = (each for sender in self._senders.values() for each in (sender.newest, *sender.rivals))
        return [each for each in runs if each.remaining_s(now_s)]

    def forget(self, name: str) -> None:
        """Drop a worker that is not of the mesh any more: it is not even silent."""
        if self._senders.pop((WORKER, name), None):
            del self._faces[WORKER, name]
            self._ring()

    def tend(self) -> None:
        """Look at the clock: notice who fell silent, and drop tombstones that nobody needs. Called once a second."""
        now_s = self._clock()
        for key, sender in list(self._senders.items()):
            if sender.ends_s() + KEPT_S < now_s:
                del self._senders[key], self._faces[key]
                self._ring()
            else:
                self._look(key, sender)
        live = [(kind, sender.live(now_s)) for (kind, _), sender in self._senders.items()]
        for kind in (WORKER, MANAGER):
            _KNOWN.labels(kind).set(sum(bool(runs) for each, runs in live if each == kind))
        _CLASHES.set(sum(len(runs) > 1 for _, runs in live))

    async def changed(self, since: int) -> int:
        """Wait until `version` is another than `since`, and return it.

        It grows when a worker or manager comes, goes, falls silent or clashes, or says something else of itself; not
        with every ad, and not when only counts and ages have changed.
        """
        while self.version == since:
            await self._bell.wait()
        return self.version

    def _look(self, key: Key, sender: Sender) -> None:
        """Ring where what others act upon is another than before."""
        now_s = self._clock()
        listed, is_clash = sender.listed(now_s), len(sender.live(now_s)) > 1
        face = (_status(listed, now_s, is_clash=is_clash), is_clash, listed.ad.instance, _lasting(listed.ad))
        before = self._faces.get(key)
        if face == before:
            return
        self._faces[key] = face
        if is_clash and not (isinstance(before, tuple) and before[1]):
            log.warning(
                "%s %s runs on more than one machine: two copies of one card or disk? Only one may keep the name",
                *key,
            )
        self._ring()

    def _ring(self) -> None:
        self.version += 1
        self._bell.set()
        self._bell = asyncio.Event()

    def _made_room(self) -> bool:
        """Drop the tombstone that ended first; False where everybody is alive."""
        first = min(self._senders, key=lambda key: self._senders[key].ends_s())
        if self._senders[first].ends_s() > self._clock():
            return False
        del self._senders[first], self._faces[first]
        return True


REGISTRY = web.AppKey("manager_registry", Registry)


def _seen(sender: Sender, now_s: float) -> Seen | None:
    listed, is_clash = sender.listed(now_s), len(sender.live(now_s)) > 1
    if not isinstance(listed.ad.body, WorkerBody):
        return None
    return Seen(
        id=listed.ad.id,
        ad=listed.ad,
        body=listed.ad.body,
        remaining_s=listed.remaining_s(now_s),
        heard_s=now_s - listed.heard_s,
        clash=is_clash,
        status=_status(listed, now_s, is_clash=is_clash),
    )


def _status(listed: Heard, now_s: float, *, is_clash: bool) -> str:
    if listed.ad.down:
        return LEFT
    if not listed.is_live(now_s):
        return SILENT
    said = listed.ad.body.status if isinstance(listed.ad.body, WorkerBody) else ""
    return WARNING if is_clash else said


def _lasting(ad: Ad) -> WorkerBody | ManagerBody:
    """What an ad says, without the counts and ages that are others every time."""
    if isinstance(ad.body, ManagerBody):
        return ad.body
    return replace(
        ad.body, rate_pps=0, sent_pps=0, spool_bytes=0, spool_oldest_s=0, leases=0, uptime_s=0, wall_us=0
    )
