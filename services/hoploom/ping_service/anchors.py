"""Which addresses tell a dead uplink from silent targets, and when to ask them. Pure.

An anchor is a target like any other: what the worker may not probe, it does not probe here either.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hoploom.kit.errors import ConfigError
from hoploom.ping_service.orders import Orders
from hoploom.prober import politeness
from hoploom.prober.probes import PingColumns
from hoploom.prober.traces import TraceColumns
from hoploom.wire import traces
from hoploom.wire.addresses import WIDTH, column, is_mapped
from hoploom.wire.batch import FAILED, UNREACHABLE
from hoploom.wire.lease import Lease

TAIL = 16
"""Targets that were sent to last: if one of them was heard of, the uplink worked to the end."""

_IPV4 = 4


def parse(texts: str) -> NDArray[np.uint8]:
    """Addresses separated by commas, as (n, 16) bytes.

    Raises:
        ConfigError: One is no address.
    """
    try:
        return column(each.strip() for each in texts.split(",") if each.strip())
    except ValueError as error:
        raise ConfigError(f"anchors: {error}; write addresses, separated by commas") from error


def of(lease: Lease, own: NDArray[np.uint8], orders: Orders, *, allow_private: bool) -> NDArray[np.uint8]:
    """The anchors to probe around a lease.

    Args:
        lease: The lease; those of its anchors that are no addresses are passed over.
        own: The worker's own anchors, (m, 16) bytes.
        orders: What to stay away from.
        allow_private: Whether campaign and owner both gave their key to loopback and private space.

    Returns:
        (n, 16) bytes: those of the lease's family, or all where none is of it; none where there are no anchors.
    """
    found = np.concatenate([*map(_readable, lease.anchors), own])
    found = found[politeness.allowed(found, allow_private=allow_private)]
    found = found[~politeness.inside(found, orders.opt_outs)]
    same = found[is_mapped(found) == (lease.family == _IPV4)]
    return same if len(same) else found


def is_silent(found: PingColumns | TraceColumns) -> bool:
    """Whether it ended so silently that the uplink may be dead.

    Of the last targets none answered every request, or no path came to an answer at its end. Many a path of a network
    that works ends in silence, but with an uplink that died meanwhile all that were under way do.
    """
    if isinstance(found, PingColumns):
        heard = (found.outcome == UNREACHABLE) | (found.received >= found.sent)
    else:
        heard = np.isin(found.outcome, (traces.REACHED, traces.UNREACHABLE, traces.LOOP))
    heard = heard[~_failed(found)][-TAIL:]
    return len(heard) > 0 and not heard.any()


def is_unsent(found: PingColumns | TraceColumns) -> bool:
    """Whether this machine could send to none of the targets."""
    return len(found) > 0 and bool(_failed(found).all())


def _failed(found: PingColumns | TraceColumns) -> NDArray[np.bool_]:
    failed: NDArray[np.bool_] = found.outcome == (FAILED if isinstance(found, PingColumns) else traces.FAILED)
    return failed


def _readable(text: str) -> NDArray[np.uint8]:
    try:
        return column([text])
    except ValueError:
        return np.empty((0, WIDTH), np.uint8)
