"""How a group's record changes when work is handed out, done or lost: a pure machine, time and chance are passed in.

What was lost is handed out again first, then the frontier moves on. Leases end without any comparison of clocks
between machines: every instance measures by its own clock for how long *it* has seen a lease (`ages`), so a lease may
live longer than its `ttl_s` where instances come and go, never shorter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hoploom.input_service.group_record import FamilyProgress, GroupRecord, Held
from hoploom.kit.errors import Conflict, Forbidden, NotFound
from hoploom.targets.ranges import Range, count, merge, subtract
from hoploom.wire.campaign import Probe
from hoploom.wire.lease import MAX_LEASE, MAX_TTL_S, LeaseId

MAX_HELD = 64
"""Leases of a record that are out at once: with `MAX_DONE_RANGES` it keeps the record under 64 KB. In a group with more
workers than this some wait."""

MAX_DONE_RANGES = 256
"""Done ranges of one family; above it only leases are given that close a gap from below."""

WORK_S = 30
"""Seconds of work in a lease: small enough that a pause acts soon, large enough that leases cost nothing."""

MIN_LEASE = 256
"""Below this the request for a lease takes as long as its work at usual rates."""

SHARE = 4
"""A lease takes at most this part of what is left, so that workers of a group end together.

Source: Polychronopoulos & Kuck 1987, "Guided self-scheduling"."""

TTL_FACTOR, MIN_TTL_S = 4, 60
"""A lease lives four times its work, so that a slow worker keeps it; a minute at least, for restarts in between."""

ASSUMED_PPS = 2_000
"""What the slowest engine sends where nothing limits it; only for the time that a lease is given."""

GRACE_S = 5
"""An answer may be under way for so long (the time-out of a call) before the worker's own count begins."""


