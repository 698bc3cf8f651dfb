"""The prober itself: pings and traceroutes over one exchange. The same for every kind of port.

This is a shell: packets are `templates` and `trace_packets`, sockets and matching `exchange`, the loop `driving`, books
`tally` and `trace_columns`, pacing `ping_run` and `trace_run`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hoploom.kit.errors import ConfigError
from hoploom.prober.datagrams import Datagrams
from hoploom.prober.driving import Driver
from hoploom.prober.exchange import Exchange
from hoploom.prober.launches import Departure
from hoploom.prober.packets import HEADER_BYTES, Layout, cookie_offset
from hoploom.prober.ping_run import Before, PingRun
from hoploom.prober.port import Port
from hoploom.prober.ports import ANY_WAY, Way
from hoploom.prober.probes import Heard, PingColumns, ProbeSettings, Statistics
from hoploom.prober.readiness import Readiness
from hoploom.prober.slots import Grant
from hoploom.prober.stop_set import StopSet
from hoploom.prober.templates import Template
from hoploom.prober.trace_packets import DatagramProbes, EchoProbes
from hoploom.prober.trace_run import Started, TraceRun
from hoploom.prober.traces import TraceColumns, TraceSettings
from hoploom.prober.udp_outlet import UdpOutlet

MAX_ATTRIBUTION = 255
UDP_PROTOCOL = "udp"
_UDP_UNHEARD = (
    "Traceroutes by UDP need raw ICMP sockets to hear their answers; use ICMP, which needs none, or allow raw sockets: "
    "run as root, or give the interpreter CAP_NET_RAW by setcap."
)


class Engine:
    """A `Prober` on ports of any kind.

    Attributes:
        name: Kind of port, for people.
        is_loopback_only: Whether its ports reach nothing but loopback.
        statistics: Counters since it was opened.
    """

    def __init__(
        self,
        name: str,
        ports: Mapping[int, Port],
        attribution: str = "",
        way: Way = ANY_WAY,
        *,
        is_loopback_only: bool = False,
    ) -> None:
        """Take the ports over.

        Args:
            name: Kind of port, for people.
            ports: By family, 4 or 6; targets of a family without a port count as failed to send.
            attribution: Probe description URI that every payload starts with (RFC 9511); empty for none.
            way: How datagrams leave, as the packets of the ports do.
            is_loopback_only: Whether the ports reach nothing but loopback.

        Raises:
            ConfigError: The attribution is not printable ASCII of at most 255 characters.
        """
        if len(attribution) > MAX_ATTRIBUTION or not (attribution.isascii() and attribution.isprintable()):
            raise ConfigError(
                f"The attribution must be at most {MAX_ATTRIBUTION} printable ASCII characters, "
                "such as https://example.net/probes."
            )
        self.name, self.is_loopback_only = name, is_loopback_only
        self._way = way
        self._attribution = attribution.encode()
        self._exchange = Exchange(ports, cookie_offset(self._attribution))
        self.statistics: Statistics = self._exchange.statistics
        self._driver = Driver(self._exchange, Readiness(list(ports.values())))
        self._before = Before()

    def __enter__(self) -> Self:
        """The prober itself; its sockets are open."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the sockets."""
        self._exchange.close()

    async def ping(
        self,
        targets: NDArray[np.uint8],
        settings: ProbeSettings,
        stopped: Callable[[], object] | None = None,
        heard: Callable[[Heard], None] | None = None,
    ) -> PingColumns:
        """Ping every target; see `Prober.ping`."""
        started_ns, wall_ns = time.monotonic_ns(), time.time_ns()
        run = PingRun(targets, settings, started_ns, self._before, heard)
        filling = os.urandom(settings.size_bytes) if settings.is_random else b""
        packets = _Packets(Layout(self._attribution, settings.size_bytes, filling), settings)
        await self._driver.finish(run, packets, stopped or _never)
        return run.tally.columns(run.next_probe, started_ns, wall_ns).until(run.reached)

    async def trace(
        self,
        targets: NDArray[np.uint8],
        settings: TraceSettings,
        stopped: Callable[[], object] | None = None,
        known: StopSet | None = None,
    ) -> TraceColumns:
        """Trace the way to every target; see `Prober.trace`."""
        started = Started(time.monotonic_ns(), time.time_ns())
        run = TraceRun(targets, settings, StopSet() if known is None else known, started, self._before)
        if settings.protocol == UDP_PROTOCOL:
            await self._trace_by_udp(run, settings, stopped or _never)
        else:
            await self._driver.finish(run, EchoProbes(self._attribution, settings.size_bytes), stopped or _never)
        return run.columns()

    async def _trace_by_udp(self, run: TraceRun, settings: TraceSettings, stopped: Callable[[], object]) -> None:
        if self.is_loopback_only or not all(port.is_raw for port in self._exchange.ports.values()):
            raise ConfigError(_UDP_UNHEARD)
        packets = DatagramProbes(self._attribution, settings.size_bytes)
        outlets = {
            family: UdpOutlet(family, self._way, port.buffer_bytes)
            for family, port in self._exchange.ports.items()
        }
        datagrams = Datagrams(outlets, run.targets, packets.layout, self.statistics)
        self._exchange.listeners.append(datagrams.hear)
        try:
            await self._driver.finish(run, packets, stopped, datagrams)
        finally:
            self._exchange.listeners.remove(datagrams.hear)
            datagrams.close()


class _Packets:
    """Makes the packets of one ping."""

    def __init__(self, layout: Layout, settings: ProbeSettings) -> None:
        self._layout, self._settings = layout, settings
        self.size = HEADER_BYTES + len(layout.payload)
        self._templates: dict[int, tuple[int, Template]] = {}

    def departure(self, family: int, probes: NDArray[np.int64], targets: NDArray[np.uint8]) -> Departure:
        ttl = self._settings.ttl
        ttls = None if ttl is None else np.full(len(probes), ttl, np.uint8)

        def build(grant: Grant, cookies: NDArray[np.uint64]) -> NDArray[np.uint8]:
            ident, template = self._templates.get(family, (-1, None))
            if template is None or ident != grant.ident or template.most < grant.size:
                template = Template(family, self._layout, grant.ident, grant.size)
                self._templates[family] = grant.ident, template
            return template.fill(grant.sequence, cookies)

        return Departure(probes, targets, build, ttls, self._settings.tos)


def _never() -> bool:
    return False
