"""The `Prober`: what the worker needs of an engine, and the choice of one that this machine allows."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from hoploom.kit.errors import ConfigError
from hoploom.prober.engine import Engine
from hoploom.prober.port import NotAllowed, Port
from hoploom.prober.ports import ANY_WAY, ENGINES, Way, open_loopback_ports, open_ports
from hoploom.prober.probes import Heard, PingColumns, ProbeSettings, Statistics
from hoploom.prober.stop_set import StopSet
from hoploom.prober.traces import TraceColumns, TraceSettings

__all__ = ["ENGINES", "Heard", "PingColumns", "ProbeSettings", "Prober", "Statistics", "Way", "open_prober"]


class Prober(Protocol):
    """Sends echo requests and tells what became of each; holds its sockets until it is left as a context.

    Attributes:
        name: Engine and kind of socket, for people: `portable raw`.
        is_loopback_only: Whether it reaches nothing but loopback: everything else fails to send.
        statistics: Counters since it was opened.
    """

    name: str
    is_loopback_only: bool
    statistics: Statistics

    async def ping(
        self,
        targets: NDArray[np.uint8],
        settings: ProbeSettings,
        stopped: Callable[[], object] | None = None,
        heard: Callable[[Heard], None] | None = None,
    ) -> PingColumns:
        """Ping every target.

        Cancelling it stops the sending at once and loses the results. Several pings may run at a time, each at its own
        rate; the cap of a network holds over successive ones.

        Args:
            targets: (n, 16) bytes, IPv4 mapped into ::ffff:0:0/96; n may be 0.
            settings: How each is probed.
            stopped: Asked before each slice of packets, and four times a second at least; once its answer is true,
                nothing more is sent, and only replies to what was sent are waited for.
            heard: Called with each bunch of news about this ping's requests, in the order in which it came.

        Returns:
            One row a target, in the order of `targets`. A ping that was stopped has the rows of the first targets,
            those that got all their requests.

        Raises:
            Unavailable: The sockets broke.
        """
        ...

    async def trace(
        self,
        targets: NDArray[np.uint8],
        settings: TraceSettings,
        stopped: Callable[[], object] | None = None,
        known: StopSet | None = None,
    ) -> TraceColumns:
        """Trace the way to every target, many at once.

        Cancelling it stops the sending at once and loses the results. It may run beside others, each at its own rate;
        the cap of a network holds over successive ones.

        Args:
            targets: (n, 16) bytes, IPv4 mapped into ::ffff:0:0/96; n may be 0; none comes twice.
            settings: How each is probed.
            stopped: Asked before each slice of packets, and four times a second at least; once its answer is true,
                nothing more is sent, and only answers to what was sent are waited for.
            known: Interfaces that earlier traces have shown, where the paths of this one may end; it gets those of the
                paths that are done. None begins with none.

        Returns:
            See `TraceColumns`.

        Raises:
            ConfigError: UDP was asked for where only datagram ICMP sockets are allowed.
            Unavailable: The sockets broke.
        """
        ...

    def __enter__(self) -> Self:
        """The prober itself; its sockets are open."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the sockets."""
        ...


def open_prober(
    attribution: str = "",
    *,
    engine: str = "auto",
    way: Way = ANY_WAY,
    loopback_will_do: bool = False,
) -> Prober:
    """Open the best engine that this machine allows: raw sockets, else ICMP datagram sockets.

    Args:
        attribution: Probe description URI that every payload starts with (RFC 9511); empty for none.
        engine: One of `ENGINES`: `auto` takes the fast one where it works.
        way: Where requests leave.
        loopback_will_do: Where the system allows neither, take raw sockets in a namespace of their own, which reach
            loopback alone (`Prober.is_loopback_only`).

    Returns:
        A prober; use it as a context.

    Raises:
        ConfigError: The system allows neither kind of socket (with the lines that allow it), there is no such engine,
            address or interface here, or the attribution is no printable ASCII of a sane length.
    """
    try:
        return Engine(*open_ports(engine, way), attribution, way)
    except NotAllowed as refused:
        if not loopback_will_do:
            raise
        return Engine(*_last_resort(engine, refused), attribution, is_loopback_only=True)


def _last_resort(engine: str, refused: NotAllowed) -> tuple[str, dict[int, Port]]:
    try:
        return open_loopback_ports(engine)
    except ConfigError as error:
        raise ConfigError(f"{refused} {error}") from error
