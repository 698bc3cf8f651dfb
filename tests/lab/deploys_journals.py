"""What the engines of a lab's hosts wrote down while something was done: who stopped, started, led, failed a check."""

from collections.abc import Iterator

from lab.deploys_diary import Happened
from lab.hosts import Lab

MOST = 100
"""Lines of a host: beside what was done they say whether a leader was lost, or a machine had no time to lead."""

_UNITS = "-u consul -u fabio -u nomad -u nomad-server"
_TOLD = "leader|election|stepping down|now critical|Start(ed|ing) |Stopp(ed|ing) |Main process exited"


def journals(lab: Lab, since_s: float) -> Iterator[Happened]:
    """What each host says since a moment (seconds since 1970); nothing of one that does not answer."""
    command = f"journalctl {_UNITS} --since=@{since_s:.0f} -o short-unix --no-pager --quiet --grep='{_TOLD}'"
    for name in lab.seats:
        said = lab.ssh(name, f"{command} | head -n {MOST}")
        yield from (found for line in said.out.splitlines() if (found := entry(name, line)))


def entry(host: str, line: str) -> Happened | None:
    """A line of `journalctl -o short-unix`, such as "1763803100.251763 a1 consul[299]: words"; None for another."""
    moment, _, rest = line.partition(" ")
    who, _, words = rest.partition(" ")[2].partition(": ")
    try:
        at_s = float(moment)
    except ValueError:
        return None
    # An agent's own time and level stand before what it says.
    return Happened(at_s, f"{host} {who.partition('[')[0]}: {words.rpartition(']  ')[2].strip()[:100]}")
