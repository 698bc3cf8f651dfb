"""What a check found wrong.

A check is green only when it was shown red: each has a history in tests/unit/lab that it must not pass.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that must not have happened.

    Attributes:
        rule: Which promise is broken, such as "E1 tokens never fall back".
        words: What was seen.
    """

    rule: str
    words: str

    def __str__(self) -> str:
        """As a failing test prints it."""
        return f"{self.rule}: {self.words}"
