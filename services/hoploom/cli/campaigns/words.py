"""How a campaign's figures are said in a terminal. Pure."""

import datetime
from collections.abc import Mapping
from typing import Any

from hoploom.wire.probe import TRACE
from hoploom.wire.standing import FINISHED, RUNNING, Standing


def kind(campaign: Mapping[str, Any]) -> str:
    """How its targets are probed."""
    probe = campaign["probe"]
    return f"{probe.get('protocol', 'icmp')} traceroute" if probe.get("kind") == TRACE else "ping"


def done(found: Standing) -> str:
    """How much of the running rounds is done; all of it only where it is."""
    if found.state == FINISHED:
        return f"{found.whole:,}"
    return f"{found.done:,} of {found.whole:,} ({100 * found.done // found.whole if found.whole else 0} %)"


def rate(found: Standing) -> str:
    """How fast it goes just now."""
    return f"{found.rate_pps:,.0f}/s" if found.state == RUNNING and found.rate_pps is not None else "-"


def left(found: Standing) -> str:
    """How long it takes still, where that is known."""
    return "-" if found.seconds_left is None else duration(found.seconds_left)


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    for most, unit_s, unit in ((90, 1, "s"), (90 * 60, 60, "min"), (36 * 3600, 3600, "h")):
        if seconds < most:
            return f"{seconds / unit_s:.0f} {unit}"
    return f"{seconds / 86400:.1f} d"


def moment(at_us: int) -> str:
    """Microseconds since 1970 as a day and a time."""
    return datetime.datetime.fromtimestamp(at_us / 1e6, datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
