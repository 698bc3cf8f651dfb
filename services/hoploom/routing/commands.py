"""Fabio's route command language: a text read line by line as Fabio 1.7.2 reads it, written, and judged. Pure.

Such a text stands in Consul's KV store below Fabio's path (`fabio/config`), all keys one behind the other, and is
carried out behind what the services' tags say. One line that Fabio refuses costs the whole table, for every service and
for as long as it stands: routes of instances that come are missing, and requests go on to those that have left. So
nothing is written here that `refused` finds anything in.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from hoploom.kit.tag_findings import Finding, Severity, error
from hoploom.routing import judging, refusing
from hoploom.routing.lines import BLANKS, Command, Unreadable, command, write

__all__ = ["Line", "joined", "lint", "read", "refused", "write"]

MAX_LINE_BYTES = 65_535
"""Fabio gives up at a longer one, in silence, and with it everything behind it (Go, bufio.MaxScanTokenSize)."""


KEY = "# --- "
"""Begins the remark that Fabio puts before what a key says."""


@dataclass(frozen=True)
class Line:
    """One line of a text.

    Attributes:
        number: Counted from 1.
        text: As it stands there.
        command: What Fabio reads; None for a remark, a blank line, or one that it cannot read.
        findings: Why Fabio refuses its whole table over it; none for a good one.
    """

    number: int
    text: str
    command: Command | None = None
    findings: tuple[Finding, ...] = ()


def read(text: str) -> list[Line]:
    """All lines of a text, up to the one at which Fabio stops reading."""
    found: list[Line] = []
    for number, each in enumerate(text.split("\n"), 1):
        if len(each.encode()) > MAX_LINE_BYTES:
            problem = f"it has more than {MAX_LINE_BYTES} bytes: Fabio reads neither it nor anything behind it"
            return [*found, Line(number, each, findings=(error(problem, "break it up"),))]
        found.append(_line(number, each))
    return found


def _line(number: int, text: str) -> Line:
    plain = text.strip(BLANKS)
    if not plain or plain.startswith(("#", "//")):
        return Line(number, text)
    try:
        found = command(plain)
    except Unreadable as unreadable:
        return Line(number, text, None, (error(f"{unreadable}: {refusing.TABLE}", unreadable.cure),))
    return Line(number, text, found, tuple(refusing.findings(found)))


def joined(texts: Iterable[tuple[str, str]]) -> str:
    """The text that Fabio makes of keys and what they hold: each behind a remark, in the order of the keys."""
    return "\n\n".join(f"{KEY}{key}\n{text.strip(BLANKS)}" for key, text in sorted(texts))


def refused(text: str) -> list[Finding]:
    """Every line over which Fabio would refuse its whole table, whatever is registered."""
    return [_at(line, finding) for line in read(text) for finding in line.findings]


def lint(text: str, services: Mapping[str, Sequence[str]] | None = None) -> list[Finding]:
    """All that is wrong or unclear with a text.

    Args:
        text: Of one key, or of all of them together.
        services: Tags of all instances by the service's name, as Consul's catalogue has them; None where nobody knows.

    Returns:
        Errors are what must not be written; each with the line as its `tag`.
    """
    lines = read(text)
    found = [_at(line, finding) for line in lines for finding in line.findings]
    commands = [(line.number, line.command) for line in lines if line.command is not None]
    by_number = {line.number: line for line in lines}
    return found + [_at(by_number[number], finding) for number, finding in judging.judge(commands, services)]


def _at(line: Line, finding: Finding) -> Finding:
    return Finding(finding.severity, f"line {line.number}: {finding.problem}", finding.cure, line.text.strip(BLANKS))


def errors(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Those that refuse."""
    return (each for each in findings if each.severity is Severity.ERROR)
