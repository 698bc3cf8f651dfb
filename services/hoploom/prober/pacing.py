"""When the next packet may leave: a token bucket and a cap for every network. Pure; the time is passed in.

Both are spent in slices: whoever sends asks how many are due, sends at most that many and asks again.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence

NS = 1_000_000_000
CATCH_UP_S = 0.02
"""A sender that was held up makes good this much and no more: a longer burst would overrun a home router's queue."""
MAX_NETWORKS = 65_536
"""Networks remembered by a cap before those that are idle again are forgotten."""


class TokenBucket:
    """So many packets a second, never more than `CATCH_UP_S` of them (at least one) in one go."""

    def __init__(self, rate_pps: float | None, now_ns: int, last_ns: int | None = None) -> None:
        """Begin with one packet due.

        Args:
            rate_pps: Packets a second; None is without limit.
            now_ns: Monotonic clock.
            last_ns: When a packet left last, before this bucket; the first one keeps its distance.
        """
        self._gap_ns = NS / rate_pps if rate_pps else 0.0
        self._catch_up_ns = max(CATCH_UP_S * NS - self._gap_ns, 0.0)
        self._next_ns = float(now_ns if last_ns is None else max(now_ns, last_ns + self._gap_ns))

    def due(self, now_ns: int, most: int) -> int:
        """How many packets may leave now.

        Args:
            now_ns: Monotonic clock; going back is treated as standing still.
            most: The caller's own limit.

        Returns:
            0 to `most`.
        """
        if not self._gap_ns:
            return most
        self._next_ns = max(self._next_ns, now_ns - self._catch_up_ns)
        return min(most, max(0, int((now_ns - self._next_ns) / self._gap_ns) + 1)) if now_ns >= self._next_ns else 0

    def span_ns(self, packets: int) -> int:
        """How long so many packets take; longer than anything where there is no limit."""
        return int(packets * self._gap_ns) if self._gap_ns else NS

    def spend(self, packets: int) -> None:
        """Note that so many were sent."""
        self._next_ns += packets * self._gap_ns

    def next_ns(self) -> int:
        """When the next packet is due, on the same clock."""
        return int(self._next_ns) + 1


class NetworkCap:
    """No two packets to one network closer together than the cap says, without any allowance for bursts.

    Packets wait for their turn in a row, and nothing overtakes: with targets in a permuted order two of one network
    seldom meet, and where they often do, the network itself sets the pace.
    """

    def __init__(self, rate_pps: float | None, sent_ns: MutableMapping[int, int] | None = None) -> None:
        """Begin with the networks as they are.

        Args:
            rate_pps: Packets a second to one network; None is without limit.
            sent_ns: When each network was last sent to, kept up to date here; give the same one to successive caps, so
                that a new one does not begin with packets on the heels of the last. None is all idle.
        """
        self._gap_ns = int(NS / rate_pps) if rate_pps else 0
        self._sent_ns = {} if sent_ns is None else sent_ns
        self._too_many = MAX_NETWORKS

    def due(self, networks: Sequence[int], now_ns: int) -> int:
        """How many packets, from the front of a row, may leave now; those are noted as sent.

        Args:
            networks: The network of each packet, as any number.
            now_ns: Monotonic clock.

        Returns:
            0 to `len(networks)`.
        """
        if not self._gap_ns:
            return len(networks)
        if len(self._sent_ns) > self._too_many:
            self._forget_idle(now_ns)
        for count, network in enumerate(networks):
            if self.next_ns(network) > now_ns:
                return count
            self._sent_ns[network] = now_ns
        return len(networks)

    def next_ns(self, network: int) -> int:
        """When the next packet to a network is due; 0 for one that is idle."""
        sent_ns = self._sent_ns.get(network)
        return 0 if sent_ns is None else sent_ns + self._gap_ns

    def _forget_idle(self, now_ns: int) -> None:
        for network in [network for network in self._sent_ns if self.next_ns(network) <= now_ns]:
            del self._sent_ns[network]
        # Where few are idle, the next look is put off, so that it does not come with every slice.
        self._too_many = max(MAX_NETWORKS, 2 * len(self._sent_ns))
