"""What is known of one shard of one group's round: a record of a few KB, whatever the number of targets.

Pure. Only three things are kept: the frontier (below it every position was handed out at least once), the ranges that
are done, and who holds what now. What has to be handed out again is computed: below the frontier, not done, held by
nobody. So the parts cannot contradict each other. `leases` says how the record changes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any

from hoploom.kit.errors import BadRequest, Unprocessable
from hoploom.targets.ranges import Range, count, merge
from hoploom.wire.campaign import MAX_EDITION
from hoploom.wire.campaign_request import MAX_RATE_PPS
from hoploom.wire.fields import CAMPAIGN_ID, MAX_INTEGER, NAME, NONCE, VERSION, Fields
from hoploom.wire.lease import MAX_ROUND, MAX_TTL_S, TOKEN, LeaseId


@dataclass(frozen=True, kw_only=True, order=True)
class ShardRef:
    """Names one shard of one group's round.

    Attributes:
        campaign: Campaign id.
        edition: Its edition.
        group: Group of workers that shares the pass.
        round: Which pass over the targets, from 0.
        family: 4 or 6.
        shard: Its number within the family, from 0.
    """

    campaign: str
    edition: int
    group: str
    round: int
    family: int
    shard: int


@dataclass(frozen=True, kw_only=True)
class Held:
    """A lease that is out.

    Attributes:
        nonce: Its own part of the lease's id.
        request_id: The request that it answered; the same request gets it again.
        worker: Who holds it.
        run: The run of the worker's process that holds it; empty where it has none.
        start: First position.
        stop: Position after the last.
        stored_upto: Every position below it is stored, start <= stored_upto <= stop.
        ttl_s: Seconds that it lives without a renewal.
        lived_s: Seconds that it had lived when this was written.
        rate_pps: Packets a second that it allows; 0 for no limit.
        lane_pps: Packets a second to one /24 or /48 that it allows; 0 for no limit.
        token: Fencing token of the owner that gave it.
        audited: Whether its results have to be stored; a simple client keeps them itself.
    """

    nonce: str
    request_id: str
    worker: str
    run: str
    start: int
    stop: int
    stored_upto: int
    ttl_s: int
    lived_s: int
    rate_pps: int
    lane_pps: int
    token: str
    audited: bool


@dataclass(frozen=True, kw_only=True)
class ShardRecord:
    """One shard of one group's round.

    Attributes:
        ref: Which.
        start: First position of the shard.
        stop: Position after its last.
        frontier: The next position that was never handed out, start <= frontier <= stop.
        done: Positions that are done, as a merged list of inclusive ranges.
        unaudited: Of these, what clients acknowledged that store nothing here.
        held: Leases that are out.
        acknowledged: Nonces of the leases that were acknowledged last, so that doing so twice is no error.
        reissued: Positions that were handed out again.
        began_at_us: Wall clock of the first lease, microseconds since 1970; for people, never compared.
        changed_at_us: Wall clock of the last change; as above.
    """

    ref: ShardRef
    start: int
    stop: int
    frontier: int
    done: tuple[Range, ...] = ()
    unaudited: tuple[Range, ...] = ()
    held: tuple[Held, ...] = ()
    acknowledged: tuple[str, ...] = ()
    reissued: int = 0
    began_at_us: int = 0
    changed_at_us: int = 0

    @staticmethod
    def empty(ref: ShardRef, start: int, stop: int) -> ShardRecord:
        """A shard of which nothing has been handed out."""
        return ShardRecord(ref=ref, start=start, stop=stop, frontier=start)

    @property
    def targets(self) -> int:
        """Number of positions."""
        return self.stop - self.start

    @property
    def done_count(self) -> int:
        """Positions that are done."""
        return count(self.done)

    @property
    def outstanding(self) -> int:
        """Positions that somebody holds now."""
        return sum(each.stop - each.start for each in self.held)

    @property
    def complete(self) -> bool:
        """Whether every position is done."""
        return self.done == ((self.start, self.stop - 1),)

    def lease_id(self, held: Held) -> LeaseId:
        """The id of one of its leases."""
        ref = self.ref
        return LeaseId(
            campaign=ref.campaign,
            edition=ref.edition,
            round=ref.round,
            family=ref.family,
            start=held.start,
            stop=held.stop,
            nonce=held.nonce,
        )

    def to_bytes(self) -> bytes:
        """As it is stored: JSON without spaces, leases as lists in the order of `Held`'s fields."""
        document = {
            "v": VERSION,
            **vars(self.ref),
            "start": self.start,
            "stop": self.stop,
            "frontier": self.frontier,
            "done": self.done,
            "unaudited": self.unaudited,
            "held": [_HELD_VALUES(each) for each in self.held],
            "acknowledged": self.acknowledged,
            "reissued": self.reissued,
            "began_at_us": self.began_at_us,
            "changed_at_us": self.changed_at_us,
        }
        return json.dumps(document, separators=(",", ":")).encode()

    @staticmethod
    def from_bytes(content: bytes) -> ShardRecord:
        """Read what `to_bytes` wrote.

        Raises:
            BadRequest: It is damaged, or of a version that is not known here.
        """
        try:
            document = json.loads(content)
        except ValueError as error:
            raise BadRequest(f"the record is no JSON: {error}") from error
        known = Fields(document, "a shard's record")
        start = known.integer("start", range(MAX_INTEGER))
        stop = known.integer("stop", range(start + 1, MAX_INTEGER))
        frontier = known.integer("frontier", range(start, stop + 1))
        return ShardRecord(
            ref=_ref(known),
            start=start,
            stop=stop,
            frontier=frontier,
            done=_ranges("done", document.get("done"), range(start, frontier)),
            unaudited=_ranges("unaudited", document.get("unaudited", ()), range(start, frontier)),
            held=tuple(_held(each) for each in known.objects("held")),
            acknowledged=known.texts("acknowledged", longest=1024),
            reissued=known.integer("reissued", range(MAX_INTEGER)),
            began_at_us=known.integer("began_at_us", range(MAX_INTEGER)),
            changed_at_us=known.integer("changed_at_us", range(MAX_INTEGER)),
        )


