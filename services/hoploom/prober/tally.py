"""The books of one `ping`: what happened to each of its targets, and the result columns made of it. Pure.

21 bytes a target, 29 where it gets several requests, however many; what few need (duplicates, errors) is set aside
once it is needed.
Requests leave in rounds: probe p is request number p // n to target p % n.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hoploom.prober.probes import PingColumns
from hoploom.wire.addresses import WIDTH
from hoploom.wire.batch import ANSWERED, FAILED, LOST, UNREACHABLE
from hoploom.wire.columns import NONE

_NS_PER_US = 1_000
_MAX_16_BIT = 65_535
_UNANSWERED_US = np.iinfo(np.int32).max

Rows = NDArray[np.int64]
"""(k,) numbers of targets."""


class Tally:
    """Counts and times of every target of one ping.

    Attributes:
        targets: Number of targets.
        count: Requests a target.
        probes: Number of probes: targets times count.
    """

    def __init__(self, targets: int, count: int) -> None:
        """Begin with nothing sent.

        Args:
            targets: Number of targets.
            count: Requests a target.
        """
        self.targets = targets
        self.count = count
        self.probes = targets * count
        self._first_ns = np.zeros(targets, np.int64)
        self._received = np.zeros(targets, np.uint16)
        several = targets if count > 1 else 0
        self._least_us = np.full(several, _UNANSWERED_US, np.int32)
        self._most_us = np.full(several, NONE, np.int32)
        self._total_us = np.zeros(targets, np.int64)
        self._ttls = np.full(targets, NONE, np.int16)
        self._failed: NDArray[np.uint16] | None = None
        self._repeated: NDArray[np.uint16] | None = None
        self._errors: tuple[NDArray[np.int16], NDArray[np.int16], NDArray[np.uint8]] | None = None

    def begin(self, first: int, sent_ns: NDArray[np.int64]) -> None:
        """The first requests to targets first..first+k-1 left, or were refused by the system.

        Args:
            first: The first of these targets.
            sent_ns: (k,) when, monotonic clock.
        """
        self._first_ns[first : first + len(sent_ns)] = sent_ns

    def fail(self, rows: Rows) -> None:
        """A request to each of these targets could not leave; no target is among them twice."""
        if self._failed is None:
            self._failed = np.zeros(self.targets, np.uint16)
        self._failed[rows] += np.uint16(1)

    def reply(self, rows: Rows, rtt_ns: NDArray[np.int64], ttls: NDArray[np.int16]) -> None:
        """First echo replies came in time; several may be one target's.

        Args:
            rows: (k,) their targets.
            rtt_ns: (k,) round-trip times.
            ttls: (k,) TTLs, -1 where unknown.
        """
        rtt_us = rtt_ns // _NS_PER_US
        self._ttls[rows] = ttls
        if self.count == 1:  # then no target is among them twice, and one time is all that there is
            self._received[rows], self._total_us[rows] = 1, rtt_us
            return
        np.add.at(self._received, rows, np.uint16(1))
        np.minimum.at(self._least_us, rows, rtt_us.astype(np.int32))
        np.maximum.at(self._most_us, rows, rtt_us.astype(np.int32))
        np.add.at(self._total_us, rows, rtt_us)

    def repeat(self, rows: Rows) -> None:
        """Further replies came, of these targets."""
        if self._repeated is None:
            self._repeated = np.zeros(self.targets, np.uint16)
        some, count = np.unique(rows, return_counts=True)
        self._repeated[some] = np.minimum(self._repeated[some] + count, _MAX_16_BIT)

    def refuse(
        self, rows: Rows, types: NDArray[np.int16], codes: NDArray[np.int16], senders: NDArray[np.uint8]
    ) -> None:
        """ICMP errors came; of several about one target the last counts.

        Args:
            rows: (k,) their targets.
            types: (k,) their types.
            codes: (k,) their codes.
            senders: (k, 16) who sent them.
        """
        if self._errors is None:
            self._errors = self._no_errors()
        self._errors[0][rows], self._errors[1][rows], self._errors[2][rows] = types, codes, senders

    def columns(self, next_probe: int, started_monotonic_ns: int, started_wall_ns: int) -> PingColumns:
        """Sum up.

        Args:
            next_probe: The first probe that was not dealt with.
            started_monotonic_ns: Monotonic clock when the ping began.
            started_wall_ns: Wall clock, nanoseconds since 1970, at the same moment.

        Returns:
            One row a target.
        """
        sent = self._sent(next_probe)
        types, codes, senders = self._errors or self._no_errors()
        outcome = np.where(sent > 0, np.uint8(LOST), np.uint8(FAILED))
        outcome[types != NONE] = UNREACHABLE
        outcome[self._received > 0] = ANSWERED
        is_answered = self._received > 0
        mean_us = np.where(is_answered, self._total_us // np.maximum(self._received, 1), NONE).astype(np.int32)
        return PingColumns(
            outcome=outcome,
            sent=sent,
            received=self._received,
            duplicates=np.zeros(self.targets, np.uint16) if self._repeated is None else self._repeated,
            rtt_min_us=mean_us if self.count == 1 else np.where(is_answered, self._least_us, np.int32(NONE)),
            rtt_avg_us=mean_us,
            rtt_max_us=mean_us if self.count == 1 else self._most_us,
            reply_ttl=self._ttls,
            icmp_type=types,
            icmp_code=codes,
            icmp_from=senders,
            at_us=(self._first_ns - started_monotonic_ns) // _NS_PER_US,
            started_monotonic_us=started_monotonic_ns // _NS_PER_US,
            started_at_us=started_wall_ns // _NS_PER_US,
        )

    def _sent(self, next_probe: int) -> NDArray[np.uint16]:
        """Requests to each target that left."""
        rounds, more = divmod(next_probe, max(self.targets, 1))
        sent = np.full(self.targets, rounds, np.uint16)
        sent[:more] += np.uint16(1)
        return sent if self._failed is None else sent - self._failed

    def _no_errors(self) -> tuple[NDArray[np.int16], NDArray[np.int16], NDArray[np.uint8]]:
        none = np.full(self.targets, NONE, np.int16)
        return none, none.copy(), np.zeros((self.targets, WIDTH), np.uint8)
