"""How busy this machine's processors are, whoever uses them."""

from pathlib import Path
from typing import NamedTuple

_IDLE = (3, 4)
_COUNTED = 8


class Spent(NamedTuple):
    """Time of all processors since the machine started, in ticks: used, and all."""

    used: int
    all: int


def spent(stat: Path = Path("/proc/stat")) -> Spent:
    """Their time until now; see proc_stat(5). Guests' time is counted in the users' already."""
    ticks = [int(each) for each in stat.read_text(encoding="ascii").partition("\n")[0].split()[1 : _COUNTED + 1]]
    return Spent(sum(ticks) - sum(ticks[each] for each in _IDLE), sum(ticks))


def busy(before: Spent, now: Spent) -> float:
    """The part of their time between two moments that was used, from 0 to 1."""
    passed = now.all - before.all
    return (now.used - before.used) / passed if passed else 0.0
