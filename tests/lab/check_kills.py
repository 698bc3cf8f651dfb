"""After a campaign of kills: is every target stored, and was nothing probed twice but what dead workers held? Pure.

The story of a lease is told by its worker: probed, stored, done. A life that was killed tells no end; what it had begun
and not finished may be probed again, and only that.
"""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from lab.check_ledger import Row, account
from lab.finding import Finding
from lab.history import INVOKE, OK, Event
from lab.intervals import Span, doubled, holes

STORED, TWICE, REFUSED = "K every target is stored", "K only what the dead held is probed again", "K nobody is refused"
SHOWN = 5
Life = tuple[str, int]


@dataclass(frozen=True)
class Story:
    """One lease, as its worker tells it.

    Attributes:
        lease: Its id.
        life: Who held it, in which life.
        span: Its positions.
        batch: Id of its batch of results.
        stored: Whether an output acknowledged the batch.
        done: Whether the owner of the shard acknowledged the lease.
        refused: Whether the owner refused to.
    """

    lease: str
    life: Life
    span: Span
    batch: str
    stored: bool = False
    done: bool = False
    refused: bool = False


@dataclass(frozen=True)
class Tally:
    """What a run came to, in targets.

    Attributes:
        leases: Leases that anybody began to probe.
        again: Targets that were probed again; each further time counts.
        dead_held: Targets that killed lives held and had not finished.
        findings: What must not have happened.
    """

    leases: int
    again: int
    dead_held: int
    findings: tuple[Finding, ...]


def stories(events: Iterable[Event]) -> list[Story]:
    """One story of each lease that was begun, in the order of the history."""
    begun: dict[str, Event] = {}
    seen: dict[str, set[str]] = {}
    for each in events:
        if each.op == "probe" and each.ph == INVOKE:
            begun[each.val["batch"]] = each
        elif each.op in ("stored", "done"):
            seen.setdefault(each.val["batch"], set()).add(f"{each.op} {each.ph}")
    return [
        Story(
            lease=each.val["lease"],
            life=each.life,
            span=Span(each.val["start"], each.val["stop"]),
            batch=batch,
            stored=f"stored {OK}" in said,
            done=f"done {OK}" in said,
            refused="done fail" in said,
        )
        for batch, each in begun.items() for said in [seen.get(batch, set())]
    ]


def tally(told: Sequence[Story], stored: Iterable[Row], size: int) -> Tally:
    """Check a run that has ended.

    Args:
        told: All stories.
        stored: Every batch of every store, hash `start-stop`; the same batch in two stores counts once.
        size: Positions of the campaign.
    """
    last = _last_lives(told)
    lost = {each.lease for each in told if each.life not in last and not each.done}
    merged = set(stored)
    issued = [_row(each) for each in told]
    acked = [_row(each) for each in told if each.stored]
    found = [
        *account(issued, acked, merged).findings(drained=False),
        *_never_stored(merged, size),
        *_probed_twice([each for each in told if each.lease not in lost], size),
        *_refused(told),
    ]
    return Tally(
        leases=len(told),
        again=_length(each.span for each in told) - size,
        dead_held=_length(each.span for each in told if each.lease in lost),
        findings=tuple(found),
    )


def _last_lives(told: Sequence[Story]) -> AbstractSet[Life]:
    last: dict[str, int] = {}
    for each in told:
        name, boot = each.life
        last[name] = max(boot, last.get(name, 0))
    return set(last.items())


def _never_stored(merged: AbstractSet[Row], size: int) -> list[Finding]:
    # What is stored in part has no such hash, and is told by the ledger as altered.
    spans = [Span(*map(int, row.hash.split("-"))) for row in merged if row.hash.count("-") == 1]
    return _findings(STORED, "in no store", holes(spans, Span(0, size)))


def _probed_twice(told: Sequence[Story], size: int) -> list[Finding]:
    return _findings(TWICE, "probed twice by those who live", doubled((each.span for each in told), Span(0, size)))


def _refused(told: Sequence[Story]) -> list[Finding]:
    refused = [each.lease for each in told if each.refused]
    return [Finding(REFUSED, f"{len(refused)} leases, such as {', '.join(refused[:SHOWN])}")] if refused else []


def _findings(rule: str, what: str, parts: Sequence[Span]) -> list[Finding]:
    shown = ", ".join(f"[{start:g}, {end:g})" for start, end in parts[:SHOWN])
    return [Finding(rule, f"{_length(parts)} {what}: {shown}")] if parts else []


def _length(spans: Iterable[Span]) -> int:
    return int(sum(end - start for start, end in spans))


def _row(story: Story) -> Row:
    return Row(story.batch, f"{story.span.start:.0f}-{story.span.end:.0f}")
