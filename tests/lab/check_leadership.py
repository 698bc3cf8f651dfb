"""Were there ever two leaders whose effects counted? Pure functions over a history and the resources' own records.

An effect is told by the resource that took it, in the resource's own order. What a leader believed is told by the
leader. A process that was stopped may believe for longer than it should when it goes on; its effects must not count.

Source: Jepsen's lock-set workload for etcd; Kleppmann 2016, "How to do distributed locking".
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from lab.finding import Finding
from lab.history import FAIL, OK, Event, Token, of
from lab.intervals import Span

Life = tuple[str, int]
E1, E2, E3 = "E1 tokens never fall back", "E2 one life a token", "E3 tokens come from acquisitions"
SELF_STOP, LOCKS = "a leader ends by its own clock", "Consul's locks are the acquisitions"


@dataclass(frozen=True)
class Effect:
    """One effect as the resource recorded it.

    Attributes:
        order: Where it stands in the resource's own order.
        key: What it was done to: the role.
        token: Token that came with it.
        life: The process that asked for it, and which life of it.
        accepted: Whether it counts.
        t: When, in seconds of CLOCK_MONOTONIC; 0 where the resource does not know.
    """

    order: int
    key: str
    token: Token
    life: Life
    accepted: bool = True
    t: float = 0.0


@dataclass(frozen=True)
class Tenure:
    """One leader's term as it believed in it itself: from the acquisition to the last moment of belief."""

    key: str
    token: Token
    life: Life
    span: Span


@dataclass(frozen=True)
class Overlap:
    """Two leaders that believed at the same time.

    Attributes:
        key: The role.
        lives: Who.
        span: When.
        excused: Whether one of them was stopped (SIGSTOP) in between, and so could not look at its clock.
    """

    key: str
    lives: tuple[Life, Life]
    span: Span
    excused: bool

    @property
    def seconds(self) -> float:
        """How long."""
        return self.span.end - self.span.start


def effects_of(events: Sequence[Event], resource: str) -> list[Effect]:
    """What a resource recorded: its `effect` events, `ok` where it took the effect and `fail` where it refused it."""
    return [
        Effect(each.val["order"], each.key, Token.parse(each.token), (each.val["proc"], each.val["boot"]),
               each.ph == OK, each.t)
        for each in of(events, "effect", OK, FAIL) if each.proc == resource
    ]


def accepted(effects: Iterable[Effect], key: str) -> list[Effect]:
    """What counted for one role, in the resource's order."""
    return sorted((each for each in effects if each.accepted and each.key == key), key=lambda each: each.order)


def fallen_back(effects: Sequence[Effect]) -> list[Finding]:
    """E1: an accepted effect never has a smaller token than one accepted before it."""
    found = []
    for key in _keys(effects):
        highest = None
        for each in accepted(effects, key):
            if highest is not None and each.token < highest.token:
                words = f"{key}: {_named(each)} was accepted after {_named(highest)}"
                found.append(Finding(E1, words))
            elif highest is None or each.token > highest.token:
                highest = each
    return found


def shared(effects: Sequence[Effect]) -> list[Finding]:
    """E2: a token is used by one life of one process."""
    users: dict[tuple[str, Token], set[Life]] = {}
    for each in effects:
        if each.accepted:
            users.setdefault((each.key, each.token), set()).add(each.life)
    return [
        Finding(E2, f"{key}: {token} was used by {sorted(lives)}")
        for (key, token), lives in users.items() if len(lives) > 1
    ]


def unearned(effects: Sequence[Effect], events: Sequence[Event]) -> list[Finding]:
    """E3: an accepted token was given by an acquisition, to that process, in that life."""
    earned = {(each.key, Token.parse(each.token), each.life) for each in of(events, "acquire", OK)}
    unknown = {(each.key, each.token, each.life): each for each in reversed(effects) if each.accepted}
    return [Finding(E3, f"{key}: {_named(unknown[key, token, life])}") for key, token, life in unknown.keys() - earned]


