"""Who leads a role: one candidate as a pure machine, `step(state, event, moment) -> (state, commands)`.

`leading` carries the commands out. A candidate follows the role's lock, tries when it is free and wanted, and leads
until its session is over by its own clock, or the lock is not what it was. Three rules keep two leaders apart where
effects cannot be fenced (calls to the outside):

* A new leader first waits as long as the one before may still believe, unless that one said that it left. The try
  takes effect only over the very state of the lock that was looked at, so nobody can have led in between.
* Only who has led, or has waited that long, says that it left; and only when nothing of it is under way any more.
* A leader believes only for so long after its last look at the lock: somebody may have deleted it by hand.
"""

from dataclasses import dataclass, replace
from enum import Enum

from hoploom.kit.belief import MARGIN_S, TTL_S, Token

RETRY_S = 0.1
"""A free lock that is refused is within its lock-delay, whose end wakes nobody; after a release, others come first."""

UNKNOWN_S = 0.25
"""After a try of which the answer was lost."""

HOLD_OFF_S = TTL_S
"""So long after its last look a former leader may believe that it leads, and have its last effect under way."""

NO_SESSION, TOO_LATE, TOUCHED = "its session ended", "no renewal in time", "the lock changed"
CLOSED = "handed over"
"""Why terms end; labels of a metric too."""


class Phase(Enum):
    """Where a candidate stands to the lock."""

    FOLLOWING = "following"
    TRYING = "trying"
    HOLDING = "holding"


@dataclass(frozen=True)
class Moment:
    """Now, as this process sees it.

    Attributes:
        now_s: Its own boottime clock.
        session: Its session; empty while it has none.
        deadline_s: Until when it believes in it.
    """

    now_s: float
    session: str = ""
    deadline_s: float = float("-inf")

    @property
    def alive(self) -> bool:
        """Whether the session is believed in."""
        return bool(self.session) and self.now_s < self.deadline_s


@dataclass(frozen=True)
class Seen:
    """The lock as the watch shows it.

    Attributes:
        holder: Session that holds it; empty while it is free.
        index: Its modify index; 0 while there is no such key.
        left: Whether it is free because its last holder said that it left.
        at: Index of the store that the look shows; tells an old look at no key from a key that is gone.
    """

    holder: str = ""
    index: int = 0
    left: bool = False
    at: int = 0


@dataclass(frozen=True)
class Confirmed:
    """A read that began then found the lock as this candidate holds it."""

    began_s: float


@dataclass(frozen=True)
class Won:
    """The try took the lock."""

    token: Token


@dataclass(frozen=True)
class Refused:
    """Another has the lock, or its delay runs, or it is not what it was."""


@dataclass(frozen=True)
class Unknown:
    """No answer came to the try."""


@dataclass(frozen=True)
class Tick:
    """Time has passed."""


@dataclass(frozen=True)
class Want:
    """Somebody here waits for a term."""


@dataclass(frozen=True)
class Leave:
    """Nobody here waits any more, and nothing of the last term is under way."""


@dataclass(frozen=True)
class Close:
    """This process is about to end."""


@dataclass(frozen=True)
class Try:
    """Command: try once to take the lock as it was seen at this index."""

    over: int


@dataclass(frozen=True)
class Begin:
    """Command: lead."""

    token: Token


@dataclass(frozen=True)
class End:
    """Command: lead no more; answered by `Leave` when nothing is under way."""

    why: str


@dataclass(frozen=True)
class Release:
    """Command: give the lock back as it is at this index; `left`: nobody has to be waited for."""

    over: int
    left: bool


NO_TOKEN = Token()
Event = Seen | Confirmed | Won | Refused | Unknown | Tick | Want | Leave | Close
Command = Try | Begin | End | Release
Step = tuple["Candidate", tuple[Command, ...]]


