"""How much of a manager one worker may take: requests a second, and how many at a time. Pure: time is passed in.

One worker that has lost its mind, or one credential on a hundred machines, must not keep the others out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from hoploom.kit.errors import TooMany

BURST_S = 4.0
"""A worker that rested has so many seconds of its rate at once: a spool begins to drain with many small batches."""

AT_ONCE = 12
"""Requests of one worker that are relayed at a time, long polls aside; it sends three batches, asks and renews."""

POLLS = 2
"""Long polls of one worker: the one that it waits for, and one whose connection a NAT has forgotten."""

End = Callable[[], object]


@dataclass
class Share:
    """What one worker takes now.

    Attributes:
        credit: Requests that it may send at once.
        at_s: When that was worked out.
        under_way: Requests that are being relayed.
        polls: What ends each of its long polls, the oldest first.
    """

    credit: float
    at_s: float
    under_way: int = 0
    polls: deque[End] = field(default_factory=deque)


class Shares:
    """The shares of all workers that have asked lately; used in the loop alone.

    Attributes:
        is_closing: Whether there is no room for long polls any more.
    """

    def __init__(self, rate_per_s: float) -> None:
        """Let each worker send so many requests a second; 0 for any number."""
        self._rate, self._most = rate_per_s, rate_per_s * BURST_S
        self._shares: dict[str, Share] = {}
        self.is_closing = False

    def __len__(self) -> int:
        """How many workers are remembered."""
        return len(self._shares)

    def spend(self, worker: str, now_s: float) -> None:
        """One request more of a worker.

        Raises:
            TooMany: It has sent too many; says when it may send the next.
        """
        share = self._share(worker, now_s)
        if not self._rate:
            return
        share.credit = min(self._most, share.credit + (now_s - share.at_s) * self._rate)
        share.at_s = now_s
        if share.credit < 1:
            raise TooMany(
                f"worker {worker} sends more than {self._rate:g} requests a second", (1 - share.credit) / self._rate
            )
        share.credit -= 1

    @contextmanager
    def place(self, worker: str, now_s: float) -> Iterator[None]:
        """Room for a request while it is relayed.

        Raises:
            TooMany: The worker has too many under way.
        """
        share = self._share(worker, now_s)
        if share.under_way >= AT_ONCE:
            raise TooMany(f"worker {worker} has {AT_ONCE} requests under way")
        share.under_way += 1
        try:
            yield
        finally:
            share.under_way -= 1

    @contextmanager
    def poll(self, worker: str, now_s: float, end: End) -> Iterator[None]:
        """Room for a long poll while it is relayed; where there is none, the worker's oldest is told to end.

        Args:
            worker: Whose.
            now_s: Our clock.
            end: Ends this one; called at most once.
        """
        share = self._share(worker, now_s)
        if len(share.polls) >= POLLS:
            share.polls.popleft()()
        share.polls.append(end)
        try:
            yield
        finally:
            if end in share.polls:
                share.polls.remove(end)

    def close(self) -> None:
        """End all long polls; from now on there is no room for any."""
        self.is_closing = True
        for share in self._shares.values():
            while share.polls:
                share.polls.popleft()()

    def _share(self, worker: str, now_s: float) -> Share:
        if worker not in self._shares:
            self._forget(now_s)
            self._shares[worker] = Share(self._most, now_s)
        return self._shares[worker]

    def _forget(self, now_s: float) -> None:
        """Forget who has rested long enough to have all credit again: a newcomer has as much."""
        rested = [
            name for name, each in self._shares.items()
            if not each.under_way and not each.polls and now_s - each.at_s >= BURST_S
        ]  # fmt: skip
        for name in rested:
            del self._shares[name]
