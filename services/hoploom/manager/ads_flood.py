"""Passes news on to every other manager: one queue and one sender a peer, so that none waits for another.

What is news here is passed on once, and not to whom it came from; who has it already passes nothing on. So of every ad
at most n(n-1) copies travel among n managers, and it stops by itself.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from hoploom.kit import metrics, watch
from hoploom.kit.clock import boottime_s
from hoploom.kit.errors import Unavailable
from hoploom.kit.http_client import HttpClient
from hoploom.manager.ad_table import Heard
from hoploom.manager.ads_queue import PeerQueue
from hoploom.wire import ads
from hoploom.wire.ads import Ad, Envelope

log = logging.getLogger(__name__)
GATHER_S = 0.2
"""News of one moment travel together; and a peer that has them from elsewhere has time to say so."""

SAY_TIMEOUT_S = 5.0
"""For a message; what the system still has of it then is not sent later, for what was left of its ads was told."""

FAREWELL_S = 1.5
"""For the last ad, while the process stops."""

_MESSAGES = metrics.counter("hoploom_ads_messages_total", "Messages of ads to other managers.", ("outcome",))
_PASSED_ON = metrics.counter("hoploom_ads_passed_on_total", "Ads in messages that another manager took.")
_DROPPED = metrics.counter("hoploom_ads_dropped_total", "Ads that another manager was not told, its queue being full.")
_WAITING = metrics.gauge("hoploom_ads_waiting", "Ads that wait to be passed on.")
_PEERS = metrics.gauge("hoploom_ads_peers", "Other managers that ads are passed on to.")


@dataclass(frozen=True)
class Peer:
    """Where another manager is asked.

    Attributes:
        url: Its address, without a slash at the end.
        http: The client to ask it by: a careful one where others have named the address.
    """

    url: str
    http: HttpClient


@dataclass
class Line:
    """What one sender works on.

    Attributes:
        peer: Whom it tells.
        queue: What waits.
        bell: Rings when something does.
        failures: In a row.
    """

    peer: Peer
    queue: PeerQueue = field(default_factory=PeerQueue)
    bell: asyncio.Event = field(default_factory=asyncio.Event)
    failures: int = 0


class Flood:
    """Everybody that this manager passes ads on to."""

    def __init__(
        self, own_id: str, held: Callable[[], Iterable[Heard]], clock: Callable[[], float] = boottime_s
    ) -> None:
        """Know nobody yet.

        Args:
            own_id: Of this manager.
            held: The ads that hold now, for whoever is met for the first time.
            clock: In seconds, as that of `held`.
        """
        self._own_id, self._held, self._clock = own_id, held, clock
        self._lines: dict[str, Line] = {}
        self._changed = asyncio.Event()

    def lines(self) -> list[Line]:
        """What every sender works on."""
        return list(self._lines.values())

    def know(self, peers: Mapping[str, Peer]) -> None:
        """Pass on to these from now on, by their ids; who is not among them any more is forgotten."""
        for gone in self._lines.keys() - peers.keys():
            del self._lines[gone]
        for name, peer in peers.items():
            if name in self._lines:
                self._lines[name].peer = peer
            else:
                self._lines[name] = self._met(peer)
        _PEERS.set(len(self._lines))
        self._changed.set()

    def pass_on(self, ad: Ad, envelope: Envelope, but: str = "") -> None:
        """Tell every peer but one."""
        heard = Heard.at(ad, envelope, self._clock())
        for name, line in self._lines.items():
            if name != but:
                _DROPPED.inc(line.queue.put(heard))
                line.bell.set()
        self._count()

    def told(self, peer: str, ad: Ad) -> None:
        """A peer knows an ad: it said so itself."""
        if peer in self._lines:
            self._lines[peer].queue.told(ad)

    async def run(self) -> None:
        """Send for ever."""
        tasks: dict[int, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as group:
            while True:
                await self._changed.wait()
                self._changed.clear()
                # Not by name: who went and came back meanwhile has a new queue.
                lines = {id(line): line for line in self._lines.values()}
                for gone in tasks.keys() - lines.keys():
                    tasks.pop(gone).cancel()
                for new in lines.keys() - tasks.keys():
                    tasks[new] = group.create_task(self._send(lines[new]))

    async def farewell(self, envelope: Envelope) -> None:
        """Tell all peers at once, past the queues; who does not answer in time hears of it by the others."""
        async with asyncio.TaskGroup() as group:
            for line in self._lines.values():
                group.create_task(self._posted(line.peer, [envelope], FAREWELL_S))

    def _met(self, peer: Peer) -> Line:
        """A line to somebody new, who has to be told all: what was said before nobody passed on to it."""
        line = Line(peer)
        for each in self._held():
            line.queue.put(each)
            line.bell.set()
        return line

    async def _send(self, line: Line) -> None:
        while True:
            await line.bell.wait()
            line.bell.clear()
            await asyncio.sleep(GATHER_S)
            await self._emptied(line)

    async def _emptied(self, line: Line) -> None:
        while len(line.queue):
            taken, envelopes = line.queue.take(self._clock())
            self._count()
            if not envelopes or await self._posted(line.peer, envelopes):
                line.failures = 0
                continue
            line.queue.put_back(taken)
            self._count()
            await asyncio.sleep(watch.pause_s(line.failures, random.random()))
            line.failures = min(line.failures + 1, 10)

    async def _posted(self, peer: Peer, envelopes: list[Envelope], timeout_s: float = SAY_TIMEOUT_S) -> bool:
        """Send one message; False where it may be sent again."""
        document = ads.message(envelopes, self._own_id)
        try:
            answer = await peer.http.request("POST", f"{peer.url}/ads", json=document, timeout_s=timeout_s)
        except Unavailable as error:
            log.debug("ads wait: %s", error)
            _MESSAGES.labels("away").inc()
            return False
        if answer.ok:
            _PASSED_ON.inc(len(envelopes))
        else:
            # It believes none of them: the key of whoever signed has not reached it, or it is no manager.
            log.debug("%s refuses ads: %s", peer.url, answer.reason())
        _MESSAGES.labels("taken" if answer.ok else "refused").inc()
        return True

    def _count(self) -> None:
        _WAITING.set(sum(len(line.queue) for line in self._lines.values()))
