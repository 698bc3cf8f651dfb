"""What is known of one group's round of one campaign: a record of under 64 KB, whatever the number of targets.

Pure. Only three things are kept of a family: the frontier (below it every position was handed out at least once), the
ranges that are done, and who holds what now. What has to be handed out again is computed: below the frontier, not done,
held by nobody. So the parts cannot contradict each other. `leases` says how the record changes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hoploom.kit.errors import BadRequest, Unprocessable
from hoploom.targets.ranges import Range, count, merge
from hoploom.wire.campaign import FAMILIES, MAX_RATE_PPS
from hoploom.wire.fields import CAMPAIGN_ID, MAX_INTEGER, NAME, NONCE, VERSION, Fields
from hoploom.wire.lease import MAX_ROUND, MAX_TTL_S, LeaseId


@dataclass(frozen=True, kw_only=True)
class Held:
    """A lease that is out.

    Attributes:
        nonce: Its own part of the lease's id.
        request_id: The request that it answered; the same request gets it again.
        worker: Who holds it.
        family: 4 or 6.
        start: First position.
        stop: Position after the last.
        ttl_s: Seconds that it was given for.
        rate_pps: Packets a second that it allows; 0 for no limit.
    """

    nonce: str
    request_id: str
    worker: str
    family: int
    start: int
    stop: int
    ttl_s: int
    rate_pps: int


@dataclass(frozen=True, kw_only=True)
class FamilyProgress:
    """How far one family is.

    Attributes:
        size: Number of targets N.
        frontier: The next position that was never handed out, 0 <= frontier <= N.
        done: Positions that are done, as a merged list of inclusive ranges.
    """

    size: int
    frontier: int = 0
    done: tuple[Range, ...] = ()

    @property
    def watermark(self) -> int:
        """Every position below it is done."""
        return self.done[0][1] + 1 if self.done and self.done[0][0] == 0 else 0

    @property
    def finished(self) -> bool:
        """Whether every position is done."""
        return self.watermark == self.size


@dataclass(frozen=True, kw_only=True)
class GroupRecord:
    """One group's round of one campaign.

    Attributes:
        campaign: Campaign id.
        round: Which pass over the targets, from 0.
        group: Group of workers that shares the pass.
        families: Progress by family.
        held: Leases that are out.
        reissued: Positions that were handed out again.
        began_at_us: Wall clock of the first lease, microseconds since 1970; for people, never compared.
        changed_at_us: Wall clock of the last change; as above.
    """

    campaign: str
    round: int
    group: str
    families: Mapping[int, FamilyProgress]
    held: tuple[Held, ...] = ()
    reissued: int = 0
    began_at_us: int = 0
    changed_at_us: int = 0

    @property
    def targets(self) -> int:
        """Number of positions of all families."""
        return sum(each.size for each in self.families.values())

    @property
    def handed_out(self) -> int:
        """Positions that were handed out at least once."""
        return sum(each.frontier for each in self.families.values())

    @property
    def done(self) -> int:
        """Positions that are done."""
        return sum(count(each.done) for each in self.families.values())

    @property
    def outstanding(self) -> int:
        """Positions that somebody holds now."""
        return sum(each.stop - each.start for each in self.held)

    @property
    def finished(self) -> bool:
        """Whether every position of every family is done."""
        return all(each.finished for each in self.families.values())

    def lease_id(self, held: Held) -> LeaseId:
        """The id of one of its leases."""
        return LeaseId(
            campaign=self.campaign,
            edition=1,
            round=self.round,
            family=held.family,
            start=held.start,
            stop=held.stop,
            nonce=held.nonce,
        )

    def to_bytes(self) -> bytes:
        """As it is stored: JSON without spaces."""
        document = {"v": VERSION, **asdict(self)}
        document["families"] = {str(family): asdict(each) for family, each in sorted(self.families.items())}
        return json.dumps(document, separators=(",", ":")).encode()

    @staticmethod
    def from_bytes(content: bytes) -> GroupRecord:
        """Read what `to_bytes` wrote.

        Raises:
            BadRequest: It is damaged.
        """
        try:
            document = json.loads(content)
        except ValueError as error:
            raise BadRequest(f"the record is no JSON: {error}") from error
        known = Fields(document, "a group's record")
        return GroupRecord(
            campaign=known.text("campaign", CAMPAIGN_ID),
            round=known.integer("round", range(MAX_ROUND)),
            group=known.text("group", NAME),
            families={
                family: _family(each)
                for family in FAMILIES
                if (each := known.object("families").get(str(family))) is not None
            },
            held=tuple(_held(each) for each in known.objects("held")),
            reissued=known.integer("reissued", range(MAX_INTEGER)),
            began_at_us=known.integer("began_at_us", range(MAX_INTEGER)),
            changed_at_us=known.integer("changed_at_us", range(MAX_INTEGER)),
        )


def _family(document: Any) -> FamilyProgress:
    known = Fields(document, "a family's progress", versioned=False)
    size = known.integer("size", range(1, MAX_INTEGER))
    frontier = known.integer("frontier", range(size + 1))
    try:
        done = tuple((int(first), int(last)) for first, last in document["done"])
    except (KeyError, TypeError, ValueError) as error:
        raise BadRequest("done of a family's progress is no list of ranges") from error
    if list(done) != merge(done) or any(not 0 <= first <= last < frontier for first, last in done):
        raise Unprocessable("done of a family's progress is no merged list below the frontier")
    return FamilyProgress(size=size, frontier=frontier, done=done)


def _held(document: Any) -> Held:
    known = Fields(document, "a lease that is out", versioned=False)
    start = known.integer("start", range(MAX_INTEGER))
    return Held(
        nonce=known.text("nonce", NONCE),
        request_id=known.text("request_id", NAME),
        worker=known.text("worker", NAME),
        family=known.integer("family", range(4, 7, 2)),
        start=start,
        stop=known.integer("stop", range(start + 1, MAX_INTEGER)),
        ttl_s=known.integer("ttl_s", range(1, MAX_TTL_S + 1)),
        rate_pps=known.integer("rate_pps", range(MAX_RATE_PPS + 1)),
    )
