"""What the leader of `dyfi` does next: a pure function of the record, of what it has seen in its term, and of the time.

* A call is made when a name was never told or the last try failed, when the own address is another one, when DNS says
  something else than it should, or at the latest after the interval drawn by chance (5 to 6 days).
* Whatever the reason, ten minutes lie between two calls, and where calls set nothing right twice as many each time:
  who asks `nochg` again and again loses the account.
* A claim that is open belongs to somebody who may still call: it is waited out by the own clock.
* Where the record asks to stop, nothing at all is done.

Ages are the larger of two: what wall clocks say, and for how long this leader has known the record by its own clock. So
a record from a clock that was ahead keeps nobody from calling for ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hoploom.manager.dyfi.record import (
    AGAIN,
    CHANGED,
    CORRECTED,
    DAY_S,
    FIRST,
    LEAST_S,
    REFRESHED,
    Record,
)

REFRESH_LEAST_S, REFRESH_MOST_S = 5 * DAY_S, 6 * DAY_S - 3 * 3600.0
"""The most leaves three hours to a change of leader, or to a Consul that is away, before six days are over."""

ASK_EVERY_S = 300.0
FIRST_LOOK_S, LOOK_EVERY_S = 60.0, 3600.0
"""After the beginning of a term, and from then on."""

FRESH_S = 60.0
"""A look that is older than this is made again before a name is corrected for it."""

POLL_S = 60.0
"""The longest rest: somebody may have resumed meanwhile."""

SHORTEST_S = 0.1
"""The shortest rest: a sum of times may be off by the last bit, and nobody shall turn in circles for it."""

NEVER_S = float("-inf")


@dataclass(frozen=True)
class Moment:
    """Now: the own boottime clock in seconds, and the wall clock in microseconds since 1970."""

    now_s: float
    wall_us: int


@dataclass(frozen=True)
class View:
    """What a leader has seen in its term; times are its own boottime clock in seconds.

    Attributes:
        since_s: When its term began.
        known_us: The claim that it knows; of its `claimed_us`.
        known_s: Since when it knows that claim.
        own: Its own address, as it was last heard; empty for unknown.
        asked_s: When it last asked for it.
        named: By name, the addresses in DNS; a name that could not be looked up is missing.
        looked_s: When it last looked.
    """

    since_s: float
    known_us: int = -1
    known_s: float = NEVER_S
    own: str = ""
    asked_s: float = NEVER_S
    named: Mapping[str, frozenset[str]] = field(default_factory=dict)
    looked_s: float = NEVER_S


@dataclass(frozen=True)
class Wish:
    """What the settings ask for.

    Attributes:
        names: The names that are to point here.
        asks: Whether there is a place to ask for the own address.
    """

    names: tuple[str, ...]
    asks: bool


@dataclass(frozen=True)
class Rest:
    """Do nothing for so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Ask:
    """Ask for the own address."""


@dataclass(frozen=True)
class Look:
    """Look the names up in DNS."""


@dataclass(frozen=True)
class Call:
    """Tell the provider."""

    names: tuple[str, ...]
    why: str


Step = Rest | Ask | Look | Call


def next_step(wish: Wish, record: Record, view: View, moment: Moment) -> Step:
    """What to do now.

    Args:
        wish: What the settings ask for.
        record: What the leaders have left for one another.
        view: What this one has seen; it knows the record's claim.
        moment: Now.
    """
    if record.stopped:
        return Rest(POLL_S)
    over_s = record.lasts_s - (moment.now_s - view.known_s)
    if record.open and over_s > 0:
        return Rest(max(SHORTEST_S, min(POLL_S, over_s)))
    age_s = _age_s(record.claimed_us, view, moment)
    if wish.asks and moment.now_s - view.asked_s >= ASK_EVERY_S:
        return Ask()
    call = _wanted(wish, record, view, moment)
    wait_s = _pause_s(record, call.why) - age_s if call and record.claimed_us else 0.0
    if call and wait_s <= 0:
        stale = call.why == CORRECTED and moment.now_s - view.looked_s > FRESH_S
        return Look() if stale else call
    look_s = _look_due_s(view) - moment.now_s
    if look_s <= 0:
        return Look()
    waits = [POLL_S, look_s, wait_s if call else _refresh_s(wish, record, view, moment)]
    waits += [view.asked_s + ASK_EVERY_S - moment.now_s] if wish.asks else []
    return Rest(max(SHORTEST_S, min(waits)))


def expected(record: Record, view: View) -> str:
    """The address that DNS should say; empty where nobody knows it.

    Where the last call was made from the address that is the own one now, the provider's word about it counts: it is
    the one that has seen where the call came from.
    """
    moved = view.own and view.own != record.heard
    return view.own if moved else record.address or view.own


def learnt(record: Record, view: View, moment: Moment) -> Record:
    """The record with what a look into DNS has taught; the same where it has taught nothing."""
    known = set(view.named.values())
    if record.open or disagreeing(record, view) or not known:
        return record
    address = record.address
    # Young answers may be from before the call.
    if not expected(record, view) and len(known) == 1 and _age_s(record.claimed_us, view, moment) > LEAST_S:
        address = min(next(iter(known)), default="")
    return replace(record, useless=0, address=address)


def disagreeing(record: Record, view: View) -> tuple[str, ...]:
    """The names of which DNS says another address than it should, or none."""
    wanted = expected(record, view)
    return tuple(name for name, found in view.named.items() if (wanted not in found if wanted else not found))


def _wanted(wish: Wish, record: Record, view: View, moment: Moment) -> Call | None:
    """The call for which there is a reason, whether or not it is time for it."""
    before = record.heard or record.address
    if view.own and before and view.own != before:
        return Call(wish.names, CHANGED)
    missing = tuple(name for name in wish.names if name in record.missing or name not in record.updated_us)
    if missing:
        return Call(missing, AGAIN if record.failures else FIRST)
    wrong = tuple(name for name in disagreeing(record, view) if name in wish.names)
    if wrong and view.looked_s > view.known_s:
        return Call(wrong, CORRECTED)
    if _refresh_s(wish, record, view, moment) <= 0:
        ages = {name: _age_s(record.updated_us[name], view, moment) for name in wish.names}
        return Call(tuple(name for name in wish.names if ages[name] >= REFRESH_LEAST_S), REFRESHED)
    return None


def _refresh_s(wish: Wish, record: Record, view: View, moment: Moment) -> float:
    """Seconds until the name that was told first is told again; all have been told."""
    return record.interval_s - max(_age_s(record.updated_us[name], view, moment) for name in wish.names)


def _pause_s(record: Record, why: str) -> float:
    """Shortest time from the last claim to a call for that reason."""
    if why in (CHANGED, CORRECTED):
        return float(min(REFRESH_LEAST_S, LEAST_S * 2 ** min(record.useless, 20)))
    return max(LEAST_S, record.rest_s) if why != REFRESHED else LEAST_S


def _look_due_s(view: View) -> float:
    return view.looked_s + LOOK_EVERY_S if view.looked_s > NEVER_S else view.since_s + FIRST_LOOK_S


def _age_s(at_us: int, view: View, moment: Moment) -> float:
    return max((moment.wall_us - at_us) / 1e6, moment.now_s - view.known_s)


