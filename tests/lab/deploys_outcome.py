"""What was done to a mesh under load, and what its clients felt of it."""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, NamedTuple, Protocol

from vegeta import Account
from waiting import pause

QUIET_S, AFTER_S = 10.0, 3.0
MOST_SLOWER = 2.0
"""The p99 while something is done may be so many times that of the quiet stretch before, in the same run."""

_FEW = 100
May = Literal["nothing", "wait", "fail"]


@dataclass(frozen=True)
class Outcome:
    """One case.

    Attributes:
        case: Its letter.
        what: What was done, and how often.
        quiet: Requests of the stretch before.
        during: Requests from the beginning of what was done to some seconds after.
        may: What clients may feel: nothing; `wait`, longer than twice as long; `fail`, where something died without a
            word and they try nothing again.
    """

    case: str
    what: str
    quiet: Account
    during: Account
    may: May = "nothing"

    @property
    def slower(self) -> float:
        """How many times as long the slowest hundredth took."""
        quiet_ms = self.quiet.within_ms(99)
        return self.during.within_ms(99) / quiet_ms if quiet_ms else 0.0

    @property
    def well(self) -> bool:
        """Whether nothing failed, and nobody waited for long, as far as that could be promised."""
        kept = not self.quiet.failed and len(self.quiet.sent) >= _FEW
        answered = self.may == "fail" or not self.during.failed
        return kept and answered and (self.may != "nothing" or self.slower < MOST_SLOWER)

    def words(self) -> str:
        """In one line, for people."""
        sent, failed, (most, longest_s) = len(self.during.sent), len(self.during.failed), self.during.worst
        lasted = f" (in one go {most} within {longest_s:.1f} s)" if failed else ""
        p99 = f"p99 {self.during.within_ms(99):.0f} ms, quiet {self.quiet.within_ms(99):.0f} ms"
        return f"{self.case}: {self.what}: {failed} of {sent:,} requests failed{lasted}; {p99} ({self.slower:.1f} x)"

    def told(self) -> dict[str, object]:
        """As JSON."""
        most, longest_s = self.during.worst
        return {
            "case": self.case, "what": self.what, "may": self.may, "well": self.well,
            "sent": len(self.during.sent), "failed": len(self.during.failed), "codes": self.during.codes,
            "most_in_one_go": most, "longest_s": round(longest_s, 2),
            "p99_ms": round(self.during.within_ms(99), 1), "quiet_p99_ms": round(self.quiet.within_ms(99), 1),
            "quiet_sent": len(self.quiet.sent), "quiet_failed": len(self.quiet.failed),
            "slower": round(self.slower, 2), "failures": [str(each) for each in self.during.failed[:20]],
        }  # fmt: skip


class Case(NamedTuple):
    """What plays a case in its world, so many times, and how often where nobody says."""

    play: Callable[[Any, int], Iterable[Outcome]]
    rounds: int


class Load(Protocol):
    """Requests that are sent while it is entered, accounted for afterwards."""

    def __enter__(self) -> object: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def account(self, from_s: float = 0.0, to_s: float = float("inf")) -> Account:
        """What came of what was sent between two moments, in seconds since 1970."""


class Felt(NamedTuple):
    """Who feels it: what was done as they would tell it, their load, and what they may feel."""

    what: str
    load: Load
    may: May = "nothing"


def under(case: str, felt: Sequence[Felt], work: Callable[[], object]) -> list[Outcome]:
    """Let a quiet stretch go by and do the work, under loads that end with it; an outcome for each."""
    with ExitStack() as stack:
        for each in felt:
            stack.enter_context(each.load)
        pause(QUIET_S)
        began_s = time.time()
        work()
        pause(AFTER_S)
        ended_s = time.time()
    return [
        Outcome(case, each.what, each.load.account(0, began_s), each.load.account(began_s, ended_s), each.may)
        for each in felt
    ]
