"""What a worker needs of a prober for traceroutes; one that cannot do them is given pings alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from hoploom.prober.stop_set import StopSet
from hoploom.prober.traces import TraceColumns, TraceSettings
from hoploom.wire.probe import KINDS, PING


@runtime_checkable
class Tracer(Protocol):
    """Traces the paths to many targets at once."""

    async def trace(
        self,
        targets: NDArray[np.uint8],
        settings: TraceSettings,
        stopped: Callable[[], object] | None = None,
        known: StopSet | None = None,
    ) -> TraceColumns:
        """Trace every target.

        Args:
            targets: (n, 16) bytes, IPv4 mapped into ::ffff:0:0/96; n may be 0.
            settings: How each is traced.
            stopped: As of `Prober.ping`; then only the first targets have rows, those whose paths are done.
            known: Interfaces that earlier traces have shown; those of this one are added.

        Returns:
            One row a target, in the order of `targets`, and their hops.

        Raises:
            Unavailable: The sockets broke.
        """
        ...


def kinds(prober: object) -> tuple[str, ...]:
    """What leases may ask of a prober."""
    return KINDS if isinstance(prober, Tracer) else (PING,)
