"""How a shard's record changes when work is handed out, renewed, done or lost: a pure machine; time is passed in.

What was lost is handed out again first, then the frontier moves on. Leases end without any comparison of clocks
between machines: the owner measures by its own clock how long it has heard nothing of a lease (`Ages`), and a taker of
the shard starts all over, so a lease may live longer than its `ttl_s`, never shorter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from hoploom.input_service.shard_record import Held, ShardRecord
from hoploom.kit.errors import Conflict, Forbidden, NotFound
from hoploom.targets.ranges import Range, count, intersect, merge, subtract
from hoploom.wire.lease import MAX_LEASE, MAX_TTL_S, LeaseDone, LeaseId, LeaseRenewal, LeaseReturn
from hoploom.wire.probe import Probe

MAX_HELD = 64
"""Leases of a record that are out at once: with `MAX_DONE_RANGES` it keeps the record under 64 KB. In a shard with more
workers than this some wait."""

MAX_DONE_RANGES = 256
"""Done ranges of one shard; above it only leases are given that close a gap from below."""

REMEMBERED = 64
"""Leases whose acknowledgement is remembered: a repeated one comes within seconds."""

WORK_S = 30
"""Seconds of work in a lease: small enough that a pause acts soon, large enough that leases cost nothing."""

MIN_LEASE = 256
"""Below this the request for a lease takes as long as its work at usual rates."""

SHARE = 4
"""A lease takes at most this part of what is left, so that workers of a group end together.

Source: Polychronopoulos & Kuck 1987, "Guided self-scheduling"."""

TTL_S = 30
"""A lease lives so long without a renewal; its worker renews at a third of it."""

GRACE_S = 5
"""An answer may be under way for so long (the time-out of a call) before the worker's own count begins."""


class Expired(Conflict):
    """The lease has ended; its targets wait to be handed out again, and its results are kept all the same."""

    status = 410
    title = "Gone"