class Expired(Conflict):
    """The lease has ended, and its range was or will be handed out again; results are kept all the same."""

    status = 410
    title = "Gone"


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One request for work, with all that the machine may not find out by itself.

    Attributes:
        request_id: The same id gets the same lease.
        worker: Who asks.
        families: What it can probe, in the order of preference.
        rate_pps: Packets a second that campaign and worker allow; 0 for no limit.
        probe: How each target is probed.
        nonce: 16 random hexadecimal digits.
        at_us: Wall clock, for people.
        limit: The most positions wanted.
        least_ttl_s: Seconds that the lease is given at least.
    """

    request_id: str
    worker: str
    families: Sequence[int]
    rate_pps: int
    probe: Probe
    nonce: str
    at_us: int = 0
    limit: int = MAX_LEASE
    least_ttl_s: int = MIN_TTL_S


def grant(record: GroupRecord, ask: Ask, ages: Mapping[str, float]) -> tuple[GroupRecord, Held | None]:
    """Hand out work.

    Args:
        record: The record as read.
        ask: The request.
        ages: Seconds since this instance first saw each lease, by nonce.

    Returns:
        The record afterwards (the same object when nothing changed), and the lease, or None for "nothing now".
    """
    record = expire(record, ages)
    for held in record.held:
        if (held.request_id, held.worker) == (ask.request_id, ask.worker):
            return record, held
    if len(record.held) >= MAX_HELD:
        return record, None
    for family in ask.families:
        if family in record.families and (found := _next_range(record, family, ask)):
            return _handed_out(record, family, found, ask)
    return record, None


def complete(record: GroupRecord, lease: LeaseId, worker: str, at_us: int = 0) -> GroupRecord:
    """Mark a lease's range as done; doing so again changes nothing.

    Args:
        record: The record as read.
        lease: The lease that is done.
        worker: Who says so.
        at_us: Wall clock, for people.

    Raises:
        Forbidden: Another worker holds the lease.
        Expired: The lease has ended and its range is not done.
        NotFound: The record has no such positions.
    """
    progress = record.families.get(lease.family)
    if progress is None or lease.stop > progress.frontier or lease.start >= lease.stop:
        raise NotFound("there is no lease of that id")
    wanted = (lease.start, lease.stop - 1)
    held = next((each for each in record.held if record.lease_id(each) == lease), None)
    if held is None:
        if subtract([wanted], progress.done):
            raise Expired("the lease has ended and its targets are handed out again; results sent are kept")
        return record
    if held.worker != worker:
        raise Forbidden("the lease is held by another worker")
    progress = replace(progress, done=tuple(merge([*progress.done, wanted])))
    return replace(
        record,
        families={**record.families, lease.family: progress},
        held=tuple(each for each in record.held if each is not held),
        changed_at_us=at_us,
    )


def expire(record: GroupRecord, ages: Mapping[str, float]) -> GroupRecord:
    """Take back the leases that have lived their time; their ranges are then handed out again.

    Args:
        record: The record as read.
        ages: Seconds since this instance first saw each lease, by nonce; unknown ones are new.
    """
    kept = tuple(each for each in record.held if ages.get(each.nonce, 0.0) <= each.ttl_s + GRACE_S)
    return record if len(kept) == len(record.held) else replace(record, held=kept)


def lease_size(ask: Ask, left: int) -> int:
    """How many positions a lease has: half a minute of work, and not too large a part of what is left.

    Args:
        ask: The request.
        left: Positions of the family that nobody has done or holds, at least 1.
    """
    per_s = ask.rate_pps / ask.probe.count
    wanted = max(MIN_LEASE, int(per_s * WORK_S)) if ask.rate_pps else MAX_LEASE
    shared = max(MIN_LEASE, -(-left // SHARE))
    # At a few packets a second even the smallest lease would outlive the hard age limit.
    feasible = max(1, int(per_s * MAX_TTL_S / TTL_FACTOR)) if ask.rate_pps else MAX_LEASE
    return min(wanted, shared, feasible, ask.limit, MAX_LEASE)


def lease_ttl_s(ask: Ask, size: int) -> int:
    """Seconds that a lease of `size` positions is given for."""
    probe = ask.probe
    sending_s = size * probe.count / (ask.rate_pps or ASSUMED_PPS)
    waiting_s = ((probe.count - 1) * probe.interval_ms + probe.timeout_ms) / 1000
    return min(MAX_TTL_S, max(ask.least_ttl_s, int(TTL_FACTOR * (sending_s + waiting_s)) + 1))


def _next_range(record: GroupRecord, family: int, ask: Ask) -> Range | None:
    """The positions to hand out next, inclusive, or None when there are none now."""
    progress = record.families[family]
    held = [(each.start, each.stop - 1) for each in record.held if each.family == family]
    lost = _lost(progress, held)
    crowded = len(progress.done) + len(held) >= MAX_DONE_RANGES
    if crowded:
        # Closing a gap from below adds no range. There is such a gap: at least 192 ranges are done, 64 leases out.
        ends = {last + 1 for _, last in progress.done} | {0}
        lost = [each for each in lost if each[0] in ends]
    if not lost and (crowded or progress.frontier == progress.size):
        return None
    size = lease_size(ask, progress.size - count(progress.done) - count(held))
    first, last = lost[0] if lost else (progress.frontier, progress.size - 1)
    return first, min(last, first + size - 1)


def _lost(progress: FamilyProgress, held: list[Range]) -> list[Range]:
    """What was handed out, is not done, and is held by nobody."""
    if not progress.frontier:
        return []
    return subtract([(0, progress.frontier - 1)], merge([*progress.done, *held]))


def _handed_out(record: GroupRecord, family: int, found: Range, ask: Ask) -> tuple[GroupRecord, Held]:
    progress, (first, last) = record.families[family], found
    held = Held(
        nonce=ask.nonce,
        request_id=ask.request_id,
        worker=ask.worker,
        family=family,
        start=first,
        stop=last + 1,
        ttl_s=lease_ttl_s(ask, last + 1 - first),
        rate_pps=ask.rate_pps,
    )
    again = last + 1 - first if first < progress.frontier else 0
    progress = replace(progress, frontier=max(progress.frontier, last + 1))
    return replace(
        record,
        families={**record.families, family: progress},
        held=(*record.held, held),
        reissued=record.reissued + again,
        began_at_us=record.began_at_us or ask.at_us,
        changed_at_us=ask.at_us,
    ), held
