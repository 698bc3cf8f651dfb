"""How a worker counts its ads, and what it makes of the answers: a pure machine.

Its boot count is raised on the disk before a run says anything. Where that count was lost, the mesh remembers a higher
one: the worker goes on from there. It does so once in a run: two copies of one card would outbid each other for ever,
each raise being heard by the other before anybody can tell that both are running.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hoploom.wire.ad_bodies import WorkerBody
from hoploom.wire.ads import MAX_FIRST, MAX_JUMP, WORKER, Ad, Answer


@dataclass(frozen=True, kw_only=True)
class Voice:
    """One run of a worker.

    Attributes:
        name: The worker's.
        instance: Names the run.
        boot: Its boot count.
        started_us: When it began, by the wall clock.
        generation: Ads that were said under this boot count.
        is_settled: Whether a manager has answered once.
        has_raised: Whether it has gone on from another's count.
        clash: Whether another machine sends under this name.
    """

    name: str
    instance: str
    boot: int
    started_us: int
    generation: int = 0
    is_settled: bool = False
    has_raised: bool = False
    clash: bool = False

    def say(self, body: WorkerBody, *, down: bool = False) -> tuple[Voice, Ad]:
        """The next ad, and the voice that has said it."""
        after = replace(self, generation=self.generation + 1)
        ad = Ad(
            kind=WORKER, id=self.name, instance=self.instance, boot=self.boot, generation=after.generation,
            started_us=self.started_us, down=down, body=body,
        )
        return after, ad

    def heard(self, answers: Sequence[Answer]) -> Voice:
        """What managers have answered; one of them at least. A boot count that grew is to be kept on the disk."""
        highest = max((each.highest.get(self.name, 0) for each in answers), default=0)
        clash = any(self.name in each.clashes for each in answers)
        # No manager's word may carry the count so far that the others refuse it.
        is_believable = highest < max(MAX_FIRST, self.boot + MAX_JUMP)
        may_raise = not self.has_raised and not (self.is_settled and clash)
        if highest > self.boot and is_believable and may_raise:
            return replace(self, boot=highest + 1, generation=0, is_settled=True, has_raised=True, clash=False)
        return replace(self, is_settled=True, clash=clash)
