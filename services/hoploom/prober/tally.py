"""The books of one `ping`: what happened to each of its probes, and the result columns made of it. Pure.

Probe p is request number p // n to target p % n. Replies are appended as they come and only summed up at the end, with
numpy: the path that runs once a packet stays short.
"""

from __future__ import annotations

from array import array

import numpy as np
from numpy.typing import NDArray

from hoploom.prober.probes import PingColumns
from hoploom.wire.addresses import WIDTH
from hoploom.wire.batch import ANSWERED, FAILED, LOST, UNREACHABLE
from hoploom.wire.columns import NONE

_UNSENT, _WAITING, _REPLIED, _REFUSED, _EXPIRED, _UNSENDABLE = range(6)
"""States of a probe."""
_NS_PER_US = 1_000
_MAX_16_BIT = 65_535


class Tally:
    """State of every probe of one ping.

    Attributes:
        targets: Number of targets.
        count: Requests a target.
        probes: Number of probes: targets times count.
        waiting: Probes that were sent and have no fate yet.
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
        self.waiting = 0
        self._states = bytearray(self.probes)
        self._sent_ns = array("q", bytes(8 * self.probes))
        self._replied, self._rtts_ns, self._ttls = array("q"), array("q"), array("h")
        self._repeated = array("q")
        self._errors: list[tuple[int, int, int, bytes]] = []

    def sent_ns(self, probe: int) -> int:
        """When a probe was sent, or its sending was refused, on the monotonic clock."""
        return self._sent_ns[probe]

    def send(self, probe: int, now_ns: int) -> None:
        """A probe is about to leave."""
        self._sent_ns[probe] = now_ns
        self._states[probe] = _WAITING
        self.waiting += 1

    def unsend(self, probe: int) -> None:
        """It did not leave after all, and will be tried again."""
        self._states[probe] = _UNSENT
        self.waiting -= 1

    def fail(self, probe: int) -> None:
        """It did not leave after all, and never will."""
        self._states[probe] = _UNSENDABLE
        self.waiting -= 1

    def reply(self, probe: int, rtt_ns: int, ttl: int) -> bool:
        """An echo reply came in time.

        Returns:
            Whether it is the probe's first; a further one is counted as a duplicate.
        """
        if self._states[probe] not in (_WAITING, _REFUSED):
            self._repeated.append(probe)
            return False
        self.waiting -= self._states[probe] == _WAITING
        self._states[probe] = _REPLIED
        self._replied.append(probe)
        self._rtts_ns.append(rtt_ns)
        self._ttls.append(ttl)
        return True

    def refuse(self, probe: int, icmp_type: int, icmp_code: int, sender: bytes) -> None:
        """An ICMP error about a probe came; `sender` is 16 bytes."""
        if self._states[probe] == _WAITING:
            self._states[probe] = _REFUSED
            self.waiting -= 1
        self._errors.append((probe % self.targets, icmp_type, icmp_code, sender))

    def expire(self, first: int, stop: int) -> list[int]:
        """The time of probes first..stop-1 is up: what still waits is lost, and returned."""
        states = self._states[first:stop]
        lost = [first + at for at, state in enumerate(states) if state == _WAITING]
        if lost:
            self._states[first:stop] = states.replace(bytes([_WAITING]), bytes([_EXPIRED]))
            self.waiting -= len(lost)
        return lost

    def columns(self, started_monotonic_ns: int, started_wall_ns: int) -> PingColumns:
        """Sum up.

        Args:
            started_monotonic_ns: Monotonic clock when the ping began.
            started_wall_ns: Wall clock, nanoseconds since 1970, at the same moment.

        Returns:
            One row a target.
        """
        states = np.frombuffer(self._states, np.uint8).reshape(self.count, self.targets)
        sent = np.isin(states, (_WAITING, _REPLIED, _REFUSED, _EXPIRED)).sum(axis=0)
        errors = self._error_columns()
        received, rtts, ttls = self._reply_columns()
        outcome = np.where(sent > 0, LOST, FAILED)
        outcome = np.where(errors[0] != NONE, UNREACHABLE, outcome)
        first_ns = np.frombuffer(self._sent_ns, np.int64)[: self.targets]
        return PingColumns(
            outcome=np.where(received > 0, ANSWERED, outcome).astype(np.uint8),
            sent=sent.astype(np.uint16),
            received=received.astype(np.uint16),
            duplicates=np.minimum(self._per_target(self._repeated), _MAX_16_BIT).astype(np.uint16),
            rtt_min_us=rtts[0],
            rtt_avg_us=rtts[1],
            rtt_max_us=rtts[2],
            reply_ttl=ttls,
            icmp_type=errors[0],
            icmp_code=errors[1],
            icmp_from=errors[2],
            at_us=(first_ns - started_monotonic_ns) // _NS_PER_US,
            started_monotonic_us=started_monotonic_ns // _NS_PER_US,
            started_at_us=started_wall_ns // _NS_PER_US,
        )

    def _per_target(self, probes: array[int]) -> NDArray[np.int64]:
        return np.bincount(np.array(probes, np.int64) % self.targets, minlength=self.targets)

    def _reply_columns(self) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int16]]:
        """Replies, (3, n) least, mean and greatest RTT in microseconds, and TTLs, of each target."""
        row = np.array(self._replied, np.int64) % self.targets
        rtt_us = np.array(self._rtts_ns, np.int64) // _NS_PER_US
        received = np.bincount(row, minlength=self.targets)
        least, total, most = (np.full(self.targets, value, np.int64) for value in (np.iinfo(np.int64).max, 0, NONE))
        np.minimum.at(least, row, rtt_us)
        np.add.at(total, row, rtt_us)
        np.maximum.at(most, row, rtt_us)
        ttls = np.full(self.targets, NONE, np.int16)
        ttls[row] = np.array(self._ttls, np.int16)
        mean = total // np.maximum(received, 1)
        return received, np.where(received > 0, (least, mean, most), NONE).astype(np.int32), ttls

    def _error_columns(self) -> tuple[NDArray[np.int16], NDArray[np.int16], NDArray[np.uint8]]:
        """Type, code and sender of the last ICMP error about each target."""
        types, codes = (np.full(self.targets, NONE, np.int16) for _ in range(2))
        senders = np.zeros((self.targets, WIDTH), np.uint8)
        for row, icmp_type, icmp_code, sender in self._errors:
            types[row], codes[row] = icmp_type, icmp_code
            senders[row] = np.frombuffer(sender, np.uint8)
        return types, codes, senders