@dataclass(frozen=True)
class Candidate:
    """One candidate for one role.

    Attributes:
        fenced: Whether every effect of the role carries its token to somebody who checks it.
        phase: Where it stands to the lock.
        seen: The lock as last seen; None before the first look.
        session: Session that tried for the lock, or holds it.
        token: Its fencing token, while it holds the lock.
        looked_s: Start of the last look, or try, that found the lock its own.
        wait_s: Before that moment it does not try (following), or does not begin (holding).
        alone: Of the lock that is held or tried for: whether nobody before can still believe.
        wanted: Whether somebody here waits for a term, or is in one.
        busy: Whether a term runs, or something of the last one is still under way.
        ended: Whether the term was told to end.
        closed: Whether this process is about to end.
    """

    fenced: bool
    phase: Phase = Phase.FOLLOWING
    seen: Seen | None = None
    session: str = ""
    token: Token = NO_TOKEN
    looked_s: float = float("-inf")
    wait_s: float = float("-inf")
    alone: bool = False
    wanted: bool = False
    busy: bool = False
    ended: bool = False
    closed: bool = False

    @property
    def bound_s(self) -> float:
        """Until when its last look at the lock lets it lead; for ever where every effect is fenced."""
        return float("inf") if self.fenced else self.looked_s + TTL_S - MARGIN_S

    @property
    def at_rest(self) -> bool:
        """Whether it neither holds the lock, nor tries, nor has anything under way."""
        return self.phase is Phase.FOLLOWING and not self.busy


def step(state: Candidate, event: Event, moment: Moment) -> Step:
    """One event further.

    Args:
        state: The candidate before.
        event: What has happened.
        moment: Now, and what this process believes of its session.

    Returns:
        The candidate afterwards, and what is to be done, in this order.
    """
    match event:
        case Seen():
            state = replace(state, seen=event)
        case Confirmed(began_s):
            state = replace(state, looked_s=max(state.looked_s, began_s))
        case Want():
            state = replace(state, wanted=True)
        case Leave():
            state = replace(state, wanted=False, busy=False, ended=False)
        case Close():
            state = replace(state, closed=True)
        case Won(token):
            state = _won(state, token, moment)
        case Refused() | Unknown():
            pause_s = RETRY_S if isinstance(event, Refused) else UNKNOWN_S
            state = replace(state, phase=Phase.FOLLOWING, wait_s=moment.now_s + pause_s)
    return _moved(state, moment)


def _won(state: Candidate, token: Token, moment: Moment) -> Candidate:
    if state.session != moment.session:
        return replace(state, phase=Phase.FOLLOWING)
    alone = state.alone or state.fenced
    wait_s = moment.now_s + (0.0 if alone else HOLD_OFF_S)
    return replace(state, phase=Phase.HOLDING, token=token, wait_s=wait_s, alone=alone)


def _moved(state: Candidate, moment: Moment) -> Step:
    """What follows from the state alone, now."""
    match state.phase:
        case Phase.HOLDING:
            return _held(state, moment)
        case Phase.FOLLOWING:
            return _followed(state, moment)
    return state, ()


def _held(state: Candidate, moment: Moment) -> Step:
    if moment.session != state.session:
        return _dropped(state, NO_SESSION)
    if _touched(state):
        return _dropped(state, TOUCHED)
    if state.busy:
        return _led(state, moment)
    if state.closed or (moment.alive and not state.wanted):
        after = replace(state, phase=Phase.FOLLOWING, wait_s=moment.now_s + RETRY_S)
        return after, (Release(state.token.index, state.alone),)
    if moment.alive and state.wait_s <= moment.now_s < state.bound_s:
        return replace(state, busy=True, alone=True), (Begin(state.token),)
    return state, ()


def _touched(state: Candidate) -> bool:
    """A watch may be behind: only what is newer than the acquisition counts."""
    seen = state.seen
    return seen is not None and (seen.index or seen.at) > state.token.index


def _led(state: Candidate, moment: Moment) -> Step:
    """A term runs: the lock is kept, and with it the token, also where the term ends for want of a renewal."""
    good = moment.alive and moment.now_s < state.bound_s
    if state.ended or (good and not state.closed):
        return state, ()
    return replace(state, ended=True), (End(CLOSED if state.closed else TOO_LATE),)


def _dropped(state: Candidate, why: str) -> Step:
    """The lock is not held any more."""
    commands = (End(why),) if state.busy and not state.ended else ()
    return replace(state, phase=Phase.FOLLOWING, wait_s=float("-inf"), ended=state.busy, alone=False), commands


def _followed(state: Candidate, moment: Moment) -> Step:
    seen = state.seen
    if seen is None or not moment.alive or moment.now_s < state.wait_s or state.busy:
        return state, ()
    if state.wanted and not state.closed and seen.holder in ("", moment.session):
        # Held by this very session: the answer of a try was lost.
        alone = seen.left and not seen.holder
        after = replace(state, phase=Phase.TRYING, session=moment.session, alone=alone, looked_s=moment.now_s)
        return after, (Try(seen.index),)
    if seen.holder == moment.session:
        return replace(state, wait_s=moment.now_s + UNKNOWN_S), (Release(seen.index, left=False),)
    return state, ()
