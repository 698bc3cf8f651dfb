"""What was done to a mesh under load, and what its clients felt of it."""

import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, NamedTuple, Protocol

from lab.deploys_diary import Diary, Happened, Look
from lab.deploys_rounds import Rounds
from lab.processors import busy, spent
from vegeta import Account
from waiting import pause

QUIET_S, AFTER_S = 15.0, 3.0
"""The stretch before is as quiet as the machine is: the same world, the same load, nothing is done. 2 s of it are
left out (`vegeta`), so at 200 requests a second 26 of 2,600 are above its p99."""

MOST_SLOWER = 2.0
"""The p99 while something is done may be so many times that of the quiet stretch before, in the same run."""

_FEW = 100
_WORDS = 600
May = Literal["nothing", "wait", "fail"]


class Stretch(NamedTuple):
    """Some seconds of a load.

    Attributes:
        account: What came of the requests that were sent in it.
        busy: Part of all processors' time that was used, by whomever.
    """

    account: Account
    busy: float = 0.0

    def told(self) -> dict[str, object]:
        """As JSON."""
        return {
            "sent": len(self.account.sent), "failed": len(self.account.failed), "codes": self.account.codes,
            "p50_ms": round(self.account.within_ms(50), 1), "p99_ms": round(self.account.within_ms(99), 1),
            "longest_ms": round(self.account.longest_ms, 1), "late_p99_ms": round(self.account.late_ms(99), 1),
            "busy": round(self.busy, 2),
        }  # fmt: skip

    def words(self) -> str:
        """In a line, for people."""
        took = " ".join(f"{self.account.within_ms(each):.1f}" for each in (50, 99))
        late = f"sent {self.account.late_ms(99):.1f} ms late (p99)"
        return (
            f"{len(self.account.sent):,} requests, p50 p99 max {took} {self.account.longest_ms:.1f} ms, {late}, "
            f"processors {self.busy:.0%} busy"
        )


@dataclass(frozen=True)
class Outcome:
    """One case.

    Attributes:
        case: Its letter.
        what: What was done, and how often.
        quiet: The stretch before.
        during: From the beginning of what was done to some seconds after.
        may: What clients may feel: nothing; `wait`, longer than twice as long; `fail`, where something died without a
            word and they try nothing again.
        happened: What was done and seen meanwhile.
        began_s: When it began to be done, in seconds since 1970.
        lasted_s: How long that took, with the stretch before.
        broke: Why it could not be done; empty where it was.
    """

    case: str
    what: str
    quiet: Stretch
    during: Stretch
    may: May = "nothing"
    happened: tuple[Happened, ...] = ()
    began_s: float = 0.0
    lasted_s: float = 0.0
    broke: str = ""

    @property
    def slower(self) -> float:
        """How many times as long the slowest hundredth took."""
        quiet_ms = self.quiet.account.within_ms(99)
        return self.during.account.within_ms(99) / quiet_ms if quiet_ms else 0.0

    @property
    def none_lost(self) -> bool:
        """Whether nothing failed, as far as that could be promised, and enough was sent to say so."""
        quiet, during = self.quiet.account, self.during.account
        sent = min(len(quiet.sent), len(during.sent)) >= _FEW
        return sent and not self.broke and not quiet.failed and (self.may == "fail" or not during.failed)

    @property
    def well(self) -> bool:
        """Whether besides nobody waited for long."""
        return self.none_lost and (self.may != "nothing" or self.slower < MOST_SLOWER)

    def words(self) -> str:
        """In some lines, for people."""
        sent, failed = len(self.during.account.sent), len(self.during.account.failed)
        most, longest_s = self.during.account.worst
        lasted = f" (in one go {most} within {longest_s:.1f} s)" if failed else ""
        head = f"{self.case}: {self.what}: {failed} of {sent:,} requests failed{lasted}"
        head += f"; p99 {self.slower:.1f} x the quiet one; {self.lasted_s:.0f} s"
        more = [f"  it broke off: {self.broke}"] if self.broke else []
        if self.quiet.account.failed:
            more.append(f"  {len(self.quiet.account.failed)} had failed before: this says nothing of what was done")
        return "\n".join([head, *more, f"  quiet:  {self.quiet.words()}", f"  during: {self.during.words()}"])

    def told(self) -> dict[str, object]:
        """As JSON."""
        most, longest_s = self.during.account.worst
        failed = [*self.quiet.account.failed, *self.during.account.failed]
        return {
            "case": self.case, "what": self.what, "may": self.may, "well": self.well, "none_lost": self.none_lost,
            "broke": self.broke,
            "slower": round(self.slower, 2), "quiet": self.quiet.told(), "during": self.during.told(),
            "most_in_one_go": most, "longest_s": round(longest_s, 2), "lasted_s": round(self.lasted_s, 1),
            "kinds": self.during.account.kinds, "failures": [str(each) for each in failed[:20]],
            "happened": [{"after_s": round(each.at_s - self.began_s, 1), "what": each.words} for each in self.happened],
        }  # fmt: skip


BROKEN = (AssertionError, OSError, subprocess.SubprocessError)
"""What a world raises that does not do as it should: the case breaks off, and others may go on."""


class Case(NamedTuple):
    """What plays a case in its world.

    Attributes:
        play: With so many rounds.
        rounds: How many, where nobody says.
        most_s: Seconds after which no other round begins.
    """

    play: Callable[[Any, Rounds], Iterable[Outcome]]
    rounds: int
    most_s: float = 240.0


class Load(Protocol):
    """Requests that are sent while it is entered, accounted for afterwards."""

    def __enter__(self) -> object: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def account(self, from_s: float = 0.0, to_s: float = float("inf")) -> Account:
        """What came of what was sent between two moments, in seconds since 1970."""


class Felt(NamedTuple):
    """Who feels it: what was done as they would tell it afterwards, their load, and what they may feel."""

    what: Callable[[], str]
    load: Load
    may: May = "nothing"


def under(case: str, felt: Sequence[Felt], work: Callable[[], object], diary: Diary, look: Look) -> list[Outcome]:
    """Let a quiet stretch go by and do the work, under loads that end with it; an outcome for each.

    Args:
        case: Its letter.
        felt: Who feels it.
        work: What is done.
        diary: Where it writes what it does.
        look: Gives what is to be seen meanwhile; its changes are written down, too.
    """
    with ExitStack() as stack:
        entered_s = time.time()
        for each in felt:
            stack.enter_context(each.load)
        stack.enter_context(diary.watching(look))
        spent_at = [spent()]
        pause(QUIET_S)
        began_s = time.time()
        spent_at.append(spent())
        broke = _broke(work)
        pause(AFTER_S)
        ended_s = time.time()
        spent_at.append(spent())
    quiet_busy, busy_meanwhile = busy(*spent_at[:2]), busy(*spent_at[1:])
    happened = diary.between(entered_s, ended_s)
    found = []
    for each in felt:
        quiet, during = each.load.account(0, ended_s).split(began_s)
        stretches = Stretch(quiet, quiet_busy), Stretch(during, busy_meanwhile)
        found.append(
            Outcome(case, each.what(), *stretches, each.may, happened, began_s, ended_s - entered_s, broke)
        )
    return found


def _broke(work: Callable[[], object]) -> str:
    """Do it; why it could not be done, in one line."""
    try:
        work()
    except BROKEN as error:
        return why(error)
    return ""


def why(error: BaseException) -> str:
    """The end of an error's words in one line: of what a program printed, that is where it says what is wrong."""
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words if len(words) <= _WORDS else '... ' + words[-_WORDS:]}"
