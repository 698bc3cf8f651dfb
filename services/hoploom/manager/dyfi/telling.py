"""The names in a line for people: on the page, in `hoploom status` and in `hoploom dyfi show`. Pure."""

from collections.abc import Sequence

from hoploom.manager.dyfi.record import DAY_S, Record

HOUR_S = 3600.0


def line(record: Record, names: Sequence[str], wall_us: int) -> str:
    """How the names stand.

    Args:
        record: What the leaders have left.
        names: The names of the settings.
        wall_us: Now, microseconds since 1970.

    Returns:
        One line; empty where no names are kept.
    """
    if not names:
        return ""
    all_names = ", ".join(names)
    if record.stopped:
        return f"{all_names}: stopped, {record.stopped} (then `hoploom dyfi resume`)"
    missing = [name for name in names if name in record.missing or name not in record.updated_us]
    if not missing:
        told_s = (wall_us - min(record.updated_us[name] for name in names)) / 1e6
        where = f" at {record.address}" if record.address else ""
        return f"{all_names}{where}, told {_time(told_s)} ago, next in {_time(record.interval_s - told_s)}"
    if not record.claimed_us:
        return f"{all_names}: not told yet"
    next_s = record.rest_s - (wall_us - record.claimed_us) / 1e6
    said = ", ".join(dict.fromkeys(record.answers[name] for name in missing if name in record.answers)) or "no answer"
    tries = f"{record.failures} {'try' if record.failures == 1 else 'tries'}"
    return f"{', '.join(missing)}: {tries} without a good answer (last {said}), next in {_time(next_s)}"


def _time(seconds: float) -> str:
    seconds = max(0.0, seconds)
    if seconds < 2 * HOUR_S:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / DAY_S:.1f} d" if seconds >= DAY_S else f"{seconds / HOUR_S:.0f} h"
