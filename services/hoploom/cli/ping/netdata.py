"""Interim sums in the language of netdata's external plugins: charts once, then their values. Pure.

Source: fping(8), -N; netdata's documentation of external plugins (CHART, DIMENSION, BEGIN, SET, END).
"""

from __future__ import annotations

from collections.abc import Iterator

from hoploom.cli.ping.hosts import Host

_CHARTS = (
    ("packets", "Packets", "packets", "line", 110020, ("xmt sent absolute 1 1", "rcv received absolute 1 1")),
    ("quality", "Quality", "percentage", "area", 110010, ("returned '' absolute 1 1",)),
    ("latency", "Latency", "ms", "area", 110000,
     ("min minimum absolute 1 1000000", "max maximum absolute 1 1000000", "avg average absolute 1 1000000")),
)  # fmt: skip


def charts(host: Host, seconds: int, *, is_first: bool) -> Iterator[str]:
    """The lines about one target.

    Args:
        host: The target; its recent requests count.
        seconds: Time between two of these, for the charts' scale.
        is_first: Whether netdata has not heard of its charts yet.
    """
    title = host.name.replace("'", "")
    key = "".join(each if each.isalnum() else "_" for each in title)
    for chart, label, unit, kind, priority, dimensions in _CHARTS:
        if is_first:
            yield (f"CHART fping.{key}_{chart} '' 'FPing {label} for host {title}' {unit} '{title}' fping.{chart} "
                   f"{kind} {priority} {seconds}")
            yield from (f"DIMENSION {each}" for each in dimensions)
        yield f"BEGIN fping.{key}_{chart}"
        yield from (f"SET {name} = {value}" for name, value in _values(host, chart))
        yield "END"


def _values(host: Host, chart: str) -> list[tuple[str, int]]:
    span = host.recent
    if chart == "packets":
        return [("xmt", span.sent), ("rcv", span.received)]
    if chart == "quality":
        return [("returned", span.received * 100 // span.sent if span.sent else 0)]
    times = [("min", span.least_ns), ("avg", span.mean_ns), ("max", span.most_ns)]
    return times if span.received else []
