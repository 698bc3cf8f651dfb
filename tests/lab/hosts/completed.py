"""What a command that has ended said."""

from typing import NamedTuple


class Completed(NamedTuple):
    """A command that has ended.

    Attributes:
        rc: Its exit code.
        out: Its standard output.
        err: Its standard error.
    """

    rc: int
    out: str
    err: str
