"""Routers that send so many ICMP errors a second and no more: a token bucket a router. Pure; time comes in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lab.internet.topology import Interfaces

_S_PER_NS = 1e-9


class ErrorLimits:
    """The buckets of all routers, all full at first."""

    def __init__(self, interfaces: Interfaces) -> None:
        """Make a bucket for each router; the smallest limit of its interfaces counts."""
        count = int(interfaces.router.max(initial=-1)) + 1
        self._router = interfaces.router
        self._rate = np.full(count, np.inf)
        self._burst = np.full(count, np.inf)
        np.minimum.at(self._rate, interfaces.router, interfaces.errors_per_s)
        np.minimum.at(self._burst, interfaces.router, interfaces.burst)
        self._tokens = self._burst.copy()
        self._filled_ns = np.zeros(count, np.int64)

    def allow(self, interfaces: NDArray[np.int32], at_ns: int) -> NDArray[np.bool_]:
        """Which errors are sent, (n,); the first of a router's come before its others.

        Args:
            interfaces: (n,): row of the interface that would send each; -1 is a host, which has no limit.
            at_ns: The time of all of them, monotonic.
        """
        router = np.where(interfaces >= 0, self._router[interfaces], -1)
        limited = np.flatnonzero((router >= 0) & np.isfinite(self._rate[router]))
        allowed = np.ones(len(interfaces), bool)
        if len(limited):
            order = limited[np.argsort(router[limited], kind="stable")]
            asked, first, count = np.unique(router[order], return_index=True, return_counts=True)
            whole = self._fill(asked, at_ns)
            rank = np.arange(len(order)) - np.repeat(first, count)
            allowed[order] = rank < np.repeat(whole, count)
            self._tokens[asked] -= np.minimum(whole, count)
        return allowed

    def _fill(self, routers: NDArray[np.int32], at_ns: int) -> NDArray[np.float64]:
        """Whole tokens of each router at that time."""
        earned = (at_ns - self._filled_ns[routers]) * _S_PER_NS * self._rate[routers]
        self._tokens[routers] = np.minimum(self._burst[routers], self._tokens[routers] + earned)
        self._filled_ns[routers] = at_ns
        whole: NDArray[np.float64] = np.floor(self._tokens[routers])
        return whole
