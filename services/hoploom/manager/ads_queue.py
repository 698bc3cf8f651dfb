"""Ads that wait to be passed on to one other manager. Pure.

Of each run only the newest waits, so a peer that is slow or away for an hour is told what holds now, once. What is
over the limit drops the one that waits longest; the peer asks for a snapshot now and then, and misses nothing for good.
"""

from hoploom.manager.ad_table import Heard
from hoploom.wire.ads import MAX_ADS, MAX_MESSAGE_BYTES, Ad, Envelope

MAX_WAITING = 4096
"""Some 4 KB each."""

_ROOM_BYTES = MAX_MESSAGE_BYTES - 8 * 1024
"""Of a message, for envelopes: the rest is for what stands around them."""

Run = tuple[str, str, str]


class PeerQueue:
    """The queue of one peer."""

    def __init__(self) -> None:
        """Nothing waits."""
        self._waiting: dict[Run, Heard] = {}

    def __len__(self) -> int:
        """How many ads wait."""
        return len(self._waiting)

    def put(self, heard: Heard) -> int:
        """Have an ad wait, in the place of an older one of its run; the number that was dropped for it, 0 or 1."""
        run = _run(heard.ad)
        before = self._waiting.get(run)
        if before is not None and before.ad.generation >= heard.ad.generation:
            return 0
        self._waiting[run] = heard
        if len(self._waiting) <= MAX_WAITING:
            return 0
        del self._waiting[next(iter(self._waiting))]
        return 1

    def told(self, ad: Ad) -> None:
        """The peer knows an ad: it said so itself."""
        waiting = self._waiting.get(_run(ad))
        if waiting is not None and waiting.ad.generation <= ad.generation:
            del self._waiting[_run(ad)]

    def take(self, now_s: float) -> tuple[list[Heard], list[Envelope]]:
        """What goes into the next message, with what is left of each; those that have ended are dropped."""
        taken: list[Heard] = []
        envelopes: list[Envelope] = []
        room = _ROOM_BYTES
        for run, heard in list(self._waiting.items()):
            envelope = heard.passed_on(now_s)
            size = _size(envelope)
            if len(taken) == MAX_ADS or size > room:
                break
            del self._waiting[run]
            if envelope.remaining_s > 0:
                taken.append(heard)
                envelopes.append(envelope)
                room -= size
        return taken, envelopes

    def put_back(self, taken: list[Heard]) -> None:
        """The message did not arrive: its ads wait again, before the others, unless newer ones do."""
        newer = self._waiting
        self._waiting = {_run(each.ad): each for each in taken}
        for heard in newer.values():
            self.put(heard)


def _run(ad: Ad) -> Run:
    return (*ad.key, ad.instance)


def _size(envelope: Envelope) -> int:
    """Bytes of an envelope as JSON, a little more rather than less."""
    return 4 * len(envelope.ad) // 3 + len(envelope.credential) + len(envelope.signature) + 128