def tenures(events: Sequence[Event], key: str) -> list[Tenure]:
    """Every term of a role, in the order of the acquisitions."""
    last: dict[tuple[Life, str], float] = {}
    for each in of(events, "believe", OK, key=key):
        last[each.life, each.token] = each.t
    return [
        Tenure(key, Token.parse(each.token), each.life, Span(each.t, max(each.t, last.get((each.life, each.token), 0))))
        for each in of(events, "acquire", OK, key=key)
    ]


def stops(events: Sequence[Event], until_s: float) -> list[tuple[str, Span]]:
    """Whom the nemesis stopped, and from when to when; who never went on was stopped until `until_s`."""
    found, open_since = [], dict[str, float]()
    for each in events:
        if each.op == "stop" and each.proc == "nemesis":
            open_since.setdefault(each.key, each.t)
        elif each.op == "continue" and each.key in open_since:
            found.append((each.key, Span(open_since.pop(each.key), each.t)))
    return found + [(proc, Span(since, until_s)) for proc, since in open_since.items()]


def overlaps(terms: Sequence[Tenure], stopped: Sequence[tuple[str, Span]]) -> list[Overlap]:
    """Every time that two lives believed in the same role at once.

    Args:
        terms: Terms of any roles.
        stopped: Which processes were stopped when.
    """
    found = []
    for one, other in _meeting(terms):
        span = Span(max(one.span.start, other.span.start), min(one.span.end, other.span.end))
        # An event that was under way at the stop is written when the process goes on.
        excused = any(
            proc in (one.life[0], other.life[0]) and when.start <= span.end and span.start <= when.end + 1.0
            for proc, when in stopped
        )
        found.append(Overlap(one.key, (one.life, other.life), span, excused))
    return found


def late_beliefs(events: Sequence[Event]) -> list[Finding]:
    """Nobody believes beyond the deadline that it counted from the start of its last good renewal."""
    return [
        Finding(SELF_STOP, f"{each.key}: {each.life} believed {each.val['now'] - each.val['deadline']:.3f} s too long")
        for each in of(events, "believe", OK) if each.val["now"] > each.val["deadline"]
    ]


def gaps(effects: Sequence[Effect], key: str) -> list[Span]:
    """The times without a leader: from the last effect of one token to the first of the next."""
    return [
        Span(before.t, after.t) for before, after in pairwise(accepted(effects, key)) if before.token != after.token
    ]


def unexplained_locks(events: Sequence[Event]) -> list[Finding]:
    """Consul's own count of acquisitions (LockIndex) agrees with what processes were told.

    A session that asks again for what it has is told a new token, and Consul counts nothing. A fault may swallow an
    answer: then Consul counts one that nobody knows of.
    """
    found, faults = [], sum(each.proc == "nemesis" and each.ph == OK for each in events)
    for key in sorted({each.key for each in of(events, "lock", OK)}):
        told = of(events, "acquire", OK, key=key)
        sessions, tokens = len({each.val for each in told}), len({each.token for each in told})
        counted = _growth([(int(each.val[0]), str(each.val[1])) for each in of(events, "lock", OK, key=key)])
        if not sessions <= counted <= tokens + faults:
            words = f"{key}: Consul counts {counted}, {sessions} sessions had {tokens} tokens, with {faults} faults"
            found.append(Finding(LOCKS, words))
    return found


def _growth(states: Sequence[tuple[int, str]]) -> int:
    """Acquisitions, from the counts and holders that a watch saw."""
    total, before, holder = 0, 0, ""
    for count, session in states:
        # A snapshot that is restored sets the count back; a new holder is one acquisition more all the same.
        total += max(count - before, int(bool(session) and session != holder))
        before, holder = count, session
    return total


def _meeting(terms: Sequence[Tenure]) -> Iterator[tuple[Tenure, Tenure]]:
    for one, other in combinations(sorted(terms, key=lambda each: each.span), 2):
        same = one.key == other.key and one.life != other.life
        if same and other.span.start < one.span.end:
            yield one, other


def _keys(effects: Sequence[Effect]) -> list[str]:
    return sorted({each.key for each in effects})


def _named(effect: Effect) -> str:
    proc, boot = effect.life
    return f"{effect.token} of {proc} (life {boot}) at place {effect.order}"
