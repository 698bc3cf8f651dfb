"""Which of another datacenter's campaigns are taken over, as they stand there. Pure.

A campaign is its home's alone: what another datacenter has pulled itself is left out, and so are hops' targets, which
are probed where the hops were found. Editions only grow: where the home has an older one (restored from a copy, its
key deleted), the newer one that was pulled stands. A stop is for good, and is taken over as well.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from hoploom.wire.campaign import Campaign


@dataclass(frozen=True)
class Pull:
    """What a look at another datacenter leads to.

    Attributes:
        take: Campaigns to write here, with their home in them.
        clashes: Ids that belong to another campaign here; that one stays.
    """

    take: tuple[Campaign, ...] = ()
    clashes: tuple[str, ...] = ()


def plan(home: str, theirs: Iterable[Campaign], ours: Mapping[str, Campaign]) -> Pull:
    """Compare what another datacenter has with what is here.

    Args:
        home: The other datacenter.
        theirs: The newest edition of each of its campaigns.
        ours: The newest edition of each campaign here, by id.
    """
    own = [replace(each, home_dc=home) for each in theirs if not each.parent and each.home_dc in ("", home)]
    clashes = [each.id for each in own if each.id in ours and ours[each.id].home_dc != home]
    take = [each for each in own if each.id not in clashes and _is_newer(each, ours.get(each.id))]
    return Pull(tuple(take), tuple(clashes))


def pieces(campaign: Campaign) -> tuple[str, ...]:
    """The sets that have to be there before a campaign is."""
    found = {each.sha256 for each in campaign.sets.values()} | {campaign.excludes, campaign.networks}
    return tuple(sorted(found - {""}))


def _is_newer(theirs: Campaign, ours: Campaign | None) -> bool:
    if ours is None or theirs.edition != ours.edition:
        return ours is None or theirs.edition > ours.edition
    return bool(theirs.stopped_us) and not ours.stopped_us