_HELD_NAMES = tuple(each.name for each in fields(Held))
# Not `astuple`: that copies every value, and takes five times as long.
_HELD_VALUES = attrgetter(*_HELD_NAMES)


def _ref(known: Fields) -> ShardRef:
    return ShardRef(
        campaign=known.text("campaign", CAMPAIGN_ID),
        edition=known.integer("edition", range(1, MAX_EDITION + 1)),
        group=known.text("group", NAME),
        round=known.integer("round", range(MAX_ROUND)),
        family=known.integer("family", range(4, 7, 2)),
        shard=known.integer("shard", range(MAX_INTEGER)),
    )


def _ranges(name: str, listed: Any, allowed: range) -> tuple[Range, ...]:
    try:
        found = tuple((int(first), int(last)) for first, last in listed)
    except (TypeError, ValueError) as error:
        raise BadRequest(f"{name} of a shard's record is no list of ranges") from error
    if list(found) != merge(found) or any(not allowed.start <= first <= last < allowed.stop for first, last in found):
        raise Unprocessable(f"{name} of a shard's record is no merged list below the frontier")
    return found


def _held(listed: Any) -> Held:
    if not isinstance(listed, list) or len(listed) != len(_HELD_NAMES):
        raise BadRequest("held of a shard's record is no list of leases")
    known = Fields(dict(zip(_HELD_NAMES, listed, strict=True)), "a lease that is out", versioned=False)
    start = known.integer("start", range(MAX_INTEGER))
    stop = known.integer("stop", range(start + 1, MAX_INTEGER))
    return Held(
        nonce=known.text("nonce", NONCE),
        request_id=known.text("request_id", NAME),
        worker=known.text("worker", NAME),
        run=known.text("run", NAME) if listed[_HELD_NAMES.index("run")] else "",
        start=start,
        stop=stop,
        stored_upto=known.integer("stored_upto", range(start, stop + 1)),
        ttl_s=known.integer("ttl_s", range(1, MAX_TTL_S + 1)),
        lived_s=known.integer("lived_s", range(MAX_INTEGER)),
        rate_pps=known.integer("rate_pps", range(MAX_RATE_PPS + 1)),
        lane_pps=known.integer("lane_pps", range(MAX_RATE_PPS + 1)),
        token=known.text("token", TOKEN),
        audited=known.flag("audited"),
    )
