"""What the loops of a worker share: what it holds, what it was ordered, and the bell that rings when either changes.

The loops ask, tell, probe, submit and follow the orders; none of them waits for another but by this.
"""

import asyncio
import logging
import uuid
from collections.abc import Callable, Container
from dataclasses import dataclass, field

from hoploom.kit import metrics
from hoploom.kit.clock import boottime_s
from hoploom.ping_service import holding, orders
from hoploom.ping_service.holding import Held, Holding
from hoploom.ping_service.lease_client import LeaseClient
from hoploom.ping_service.orders import Orders
from hoploom.ping_service.passes import Passes
from hoploom.ping_service.settings import Settings
from hoploom.prober.stop_set import StopSet
from hoploom.wire.campaign import FAMILIES
from hoploom.wire.overlay import OverlayDocument
from hoploom.wire.probe import SKILLS

log = logging.getLogger(__name__)
UPLINK, UNSENT, SOCKETS, REFUSED, STOPPING = "uplink", "unsent", "sockets", "refused", "stopping"
UNFIT, UNABLE, SPOOL, BEYOND = "unfit", "unable", "spool", "beyond"
REASONS = {
    orders.PAUSED: "the campaign is paused",
    orders.REVOKED: "this worker was revoked",
    UPLINK: "no anchor answers, so this worker's uplink is taken for dead",
    UNSENT: "this machine sends nothing to these targets",
    SOCKETS: "this worker's sockets broke",
    REFUSED: "the output service refuses the results",
    STOPPING: "this worker stops",
    UNFIT: "the lease does not fit its set of targets",
    BEYOND: "this worker can probe loopback only",
    UNABLE: "this worker's sockets cannot probe like this",
    SPOOL: "this worker's spool takes no results",
}
"""Why no more of a lease is probed; the keys are labels of a metric."""

REST_S = 5.0
"""After work that was in vain: until the anchors are probed again, or work is asked for."""

LONGEST_REST_S = 600.0
"""While results are lost one after another, each rest is twice as long as the one before, and never longer than this:
other people's hosts are not probed over and over for nothing."""

_DOUBLINGS = 10
LOOK_S = 1.0
"""Loops that wait for something look at the clock so often."""

_HELD = metrics.gauge("hoploom_ping_leases_held", "Leases held.")
_LEASES = metrics.counter("hoploom_ping_leases_total", "Leases that are held no more.", ("end",))
_VERSION = metrics.gauge("hoploom_ping_overlay_version", "Version of the overlay that this worker heeds; -1 for none.")
_AGE = metrics.gauge("hoploom_ping_overlay_age_seconds", "Time since the overlay was last told or confirmed.")
_STOPPED = metrics.gauge("hoploom_ping_stopped", "1 while this worker may not probe at all.", ("why",))


