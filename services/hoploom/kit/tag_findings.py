"""What is wrong with a Fabio tag, said for a person: the problem, what Fabio makes of it, and the way out."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from hoploom.kit.errors import ConfigError


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    """Fabio drops, misreads or ignores it, or loses its whole route table: never registered by the kit."""

    WARNING = "warning"
    """Fabio does the expected thing, though not because of what is written."""


@dataclass(frozen=True)
class Finding:
    """One problem of one tag.

    Attributes:
        severity: Whether the tag is refused.
        problem: What is wrong and what Fabio does with it; no full stop at the end.
        cure: What to write instead; no full stop at the end.
        tag: The tag as it stands in Consul; empty where a `Route` was built by hand.
    """

    severity: Severity
    problem: str
    cure: str
    tag: str = ""

    def __str__(self) -> str:
        """Problem and cure in one line."""
        return f"{self.problem}; {self.cure}"


class TagError(ConfigError):
    """A route that must not be registered.

    Attributes:
        findings: Everything that is wrong with it, not only the first.
    """

    def __init__(self, subject: str, findings: Iterable[Finding]) -> None:
        """Put all findings into one sentence about the subject."""
        self.findings = tuple(findings)
        super().__init__(f"{subject} is refused: " + "; and ".join(map(str, self.findings)))


class Malformed(ValueError):
    """The text of one option cannot be read; becomes a `Finding` of the tag it stands in."""

    def __init__(self, problem: str, cure: str) -> None:
        """Keep both halves of the sentence apart."""
        super().__init__(problem)
        self.finding = Finding(Severity.ERROR, problem, cure)


def error(problem: str, cure: str) -> Finding:
    """A finding that refuses the tag."""
    return Finding(Severity.ERROR, problem, cure)


def warning(problem: str, cure: str) -> Finding:
    """A finding that only tells."""
    return Finding(Severity.WARNING, problem, cure)
