"""What a run of ansible-playbook said."""

import re
from typing import NamedTuple

_RECAP = re.compile(r"^(\S+)\s+: (ok=\d+.*)$", re.MULTILINE)
_COUNT = re.compile(r"(\w+)=(\d+)")


class Played(NamedTuple):
    """A run of a playbook that has ended.

    Attributes:
        rc: Its exit code.
        output: All that it wrote.
        stats: By host the counts of its recap: ok, changed, unreachable, failed, skipped, rescued, ignored.
    """

    rc: int
    output: str
    stats: dict[str, dict[str, int]]


def recap(output: str) -> dict[str, dict[str, int]]:
    """The counts by host at the end of a playbook's output; empty where it came to no recap."""
    _, found, text = output.rpartition("PLAY RECAP")
    lines = _RECAP.findall(text) if found else []
    return {host: {name: int(count) for name, count in _COUNT.findall(counts)} for host, counts in lines}
