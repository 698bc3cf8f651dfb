"""A declared internet as arrays, and what it answers to probes: `Topology.respond`. Pure.

A way is a row of steps; a step is one interface, or as many alternatives as its balancer has branches. What stands
behind a balancer has one distance for all flows, because branches have equal lengths, and counts the delay and the loss
of the worst branch. Time is no part of it: rate limits are `limits.ErrorLimits`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hoploom.targets.mixing import mix
from hoploom.wire.addresses import WIDTH

MAX_TTL = 64
"""Probes with larger TTLs are treated as this one."""
ICMP, UDP = 0, 1
"""Kinds of probes: echo requests, and datagrams to ports where nobody listens."""
SILENT, TIME_EXCEEDED, ECHO_REPLY, UNREACHABLE = range(4)
"""Kinds of answers; see `Responses.kind`."""
HOST_TTL = 64
"""TTL that the answers of hosts start with."""
_HOSTS = np.uint64(0x9E3779B97F4A7C15)
"""Keeps the hash that says where hosts are apart from those of balancers."""
_V4_MARK = np.uint64(0xFFFF)


class Responses(NamedTuple):
    """What comes back, a row a probe.

    Attributes:
        kind: (n,) uint8: `SILENT`, `TIME_EXCEEDED`, `ECHO_REPLY` or `UNREACHABLE`.
        address: (n, 16) uint8: who answers; zeros for nobody.
        delay_ns: (n,) int64: from probe to answer; 0 for none.
        interface: (n,) int32: row of the interface that answers, -1 for hosts and nobody.
        icmp_type: (n,) int16: of the answer in the family of its target, -1 for none.
        icmp_code: (n,) int16: as the type.
        quoted_ttl: (n,) int16: TTL of the probe where the answer came from, -1 where nothing is quoted.
        reply_ttl: (n,) int16: TTL with which the answer arrives, -1 for none.
    """

    kind: NDArray[np.uint8]
    address: NDArray[np.uint8]
    delay_ns: NDArray[np.int64]
    interface: NDArray[np.int32]
    icmp_type: NDArray[np.int16]
    icmp_code: NDArray[np.int16]
    quoted_ttl: NDArray[np.int16]
    reply_ttl: NDArray[np.int16]

    def at(self, rows: NDArray[np.int64]) -> Responses:
        """The responses of these rows alone."""
        return Responses._make(column[rows] for column in self)


@dataclass(frozen=True, eq=False, kw_only=True)
class Interfaces:
    """Columns of all interfaces (i); their meaning is said in `declared.Interface`."""

    address: NDArray[np.uint8]
    router: NDArray[np.int32]
    is_silent: NDArray[np.bool_]
    initial_ttl: NDArray[np.int16]
    quote: NDArray[np.uint8]
    quoted_destination: NDArray[np.uint8]
    errors_per_s: NDArray[np.float64]
    burst: NDArray[np.float64]
    labels: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class Steps:
    """Columns of all steps (s): alternatives `member[first : first + width]`, one chosen by flow or packet.

    Steps of one balancer share their salt, so that a packet stays on its branch.
    """

    member: NDArray[np.int32]
    first: NDArray[np.int64]
    width: NDArray[np.uint64]
    salt: NDArray[np.uint64]
    is_per_packet: NDArray[np.bool_]


@dataclass(frozen=True, eq=False, kw_only=True)
class Ways:
    """Columns of all prefixes (p), ordered by the first key of each; see `keys`.

    Attributes:
        first: (p,) uint64: its first key.
        last: (p,) uint64: its last key.
        is_v6: (p,) bool.
        step: (p, MAX_TTL) int32: row of the step at TTL 1, 2, ...; -1 behind the last router.
        length: (p,) int16: routers on the way; `MAX_TTL` for a loop.
        delay_ns: (p, MAX_TTL + 1) int64: there and back for the answer from TTL 1, 2, ...; its hosts at `length`.
        survival: (p, MAX_TTL + 1) float64: part of the probes that get it, in the same order.
        hosts: (p,) float64: part of the addresses where a host answers.
        unreachable_type: (p,) int16: ICMP type about the others, -1 for silence.
        unreachable_code: (p,) int16.
        is_by_host: (p,) bool: whether the address itself says so.
    """

    first: NDArray[np.uint64]
    last: NDArray[np.uint64]
    is_v6: NDArray[np.bool_]
    step: NDArray[np.int32]
    length: NDArray[np.int16]
    delay_ns: NDArray[np.int64]
    survival: NDArray[np.float64]
    hosts: NDArray[np.float64]
    unreachable_type: NDArray[np.int16]
    unreachable_code: NDArray[np.int16]
    is_by_host: NDArray[np.bool_]


def words(addresses: NDArray[np.uint8]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Upper and lower 64 bits of (n, 16) addresses."""
    halves = np.ascontiguousarray(addresses).view(">u8").astype(np.uint64)
    return halves[:, 0], halves[:, 1]