@dataclass
class Station:
    """One worker's state.

    Attributes:
        settings: Its settings.
        client: Its way to the mesh.
        clock: Its own clock, in seconds; neither set nor stopped by anybody.
        run: Names this run of the process.
        holding: The leases.
        orders: The overlay.
        engine: Name of the prober that is open; empty while there is none.
        is_loopback_only: Whether that prober reaches loopback alone.
        trouble: Why it cannot probe; empty while it can.
        full: Why its spool takes no more results; empty while it does.
        waiting: Why results wait; empty while the output takes them.
        no_work: Why it got no lease; empty when it got one, or when there was none.
        uplink_dead: Whether it waits for its anchors to answer again.
        leaving: Whether it is about to stop.
        sent: Packets that were sent, by what each target takes at least.
        passes: What its traceroutes have shown, of which results are stored or under way.
    """

    settings: Settings
    client: LeaseClient
    clock: Callable[[], float] = boottime_s
    run: str = field(default_factory=lambda: uuid.uuid4().hex)
    holding: Holding = ()
    orders: Orders = field(default_factory=Orders)
    engine: str = ""
    is_loopback_only: bool = False
    trouble: str = ""
    full: str = ""
    waiting: str = ""
    no_work: str = ""
    uplink_dead: bool = False
    leaving: bool = False
    sent: int = 0
    passes: Passes[StopSet] = field(default_factory=lambda: Passes(StopSet))
    _lost_in_a_row: int = 0
    _rests_until_s: float = float("-inf")
    _left_out_until_s: dict[int | str, float] = field(default_factory=dict)
    _bell: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Show what is known: nothing."""
        _VERSION.set(self.orders.version)
        _AGE.set_function(lambda: self.clock() - self.orders.heard_s)

    @property
    def name(self) -> str:
        """The worker's lasting name."""
        return self.settings.lasting_name

    @property
    def is_resting(self) -> bool:
        """Whether it asks for no work for a moment, because what it did last was in vain."""
        return self.clock() < self._rests_until_s

    @property
    def families(self) -> tuple[int, ...]:
        """The families to ask for: all but those that were left out, or all where that would leave none."""
        return tuple(each for each in FAMILIES if not self._is_left_out(each)) or FAMILIES

    @property
    def skills(self) -> tuple[str, ...]:
        """What may be asked of this worker: all but what was left out."""
        return tuple(each for each in SKILLS if not self._is_left_out(each))

    def change(self, after: Holding) -> None:
        """Hold this from now on."""
        if after != self.holding:
            self.holding = after
            _HELD.set(len(after))
            self.ring()

    def drop(self, lease_id: str, end: str) -> None:
        """A lease is held no more, and why, in a word."""
        if holding.find(self.holding, lease_id):
            _LEASES.labels(end).inc()
            self.change(holding.dropped(self.holding, lease_id))

    def expire(self) -> None:
        """Drop what has ended by our own clock."""
        left = holding.expire(self.holding, self.clock())
        for held in self.holding:
            if held not in left:
                log.warning("lease %s has ended before all of it was probed, stored and told", held.id)
                self.drop(held.id, "expired")

    def stop(self, lease_ids: Container[str], reason: str) -> None:
        """Probe no more of some leases."""
        self.change(holding.stop(self.holding, lease_ids, reason))

    def stop_all(self, reason: str) -> None:
        """Probe no more of any lease."""
        self.stop([each.id for each in self.holding], reason)

    def obey(self) -> None:
        """Stop what the orders do not allow, and everything when this worker stops, or its spool takes no more."""
        everything = STOPPING if self.leaving else SPOOL if self.full else ""
        for held in self.holding:
            if reason := everything or self.orders.stops(self.name, held.lease.campaign):
                self.stop([held.id], reason)

    def heard(self, document: OverlayDocument | None) -> None:
        """Somebody told the overlay, or that it is the same."""
        before, self.orders = self.orders, orders.heard(self.orders, document, self.clock())
        if self.orders.version != before.version:
            _VERSION.set(self.orders.version)
            for why in (orders.PAUSED, orders.REVOKED):
                _STOPPED.labels(why).set(self.orders.stops(self.name) == why)
            log.info("orders are at version %s %s", self.orders.version, self.orders.stops(self.name))
            self.obey()
            self.ring()

    @property
    def is_told(self) -> bool:
        """Whether a manager pushes that the orders known here are the newest."""
        return orders.is_told(self.orders, self.clock())

    def pushed(self, version: int) -> None:
        """A manager pushed the overlay's version; `orders.UNKNOWN`: it pushes no more."""
        self.orders = orders.pushed(self.orders, version, self.clock())
        self.ring()

    def set_rate(self, rate_pps: int) -> None:
        """Operators have set this worker's rate; it holds beside the owner's."""
        if rate_pps != self.orders.set_pps:
            log.info("operators let this worker send %s packets a second", rate_pps or "any number of")
            self.orders = orders.changed(self.orders, set_pps=rate_pps)

    def run_now(self) -> None:
        """Look for work now: what was left out, or in vain, is tried again."""
        log.info("told to look for work now")
        self._rests_until_s = float("-inf")
        self._left_out_until_s.clear()
        self.ring()

    def fill(self, reason: str) -> None:
        """The spool takes no more results, and why; empty: it does again."""
        if reason and not self.full:
            log.warning("nothing more is probed: %s", reason)
        before, self.full = self.full, reason
        if bool(before) != bool(reason):
            self.obey()
            self.ring()

    def wait(self, reason: str) -> None:
        """Results wait, and why; empty: they do not any more."""
        if reason and not self.waiting:
            log.warning("results wait: %s", reason)
        self.waiting = f"results wait: {reason}"[:200] if reason else ""

    def may_go_on(self, held: Held) -> bool:
        """Whether to send the next packet for a lease: it is ours, has not ended and was not stopped."""
        now = holding.find(self.holding, held.id)
        return now is not None and not now.stopped and self.clock() < now.ends_s

    def rest(self, seconds: float) -> None:
        """Ask for no work for so long."""
        self._rests_until_s = max(self._rests_until_s, self.clock() + seconds)

    def lost(self, lease_id: str, why: str) -> None:
        """Results of a lease will not be stored: others are to probe it again, and nobody counts on what they showed.

        Args:
            lease_id: The lease.
            why: In a word.
        """
        self.passes.forget(lease_id)
        self.rest(min(LONGEST_REST_S, REST_S * 2 ** min(self._lost_in_a_row, _DOUBLINGS)))
        self._lost_in_a_row += 1
        self.stop([lease_id], why)

    def stored(self) -> None:
        """Results were stored: the next ones that are lost are the first in a row."""
        self._lost_in_a_row = 0

    def leave_out(self, what: int | str, seconds: float) -> None:
        """Ask for no targets of a family, or for nothing that needs a skill, for so long."""
        self._left_out_until_s[what] = self.clock() + seconds

    def _is_left_out(self, what: int | str) -> bool:
        now_s = self.clock()
        return now_s < self._left_out_until_s.get(what, now_s)

    def ring(self) -> None:
        """Wake whoever waits for news."""
        self._bell.set()
        self._bell = asyncio.Event()

    async def news(self, within_s: float = LOOK_S) -> None:
        """Wait until something changes, at most so long."""
        try:
            async with asyncio.timeout(max(within_s, 0.0)):
                await self._bell.wait()
        except TimeoutError:
            pass
