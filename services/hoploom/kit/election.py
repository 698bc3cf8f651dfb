"""Who leads a role: one candidate as a pure machine, `step(state, event, now_s) -> (state, commands)`.

`leading` carries the commands out. A candidate follows the role's lock, tries when it is free, and leads from then on
until its session is over by its own clock. Where effects cannot be fenced (calls to the outside), a new leader first
waits as long as the former one may still believe, unless that one said that it left.
"""

from dataclasses import dataclass, replace
from enum import Enum

from hoploom.kit.session import MARGIN_S, TTL_S, Token

RETRY_S = 0.1
"""A lock that is free and refused is within its lock-delay, whose end wakes nobody."""

UNKNOWN_S = 0.25
"""After a try of which the answer was lost."""

HOLD_OFF_S = TTL_S - MARGIN_S
"""So long a former leader may believe that it leads."""


class Phase(Enum):
    """Where a candidate stands."""

    FOLLOWING = "following"
    TRYING = "trying"
    HOLDING_OFF = "holding off"
    LEADING = "leading"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Seen:
    """The lock as the watch shows it.

    Attributes:
        holder: Session that holds it; empty while it is free.
        index: Its modify index.
        graceful: Whether nobody may still believe that it leads: it was never held, or its last holder said goodbye.
    """

    holder: str = ""
    index: int = 0
    graceful: bool = True


@dataclass(frozen=True)
class Session:
    """The candidate's own session: its id, and until when it is believed in."""

    id: str
    deadline_s: float


@dataclass(frozen=True)
class Won:
    """The try took the lock."""

    token: Token


@dataclass(frozen=True)
class Refused:
    """Another has the lock, or its delay runs."""


@dataclass(frozen=True)
class Unknown:
    """No answer came to the try."""


@dataclass(frozen=True)
class Tick:
    """Time has passed."""


@dataclass(frozen=True)
class Withdraw:
    """This process does not want to lead any more."""


@dataclass(frozen=True)
class Try:
    """Command: try once to take the lock."""


@dataclass(frozen=True)
class Begin:
    """Command: lead."""

    token: Token


@dataclass(frozen=True)
class End:
    """Command: lead no more."""

    why: str


@dataclass(frozen=True)
class Release:
    """Command: give the lock back, with a word that this instance left."""


NO_SESSION, NO_TOKEN = Session("", float("-inf")), Token()
Event = Seen | Session | Won | Refused | Unknown | Tick | Withdraw
Command = Try | Begin | End | Release
Step = tuple["Candidate", tuple[Command, ...]]


@dataclass(frozen=True)
class Candidate:
    """One candidate for one role.

    Attributes:
        fenced: Whether every effect of the role carries its token to somebody who checks it.
        phase: Where it stands.
        seen: The lock as last seen; None before the first look.
        session: Its own session.
        token: Its fencing token, while it holds the lock.
        wait_s: Until when it does not try (following), or does not begin (holding off).
        graceful: Of the lock when it was tried.
    """

    fenced: bool
    phase: Phase = Phase.FOLLOWING
    seen: Seen | None = None
    session: Session = NO_SESSION
    token: Token = NO_TOKEN
    wait_s: float = float("-inf")
    graceful: bool = False

    def alive(self, now_s: float) -> bool:
        """Whether its session is believed in."""
        return bool(self.session.id) and now_s < self.session.deadline_s


def step(state: Candidate, event: Event, now_s: float) -> Step:
    """One event further.

    Args:
        state: The candidate before.
        event: What has happened.
        now_s: This process's own boottime clock in seconds.

    Returns:
        The candidate afterwards, and what is to be done, in this order.
    """
    if state.phase is Phase.WITHDRAWN:
        # The answer of a try that was under way: what it took is given back.
        return state, (Release(),) if isinstance(event, Won) else ()
    if isinstance(event, Seen):
        state = replace(state, seen=event)
    match event:
        case Session():
            return _session(state, event, now_s)
        case Won(token):
            return _won(state, token, now_s)
        case Refused() | Unknown():
            pause_s = RETRY_S if isinstance(event, Refused) else UNKNOWN_S
            return replace(state, phase=Phase.FOLLOWING, wait_s=now_s + pause_s), ()
        case Withdraw():
            return _withdrawn(state)
    return _moved(state, now_s)


def _session(state: Candidate, session: Session, now_s: float) -> Step:
    other = session.id != state.session.id
    state = replace(state, session=session)
    if other and state.phase in (Phase.LEADING, Phase.HOLDING_OFF):
        return _ended(state, "the session has ended")
    return _moved(state, now_s)


def _won(state: Candidate, token: Token, now_s: float) -> Step:
    state = replace(state, token=token)
    if not state.alive(now_s):
        return replace(state, phase=Phase.FOLLOWING, wait_s=now_s), ()
    if state.fenced or state.graceful:
        return replace(state, phase=Phase.LEADING), (Begin(token),)
    return replace(state, phase=Phase.HOLDING_OFF, wait_s=now_s + HOLD_OFF_S), ()


def _moved(state: Candidate, now_s: float) -> Step:
    """What follows from the state alone, now."""
    match state.phase:
        case Phase.LEADING | Phase.HOLDING_OFF:
            return _held(state, now_s)
        case Phase.FOLLOWING if _may_try(state, now_s):
            graceful = state.seen is not None and state.seen.graceful
            return replace(state, phase=Phase.TRYING, graceful=graceful), (Try(),)
    return state, ()


def _held(state: Candidate, now_s: float) -> Step:
    if not state.alive(now_s):
        return _ended(state, "the session was not renewed in time")
    seen = state.seen
    # A watch may be behind: only what is newer than the acquisition counts.
    if seen and seen.index > state.token.index and seen.holder != state.session.id:
        return _ended(state, "the lock is another's")
    if state.phase is Phase.HOLDING_OFF and now_s >= state.wait_s:
        return replace(state, phase=Phase.LEADING), (Begin(state.token),)
    return state, ()


def _may_try(state: Candidate, now_s: float) -> bool:
    """The lock is free, or this very session has it and the answer was lost."""
    seen = state.seen
    return seen is not None and seen.holder in ("", state.session.id) and state.alive(now_s) and now_s >= state.wait_s


def _ended(state: Candidate, why: str) -> Step:
    commands = (End(why),) if state.phase is Phase.LEADING else ()
    return replace(state, phase=Phase.FOLLOWING, wait_s=float("-inf")), commands


def _withdrawn(state: Candidate) -> Step:
    after = replace(state, phase=Phase.WITHDRAWN)
    if state.phase is Phase.LEADING:
        return after, (End("this instance hands over"), Release())
    return after, (Release(),) if state.phase is Phase.HOLDING_OFF else ()
