"""The packets of traceroutes: echo requests with one checksum a destination, or payloads of datagrams. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hoploom.prober import flows
from hoploom.prober.launches import Departure
from hoploom.prober.packets import COOKIE_BYTES, HEADER_BYTES, Layout, build
from hoploom.prober.slots import Grant
from hoploom.prober.trace_run import ttls
from hoploom.prober.traces import MAX_TTL


class EchoProbes:
    """Makes them.

    Attributes:
        size: Bytes of each, without the IP header.
    """

    def __init__(self, attribution: bytes, size_bytes: int) -> None:
        """Lay the payload out.

        Args:
            attribution: What it begins with; may be empty.
            size_bytes: Size asked for.
        """
        self._layout = flows.echo_layout(attribution, size_bytes)
        self.size = HEADER_BYTES + len(self._layout.payload)

    def departure(self, family: int, probes: NDArray[np.int64], targets: NDArray[np.uint8]) -> Departure:
        """Probes of one family, by their numbers, to these targets."""

        def packets(grant: Grant, cookies: NDArray[np.uint64]) -> NDArray[np.uint8]:
            idents = np.full(grant.size, grant.ident, np.uint16)
            sequences = np.arange(grant.sequence, grant.sequence + grant.size).astype(np.uint16)
            rows = cookies.view(np.uint8).reshape(-1, COOKIE_BYTES)
            built = build(family, idents, sequences, rows, self._layout)
            flows.hold(built, flows.destination_checksums(targets[: grant.size]), self._layout)
            return built

        return Departure(probes, targets, packets, ttls(probes))


class DatagramProbes:
    """Makes payloads for `UdpOutlet`.

    Attributes:
        layout: What each begins with.
        size: Bytes of the longest, with the UDP header.
    """

    def __init__(self, attribution: bytes, size_bytes: int) -> None:
        """Lay the payload out; arguments as of `EchoProbes`."""
        self.layout = Layout(attribution, size_bytes)
        self.size = HEADER_BYTES + len(self.layout.payload) + MAX_TTL

    def departure(self, _family: int, probes: NDArray[np.int64], targets: NDArray[np.uint8]) -> Departure:
        """Probes of one family, by their numbers, to these targets."""

        def packets(_: Grant, cookies: NDArray[np.uint64]) -> NDArray[np.uint8]:
            return flows.datagrams(MAX_TTL, cookies.view(np.uint8).reshape(-1, COOKIE_BYTES), self.layout)

        return Departure(probes, targets, packets, ttls(probes))
