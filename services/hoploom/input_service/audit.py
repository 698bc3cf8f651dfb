"""The end-to-end audit: what leases call done against what the outputs have stored.

Acknowledgements are only as good as the disks behind them. A store that is away postpones the answer, because what it
has is not missing; one that stays away longer than the patience is taken for lost, and its targets are probed again.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from hoploom.kit import Mesh, metrics
from hoploom.kit.clock import boottime_s
from hoploom.kit.errors import Unavailable
from hoploom.targets.ranges import Range, count, merge, subtract
from hoploom.wire.campaign import Campaign

STORES = "hoploom/stores/"
"""Below it every store of the mesh has a key with its UUID, written by the output instance that opened it first."""

TIMEOUT_S = 10.0
_AUDITS = metrics.counter("hoploom_input_audits_total", "Audits of a group's round.", ("result",))
_REOPENED = metrics.counter("hoploom_input_positions_reopened_total", "Positions done by a lease and stored nowhere.")


class Audit:
    """Asks every output what it has."""

    def __init__(self, mesh: Mesh, patience_s: float) -> None:
        """Know the mesh.

        Args:
            mesh: This instance.
            patience_s: How long a store may be away before it is taken for lost, in seconds.
        """
        self._mesh, self._patience_s = mesh, patience_s
        self._away_since_s: dict[str, float] = {}

    async def missing(
        self, campaign: Campaign, round_number: int, group: str, family: int, done: Sequence[Range]
    ) -> list[Range]:
        """The done positions of which no output has a result.

        Args:
            campaign: The campaign, in the edition of the leases.
            round_number: The round.
            group: The group.
            family: 4 or 6.
            done: A merged list of positions that are done.

        Raises:
            Unavailable: A store is away, so nobody can say.
        """
        wanted = {
            "revision": campaign.sets[family].sha256,
            "round": round_number,
            "group": group,
            "family": family,
        }
        try:
            found = await self._stored(f"/api/v1/output/campaigns/{campaign.number}/coverage?{urlencode(wanted)}")
        except Unavailable:
            _AUDITS.labels("postponed").inc()
            raise
        lacking = missing(done, found)
        _AUDITS.labels("missing" if lacking else "clean").inc()
        _REOPENED.inc(count(lacking))
        return lacking

    async def _stored(self, path: str) -> list[Range]:
        """What all stores have together."""
        answered, ranges = set(), []
        for instance, answer in await self._mesh.client("output").each("GET", path, timeout_s=TIMEOUT_S):
            if isinstance(answer, Unavailable):
                raise Unavailable(f"{instance.id} does not answer: {answer}")
            if not answer.ok:
                raise Unavailable(f"{instance.id} refuses: {answer.reason()}")
            document: Mapping[str, Any] = answer.json()
            answered.add(str(document["store"]))
            ranges += [(int(first), int(last)) for first, last in document["ranges"]]
        if not answered:
            raise Unavailable("no output instance is known")
        await self._all_heard(answered)
        return merge(ranges)

    async def _all_heard(self, answered: set[str]) -> None:
        """Raises Unavailable while a known store is away and not yet taken for lost."""
        known = {entry.key.removeprefix(STORES) for entry in await self._mesh.consul.kv_list(STORES)}
        now_s, away = boottime_s(), known - answered
        self._away_since_s = {store: self._away_since_s.get(store, now_s) for store in away}
        for store, since_s in self._away_since_s.items():
            if now_s - since_s <= self._patience_s:
                raise Unavailable(f"store {store} is away; after {self._patience_s:g} s it is taken for lost")


def missing(done: Sequence[Range], stored: Sequence[Range]) -> list[Range]:
    """What is done and not stored; all three are merged lists."""
    return subtract(done, stored)
