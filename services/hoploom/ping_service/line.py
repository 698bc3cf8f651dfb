"""The order in which segments are sent, and when: a pure machine; time and luck are passed in.

The oldest goes first. What fails is tried again after a growing pause, and one that has failed `TRIES` times steps
aside for the others from then on: a batch that nobody can store does not hold up those behind it, and is never given
up. While nobody stores anything, one is tried at a time.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

from hoploom.ping_service.segment import Name

TRIES = 3
ASIDE_S = 60.0
"""So long the others go first. With nothing else to send, it is tried all the same."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0
"""Nobody knows when the output comes back; results that wait are worth a request in five seconds."""

_DOUBLINGS = 10


@dataclass(order=True)
class Waiting:
    """One segment that waits.

    Attributes:
        name: Its place in the order of sealing, and its batch.
        size_bytes: Size of its file.
        since_s: When it was sealed, by our own clock; may lie before its begin.
        failed: How often it was sent in vain.
    """

    name: Name
    size_bytes: int = field(compare=False)
    since_s: float = field(compare=False)
    failed: int = field(default=0, compare=False)


class Line:
    """All segments that wait; whoever takes one says what became of it."""

    def __init__(self) -> None:
        """Nothing waits."""
        self._all: dict[Name, Waiting] = {}
        self._ready: list[Waiting] = []
        self._aside: list[tuple[float, Waiting]] = []
        self._silent = 0
        self._calm_until_s = float("-inf")
        self.size_bytes = 0

    def __len__(self) -> int:
        """How many wait, those that are being sent included."""
        return len(self._all)

    def __contains__(self, name: Name) -> bool:
        """Whether a segment waits."""
        return name in self._all

    @property
    def oldest_s(self) -> float | None:
        """When the oldest was sealed; None when nothing waits."""
        return next(iter(self._all.values())).since_s if self._all else None

    @property
    def _sent(self) -> int:
        return len(self._all) - len(self._ready) - len(self._aside)

    def add(self, waiting: Waiting, now_s: float) -> None:
        """One more waits, younger than all that wait."""
        self._all[waiting.name] = waiting
        self.size_bytes += waiting.size_bytes
        heapq.heappush(self._ready, waiting)
        # It may be better off than those before it.
        self._calm_until_s = min(self._calm_until_s, now_s + FIRST_PAUSE_S)

    def take(self, now_s: float) -> Waiting | None:
        """The one to send now; None when there is nothing to send now."""
        if now_s < self._calm_until_s or (self._silent and self._sent):
            return None
        while self._aside and self._aside[0][0] <= now_s:
            heapq.heappush(self._ready, heapq.heappop(self._aside)[1])
        if self._ready:
            return heapq.heappop(self._ready)
        return heapq.heappop(self._aside)[1] if self._aside else None

    def wait_s(self, now_s: float) -> float:
        """How long to wait before there can be one to send, unless another is added; 0 when only news can tell."""
        return max(0.0, self._calm_until_s - now_s)

    def answered(self, name: Name) -> None:
        """The output has taken one that was sent, or refused it for good: it waits no more."""
        self.dropped(name)
        self._silent, self._calm_until_s = 0, float("-inf")

    def dropped(self, name: Name) -> None:
        """One that was taken cannot be sent: it waits no more."""
        self.size_bytes -= self._all.pop(name).size_bytes

    def failed(self, name: Name, now_s: float, luck: float) -> None:
        """One was sent in vain.

        Args:
            name: Which.
            now_s: Our own clock.
            luck: 0 to 1, at random, so that workers do not all come back at once.
        """
        waiting = self._all[name]
        waiting.failed += 1
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(self._silent, _DOUBLINGS))
        self._silent += 1
        self._calm_until_s = now_s + pause_s * (1 + luck) / 2
        if waiting.failed < TRIES:
            heapq.heappush(self._ready, waiting)
        else:
            heapq.heappush(self._aside, (now_s + ASIDE_S, waiting))