def keys(addresses: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """What prefixes are found by: an IPv4 address as a number, or the upper half of an IPv6 address."""
    high, low = words(addresses)
    is_v4 = (high == 0) & (low >> np.uint64(32) == _V4_MARK)
    return np.where(is_v4, low & np.uint64(0xFFFFFFFF), high)


@dataclass(frozen=True, eq=False, kw_only=True)
class Topology:
    """An internet: its interfaces, the steps made of them, and the way to each prefix."""

    interfaces: Interfaces
    steps: Steps
    ways: Ways
    loss: float

    def way_of(self, targets: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Row of the prefix that holds each target, (n,); -1 where no prefix does."""
        key = keys(targets)
        row = np.searchsorted(self.ways.first, key, side="right") - 1
        return np.where((row >= 0) & (key <= self.ways.last[row]), row, -1)

    def is_host(self, targets: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Whether a host answers there, (n,)."""
        way = self.way_of(targets)
        scattered = mix(words(targets)[1] ^ _HOSTS) >> np.uint64(11)
        return (way >= 0) & (scattered < self.ways.hosts[way] * 2.0**53)

    def interface_at(
        self,
        step: NDArray[np.int32],
        targets: NDArray[np.uint8],
        flows: NDArray[np.uint64],
        packets: NDArray[np.uint64],
    ) -> NDArray[np.int32]:
        """Row of the interface that a probe meets at a step, (n,); -1 for step -1.

        Args:
            step: (n,) rows of steps.
            targets: (n, 16).
            flows: (n,): what balancers see of the flow besides the target.
            packets: (n,): one number a packet, for balancers by packet.
        """
        steps = self.steps
        chosen = np.zeros(len(step), np.int64)
        split = np.flatnonzero((steps.width[step] > 1) & (step >= 0))
        if len(split):
            at = step[split]
            flow = mix(words(targets[split])[1] ^ mix(flows[split] + np.uint64(1)))
            key = np.where(steps.is_per_packet[at], packets[split], flow)
            chosen[split] = mix(key ^ steps.salt[at]) % steps.width[at]
        found: NDArray[np.int32] = np.where(step >= 0, steps.member[steps.first[step] + chosen], -1).astype(np.int32)
        return found

    def respond(
        self,
        targets: NDArray[np.uint8],
        ttls: NDArray[np.uint8],
        flows: NDArray[np.uint64],
        *,
        protocol: int | NDArray[np.uint8] = ICMP,
        random: np.random.Generator | None = None,
    ) -> Responses:
        """What comes back for each probe, were there no rate limits.

        Args:
            targets: (n, 16) bytes, IPv4 mapped into ::ffff:0:0/96.
            ttls: (n,): TTLs or hop limits.
            flows: (n,): the first four bytes behind the IP header as a number, or whatever is constant for a flow.
            protocol: `ICMP` or `UDP`, of all or of each, (n,).
            random: Draws the losses and the balancing by packet; None: nothing is lost, and all packets are balanced
                alike.

        Returns:
            A row a probe, in order.
        """
        way = self.way_of(targets)
        column = np.clip(ttls.astype(np.int64), 1, MAX_TTL) - 1
        step = np.where(way >= 0, self.ways.step[way, column], -1)
        packets = np.zeros(len(way), np.uint64) if random is None else random.integers(0, 2**63, len(way), np.uint64)
        meets = self.interface_at(step, targets, flows, packets)
        last = self.ways.step[way, np.maximum(self.ways.length[way] - 1, 0)]
        edge = self.interface_at(np.where(meets < 0, last, -1), targets, flows, packets)
        kind, speaker = self._kinds(targets, way, meets, edge, protocol)
        kind[self._is_lost(way, column, random)] = SILENT
        return self._told(targets, way, column, kind, speaker)

    def _kinds(
        self,
        targets: NDArray[np.uint8],
        way: NDArray[np.int64],
        meets: NDArray[np.int32],
        edge: NDArray[np.int32],
        protocol: int | NDArray[np.uint8],
    ) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
        """The kind of each answer, and the interface that says it (-1 for the target)."""
        ways, expired, host = self.ways, meets >= 0, self.is_host(targets)
        nobody = ~expired & ~host & (ways.unreachable_type[way] >= 0)
        kind = np.select(
            [way < 0, expired, host, nobody],
            [SILENT, TIME_EXCEEDED, np.where(np.equal(protocol, ICMP), ECHO_REPLY, UNREACHABLE), UNREACHABLE],
            SILENT,
        ).astype(np.uint8)
        speaker = np.where(expired, meets, np.where(nobody & ~ways.is_by_host[way], edge, -1)).astype(np.int32)
        kind[(speaker >= 0) & self.interfaces.is_silent[speaker]] = SILENT
        return kind, speaker

    def _is_lost(
        self, way: NDArray[np.int64], column: NDArray[np.int64], random: np.random.Generator | None
    ) -> NDArray[np.bool_]:
        if random is None:
            return np.zeros(len(way), bool)
        survival = self.ways.survival[way, np.minimum(column, self.ways.length[way])]
        return random.random(len(way)) >= survival * (1 - self.loss)

    def _told(
        self,
        targets: NDArray[np.uint8],
        way: NDArray[np.int64],
        column: NDArray[np.int64],
        kind: NDArray[np.uint8],
        speaker: NDArray[np.int32],
    ) -> Responses:
        ways, said, v6 = self.ways, kind != SILENT, self.ways.is_v6[way]
        by_router, length = said & (speaker >= 0), ways.length[way]
        # A probe about nobody is answered by the last router, one hop before the target.
        hops = np.minimum(column, np.where(by_router, length - 1, length))
        types, codes = self._types(way, kind, v6, is_host=self.is_host(targets))
        address = np.where(by_router[:, None], self.interfaces.address[speaker], targets)
        initial = np.where(by_router, self.interfaces.initial_ttl[speaker], HOST_TTL)
        quoted = np.maximum(column + 1 - hops, 1)
        return Responses(
            kind,
            np.where(said[:, None], address, np.zeros(WIDTH, np.uint8)),
            np.where(said, ways.delay_ns[way, hops], 0),
            np.where(by_router, speaker, -1).astype(np.int32),
            np.where(said, types, -1).astype(np.int16),
            np.where(said, codes, -1).astype(np.int16),
            np.where(said & (kind != ECHO_REPLY), quoted, -1).astype(np.int16),
            np.where(said, np.maximum(initial - hops, 1), -1).astype(np.int16),
        )

    def _types(
        self, way: NDArray[np.int64], kind: NDArray[np.uint8], v6: NDArray[np.bool_], *, is_host: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """ICMP (RFC 792) or ICMPv6 (RFC 4443) types and codes; a host that is there says port unreachable."""
        ways, port = self.ways, (kind == UNREACHABLE) & is_host
        types = np.select(
            [kind == TIME_EXCEEDED, kind == ECHO_REPLY, port],
            [np.where(v6, 3, 11), np.where(v6, 129, 0), np.where(v6, 1, 3)],
            ways.unreachable_type[way],
        )
        codes = np.select([kind != UNREACHABLE, port], [0, np.where(v6, 4, 3)], ways.unreachable_code[way])
        return types, codes
