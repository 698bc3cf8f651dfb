"""How pages write numbers, times and states; filters of their templates. Pure."""

import datetime
from collections.abc import Mapping
from urllib.parse import quote

from markupsafe import Markup, escape

SHAPES: Mapping[str, str] = {
    "passing": "●", "warning": "▲", "critical": "■", "silent": "■", "left": "○", "stopped": "○", "unknown": "○",
}  # fmt: skip
"""A state is never told by its colour alone."""

_FIRST_US, _LAST_US = -62_135_596_800_000_000, 253_402_300_799_000_000
"""The years 1 to 9999."""
_UNITS = (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3))


def duration(seconds: float) -> str:
    """Seconds as people say them: `45 s`, `12 min`, `3.5 h`, `2.1 d`."""
    for most, unit_s, unit in ((90, 1, "s"), (90 * 60, 60, "min"), (36 * 3600, 3600, "h")):
        if seconds < most:
            return f"{seconds / unit_s:.{1 if unit == 'h' else 0}f} {unit}"
    return f"{seconds / 86400:.1f} d"


def moment(at_us: int) -> str:
    """Microseconds since 1970 as a day and a time in UTC; "no time" for what no calendar has, as wrong clocks say."""
    if not _FIRST_US <= at_us <= _LAST_US:
        return "no time"
    return datetime.datetime.fromtimestamp(at_us / 1e6, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S")


def count(number: float) -> str:
    """A number with its thousands apart."""
    return f"{number:,.0f}"


def size(number_bytes: float) -> str:
    """Bytes as people say them: `0 B`, `41.0 MB`."""
    for unit, least in _UNITS:
        if number_bytes >= least:
            return f"{number_bytes / least:.1f} {unit}"
    return f"{number_bytes:.0f} B"


def milliseconds(rtt_us: float | None) -> str:
    """Microseconds as milliseconds; nothing where there are none."""
    return "" if rtt_us is None else f"{rtt_us / 1000:.3f} ms"


def brief(rtt_us: float | None) -> str:
    """Microseconds as milliseconds in three digits and without the unit, for many of them side by side."""
    if rtt_us is None:
        return "-"
    rtt_ms = rtt_us / 1000
    return f"{rtt_ms:.{2 if rtt_ms < 10 else 1 if rtt_ms < 100 else 0}f}"  # noqa: PLR2004 - three digits


def percent(part: float | None) -> str:
    """A part of a whole, 0 to 1: `0 %`, `<0.1 %`, `12.5 %`."""
    if part is None:
        return "-"
    shown = "0" if not part else "<0.1" if part < 0.001 else f"{100 * part:.1f}".removesuffix(".0")  # noqa: PLR2004
    return f"{shown} %"


def shape(state: str) -> str:
    """The sign that stands before the word of a state."""
    return SHAPES.get(state, "○")


def segment(name: str) -> str:
    """A name as one part of a path."""
    return quote(name, safe="")


def coded(text: str) -> Markup:
    """A sentence of ours with what stands between backquotes as code; all of it is escaped."""
    parts = str(escape(text)).split("`")
    return Markup("".join(f"<code>{each}</code>" if index % 2 else each for index, each in enumerate(parts)))


def sentence(error: Exception) -> str:
    """What an error says, as a sentence for a page."""
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?')) else '.'}"


FILTERS = {
    "duration": duration, "moment": moment, "count": count, "size": size, "ms": milliseconds, "shape": shape,
    "segment": segment, "coded": coded, "brief": brief, "percent": percent,
}  # fmt: skip
