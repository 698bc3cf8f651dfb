"""What the leader of the role does: flips, looks, tells metrics, and writes down for all managers how routers stand."""

import asyncio
import logging

from hoploom.kit import Mesh, Term, metrics
from hoploom.kit.clock import wall_us
from hoploom.kit.errors import Unavailable
from hoploom.manager.auditing import record, verdicts
from hoploom.manager.auditing.flipping import Flipping, Pace
from hoploom.manager.auditing.looking import EVERY_S, Looking
from hoploom.manager.auditing.standing import STALLED, Standing

log = logging.getLogger(__name__)
JUDGE_S, REFRESH_S = 1.0, 30.0
"""A new verdict is written within a second; figures alone each half a minute, since each write is one to raft."""

_STALLED = metrics.gauge(
    "hoploom_route_table_stalled", "1 for a Fabio whose table has not followed Consul for too long.", ("fabio",)
)
_SHRUNKEN = metrics.gauge(
    "hoploom_route_table_shrunken", "1 for a Fabio whose table lost routes that Consul still asks for.", ("fabio",)
)
_FINDINGS = metrics.gauge(
    "hoploom_route_findings", "What is wrong with routes, as `hoploom route audit` finds it.", ("kind", "severity")
)


class Auditor:
    """One leader's audit.

    Attributes:
        standing: How the routers stand by now.
    """

    def __init__(self, mesh: Mesh, pace: Pace) -> None:
        """Know nothing yet; a pace of no flips looks at tables alone."""
        self._mesh = mesh
        self._flipping = Flipping(mesh, pace) if pace.flip_s else None
        self._looking = Looking(mesh, min(EVERY_S, pace.flip_s or EVERY_S))
        self._written = self.standing = Standing()

    async def run(self, term: Term) -> None:
        """Until the term ends."""
        self._written = self.standing = await _left(self._mesh) or Standing()
        try:
            async with asyncio.TaskGroup() as group:
                if self._flipping:
                    group.create_task(self._flipping.run())
                group.create_task(self._looking.run())
                group.create_task(self._judge(term))
        finally:
            for each in (_STALLED, _SHRUNKEN, _FINDINGS):
                each.clear()

    async def _judge(self, term: Term) -> None:
        while True:
            await asyncio.sleep(JUDGE_S)
            flipping, looking = self._flipping, self._looking
            seen = verdicts.Seen(
                course=flipping.course if flipping else None,
                times=dict(flipping.times) if flipping else {},
                sizes=looking.sizes,
                findings=looking.findings,
                unseen=(*looking.unseen, *([f"the canary: {flipping.away}"] if flipping and flipping.away else ())),
            )
            self.standing = verdicts.standing(seen, self.standing, self._mesh.id, wall_us())
            _tell(self.standing)
            await self._write(term)

    async def _write(self, term: Term) -> None:
        now, before = self.standing, self._written
        if verdicts.face(now) == verdicts.face(before) and now.at_us - before.at_us < REFRESH_S * 1e6:
            return
        try:
            await term.write([{"Verb": "set", "Key": record.KEY, "Value": record.encoded(now)}])
            self._written = now
        except Unavailable as error:
            # A term that is over cancels us by itself.
            log.info("how routers stand is written later: %s", error)


async def _left(mesh: Mesh) -> Standing | None:
    """What the leader before has written: since when, a new one cannot know."""
    try:
        entry = await mesh.consul.kv_get(record.KEY)
    except Unavailable:
        return None
    return record.decoded(entry.value) if entry else None


def _tell(standing: Standing) -> None:
    for each in (_STALLED, _SHRUNKEN, _FINDINGS):
        # Who has left would stay for ever.
        each.clear()
    for router in standing.routers:
        _STALLED.labels(router.name).set(router.state == STALLED)
        _SHRUNKEN.labels(router.name).set(bool(router.shrunken))
    for finding in standing.findings:
        _FINDINGS.labels(finding.kind, finding.severity).inc()

