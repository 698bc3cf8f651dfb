"""Probes in, answers and their times out: the internet without its device. Pure; time comes in with each packet."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lab.internet.limits import ErrorLimits
from lab.internet.probe_packets import Probes, parse
from lab.internet.reply_packets import Replies
from lab.internet.topology import ECHO_REPLY, SILENT, Responses, Topology

SEEN = np.dtype(
    [
        ("at_ns", np.int64),
        ("target", np.uint8, 16),
        ("ttl", np.uint8),
        ("flow", np.uint64),
        ("protocol", np.uint8),
        ("size_bytes", np.uint16),
        ("kind", np.uint8),
    ]
)
"""A probe as it was seen: when, for whom, its TTL, flow and protocol, its bytes, and the kind of its answer."""


class Exchange:
    """Answers probes as a topology has it.

    Attributes:
        strangers: Packets that were no probes.
    """

    def __init__(self, topology: Topology, seed: int) -> None:
        """Begin with all rate limits at rest; the seed draws losses and the balancing by packet."""
        self._topology = topology
        self._random = np.random.default_rng(seed)
        self._limits = ErrorLimits(topology.interfaces)
        self._replies = Replies(topology.interfaces)
        self._seen: list[NDArray[np.void]] = []
        self.strangers = 0

    def take(
        self, packets: NDArray[np.uint8], lengths: NDArray[np.int64], at_ns: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], list[bytes]]:
        """Answer packets.

        Args:
            packets: (n, w): each from its IP header on; w >= 128.
            lengths: (n,): bytes of each.
            at_ns: (n,): when each came, monotonic, ascending; n is not 0.

        Returns:
            When each answer is due, and the answers.
        """
        probes = parse(packets, lengths)
        self.strangers += len(lengths) - len(probes.row)
        told = self._told(probes, int(at_ns[-1]))
        self._note(probes, told, lengths, at_ns)
        said = np.flatnonzero(told.kind != SILENT)
        row, answers = probes.row[said], told.at(said)
        built = self._replies.build(packets[row], lengths[row], probes.is_v6[said], answers)
        return at_ns[row] + answers.delay_ns, built

    def seen(self) -> NDArray[np.void]:
        """All probes so far in the order in which they came, (n,) of `SEEN`."""
        return np.concatenate([np.zeros(0, SEEN), *self._seen])

    def _told(self, probes: Probes, now_ns: int) -> Responses:
        told = self._topology.respond(
            probes.target, probes.ttl, probes.flow, protocol=probes.protocol, random=self._random
        )
        is_error = (told.kind != SILENT) & (told.kind != ECHO_REPLY)
        told.kind[~self._limits.allow(np.where(is_error, told.interface, -1), now_ns)] = SILENT
        return told

    def _note(
        self, probes: Probes, told: Responses, lengths: NDArray[np.int64], at_ns: NDArray[np.int64]
    ) -> None:
        seen = np.zeros(len(probes.row), SEEN)
        for name, column in {
            "at_ns": at_ns[probes.row],
            "target": probes.target,
            "ttl": probes.ttl,
            "flow": probes.flow,
            "protocol": probes.protocol,
            "size_bytes": lengths[probes.row],
            "kind": told.kind,
        }.items():
            seen[name] = column
        self._seen.append(seen)
