"""The end-to-end audit: what leases call done against what the outputs have stored.

Acknowledgements are only as good as the disks behind them. A store that is away postpones the answer, because what it
has is not missing; one that stays away longer than the patience is taken for lost, and its targets are probed again.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from hoploom.input_service.stores import Stores
from hoploom.kit import Mesh, metrics
from hoploom.kit.errors import Unavailable
from hoploom.targets.ranges import Range, count, merge, subtract
from hoploom.wire.campaign import Campaign

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
        self._stores = Stores(mesh, patience_s)

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
            documents = await self._stores.ask(
                f"/api/v1/output/campaigns/{campaign.number}/coverage?{urlencode(wanted)}"
            )
            found = merge(each for document in documents for each in _ranges(document))
        except Unavailable:
            _AUDITS.labels("postponed").inc()
            raise
        lacking = missing(done, found)
        _AUDITS.labels("missing" if lacking else "clean").inc()
        _REOPENED.inc(count(lacking))
        return lacking


def missing(done: Sequence[Range], stored: Sequence[Range]) -> list[Range]:
    """What is done and not stored; all three are merged lists."""
    return subtract(done, stored)


def _ranges(document: Mapping[str, Any]) -> Iterator[Range]:
    try:
        yield from ((int(first), int(last)) for first, last in document["ranges"])
    except (KeyError, TypeError, ValueError) as error:
        raise Unavailable(f"store {document['store']} does not say what it has: {error!r}") from error