@dataclass(frozen=True)
class Ages:
    """How old the leases of a record are by the owner's own clock, in seconds, by nonce; unknown ones are new.

    Attributes:
        unheard_s: Since this owner last heard of the lease.
        lived_s: Since the lease was given, as far as owners have seen it.
    """

    unheard_s: Mapping[str, float] = field(default_factory=dict)
    lived_s: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One request for work, with all that the machine may not find out by itself.

    Attributes:
        request_id: The same id gets the same lease.
        worker: Who asks.
        run: The run of the worker's process; empty where it has none.
        holding: Nonces of the leases that this run knows of.
        rate_pps: Packets a second that the lease allows; 0 for no limit.
        lane_pps: Packets a second to one /24 or /48 that it allows; 0 for no limit.
        probe: How each target is probed.
        nonce: 16 random hexadecimal digits.
        token: Fencing token of the owner.
        at_us: Wall clock, for people.
        limit: The most positions wanted.
        ttl_s: Seconds that the lease lives without a renewal.
        left: Positions of the whole round that nobody has done, by estimate; 0 counts this shard's alone.
        blocked: A merged list of positions that may not be handed out now.
        audited: Whether the results have to be stored here before they count.
    """

    request_id: str
    worker: str
    run: str = ""
    holding: Sequence[str] = ()
    rate_pps: int
    lane_pps: int = 0
    probe: Probe
    nonce: str
    token: str
    at_us: int = 0
    limit: int = MAX_LEASE
    ttl_s: int = TTL_S
    left: int = 0
    blocked: Sequence[Range] = ()
    audited: bool = True


def grant(record: ShardRecord, ask: Ask, ages: Ages) -> tuple[ShardRecord, Held | None]:
    """Hand out work.

    Args:
        record: The record as it stands.
        ask: The request.
        ages: How old its leases are.

    Returns:
        The record afterwards (the same object when nothing changed), and the lease, or None for "nothing now".
    """
    record, known = recall(record, ask, ages)
    if known is not None or len(record.held) >= MAX_HELD:
        return record, known
    found = _next_range(record, ask)
    return _handed_out(record, found, ask) if found else (record, None)


def recall(record: ShardRecord, ask: Ask, ages: Ages) -> tuple[ShardRecord, Held | None]:
    """The lease that a request got already; else take back what this run of the worker does not know that it has.

    Returns:
        The record afterwards (the same object when nothing changed), and the lease or None.
    """
    record = expire(record, ages)
    known = answered(record, ask.request_id, ask.worker)
    return (record, known) if known else (_forget_lost(record, ask, ages), None)


def answered(record: ShardRecord, request_id: str, worker: str) -> Held | None:
    """The lease that a request got already, or None."""
    return next((each for each in record.held if (each.request_id, each.worker) == (request_id, worker)), None)


def renew(record: ShardRecord, lease: LeaseId, message: LeaseRenewal, ages: Ages) -> tuple[ShardRecord, Held]:
    """Note that a worker goes on, and how far its results are stored.

    Args:
        record: The record as it stands.
        lease: The lease.
        message: Who says so; a `stored_upto` below what is known changes nothing.
        ages: How old the leases are.

    Returns:
        The record afterwards (the same object where nothing new is stored), and the lease.

    Raises:
        Forbidden, Expired, Conflict, NotFound: See `complete`.
    """
    held = _own(record, lease, message)
    if held is None:
        raise Expired("the lease is acknowledged already")
    if ages.lived_s.get(held.nonce, 0.0) > MAX_TTL_S:
        # It is handed out again when its time is over: until then its worker may go on, not having heard this.
        raise Expired(f"the lease has lived for {MAX_TTL_S} s, and no lease lives longer")
    if message.stored_upto <= held.stored_upto:
        return record, held
    stored, lived_s = min(message.stored_upto, held.stop), int(ages.lived_s.get(held.nonce, 0.0))
    changed = replace(held, stored_upto=stored, lived_s=max(held.lived_s, lived_s))
    return replace(record, held=tuple(changed if each is held else each for each in record.held)), changed


def complete(record: ShardRecord, lease: LeaseId, message: LeaseDone, at_us: int = 0) -> ShardRecord:
    """Mark a lease's range as done; doing so again changes nothing.

    Args:
        record: The record as it stands.
        lease: The lease that is done.
        message: Who says so.
        at_us: Wall clock, for people.

    Raises:
        Forbidden: Another worker holds the lease.
        Conflict: Its targets were handed out again under a newer lease, which alone counts.
        Expired: The lease has ended, and its targets wait to be handed out again.
        NotFound: There never was such a lease.
    """
    held = _own(record, lease, message)
    return record if held is None else _ended(record, held, held.stop, at_us)


def give_back(record: ShardRecord, lease: LeaseId, message: LeaseReturn) -> ShardRecord:
    """End a lease of which only the part below `stored_upto` is done; errors as for `complete`."""
    held = _own(record, lease, message)
    if held is None:
        return record
    return _ended(record, held, min(max(held.stored_upto, message.stored_upto), held.stop))


def expire(record: ShardRecord, ages: Ages) -> ShardRecord:
    """Take back the leases that nobody has renewed in time; what they have not stored is handed out again.

    Args:
        record: The record as it stands.
        ages: How old its leases are.
    """
    for held in record.held:
        if ages.unheard_s.get(held.nonce, 0.0) > held.ttl_s + GRACE_S:
            record = _ended(record, held, held.stored_upto)
    return record


def reopen(record: ShardRecord, missing: Sequence[Range]) -> ShardRecord:
    """Hand out again what is done and yet stored nowhere.

    Args:
        record: The record as it stands.
        missing: A merged list of positions.
    """
    left = tuple(subtract(record.done, missing))
    if left == record.done:
        return record
    return replace(record, done=left, reissued=record.reissued + record.done_count - count(left))


def lease_size(ask: Ask, left: int) -> int:
    """How many positions a lease has: half a minute of work, and not too large a part of what is left.

    Args:
        ask: The request.
        left: Positions of the shard that nobody has done or holds, at least 1.
    """
    per_s = ask.rate_pps / ask.probe.packets_per_target
    wanted = max(1, int(per_s * WORK_S)) if ask.rate_pps else MAX_LEASE
    shared = max(MIN_LEASE, -(-max(left, ask.left) // SHARE))
    return min(wanted, shared, ask.limit, MAX_LEASE)


def _own(record: ShardRecord, lease: LeaseId, message: LeaseDone) -> Held | None:
    """The lease if its worker speaks, None where it was acknowledged before; raises what `complete` raises."""
    if not record.start <= lease.start < lease.stop <= record.frontier:
        raise NotFound("there is no lease of that id")
    held = next((each for each in record.held if record.lease_id(each) == lease), None)
    if held is None:
        _refuse_late(record, lease)
        return None
    if held.worker != message.worker:
        raise Forbidden("the lease is held by another worker")
    if message.token and message.token != held.token:
        raise Conflict("the token is not the lease's: another owner of these targets has given it since")
    return held


def _refuse_late(record: ShardRecord, lease: LeaseId) -> None:
    """Say what became of a lease that is out no more, unless it was acknowledged."""
    if lease.nonce in record.acknowledged:
        return
    mine = [(lease.start, lease.stop - 1)]
    held = merge((each.start, each.stop - 1) for each in record.held)
    if intersect(mine, held) or not subtract(mine, record.done):
        raise Conflict("the targets were handed out again under a newer token; results sent are kept")
    raise Expired("the lease has ended and its targets are handed out again; results sent are kept")


def _ended(record: ShardRecord, held: Held, stored_upto: int, at_us: int = 0) -> ShardRecord:
    """Without a lease, of which the positions below `stored_upto` are done."""
    mine = [(held.start, stored_upto - 1)] if stored_upto > held.start else []
    whole = stored_upto == held.stop
    return replace(
        record,
        done=tuple(merge([*record.done, *mine])),
        unaudited=record.unaudited if held.audited else tuple(merge([*record.unaudited, *mine])),
        held=tuple(each for each in record.held if each is not held),
        acknowledged=(*record.acknowledged, held.nonce)[-REMEMBERED:] if whole else record.acknowledged,
        reissued=record.reissued + held.stop - stored_upto,
        changed_at_us=at_us or record.changed_at_us,
    )


def _forget_lost(record: ShardRecord, ask: Ask, ages: Ages) -> ShardRecord:
    """Without the leases of this very run that it does not know of: their answers were lost on the way.

    Whoever has renewed a lease does know it: the request was under way for long, and is older than the lease.
    """
    mine = [each for each in record.held if each.worker == ask.worker and each.run == ask.run and ask.run]
    for held in mine:
        renewed = ages.lived_s.get(held.nonce, 0.0) > ages.unheard_s.get(held.nonce, 0.0)
        if not renewed and held.nonce not in ask.holding:
            record = _ended(record, held, held.stored_upto)
    return record


def _next_range(record: ShardRecord, ask: Ask) -> Range | None:
    """The positions to hand out next, inclusive, or None when there are none now."""
    held = [(each.start, each.stop - 1) for each in record.held]
    taken = merge([*record.done, *held])
    free = subtract([(record.start, record.stop - 1)], merge([*taken, *ask.blocked]))
    if len(record.done) + len(held) >= MAX_DONE_RANGES:
        # Closing a gap from below adds no range. There is such a gap: at least 192 ranges are done, 64 leases out.
        ends = {last + 1 for _, last in record.done} | {record.start}
        free = [each for each in free if each[0] in ends]
    if not free:
        return None
    first, last = free[0]
    return first, min(last, first + lease_size(ask, record.targets - count(taken)) - 1)


def _handed_out(record: ShardRecord, found: Range, ask: Ask) -> tuple[ShardRecord, Held]:
    first, last = found
    held = Held(
        nonce=ask.nonce,
        request_id=ask.request_id,
        worker=ask.worker,
        run=ask.run,
        start=first,
        stop=last + 1,
        stored_upto=first,
        ttl_s=ask.ttl_s,
        lived_s=0,
        rate_pps=ask.rate_pps,
        lane_pps=ask.lane_pps,
        token=ask.token,
        audited=ask.audited,
    )
    return replace(
        record,
        frontier=max(record.frontier, last + 1),
        held=(*record.held, held),
        began_at_us=record.began_at_us or ask.at_us,
        changed_at_us=ask.at_us or record.changed_at_us,
    ), held
