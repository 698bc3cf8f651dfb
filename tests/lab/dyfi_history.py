"""What sixty days must not have: the promises about a provider, looked at in what the provider itself has heard."""

from collections.abc import Iterator
from functools import partial
from itertools import pairwise

from hoploom.manager.dyfi.record import LEAST_S
from lab.dyfi_world import CUT_OFF, GRACEFUL, KILLED, STOPPED, Site
from lab.dyndns import DAY_S, EARLY_S

DAYS, CHANGES, MOVES, OUTAGES = 60, 100, 5, 6
MOST = 12
GAP_S = 6 * DAY_S
STOPS = ("badauth", "nohost", "notfqdn", "abuse")


def sixty_days(site: Site, *, days: float = DAYS, moves: int = MOVES) -> None:
    """Leaders change at any time, every tenth while it calls; addresses change, Consul goes away for up to two hours.

    Args:
        site: The datacenter.
        days: How many there are of the sixty; changes of leader in proportion.
        moves: Changes of the address.
    """
    chance, world, end_s = site.chance, site.world, days * DAY_S
    for number in range(int(CHANGES * days / DAYS)):
        kind = chance.choice((GRACEFUL, KILLED, STOPPED, CUT_OFF))
        world.after(chance.uniform(0, end_s), partial(_trouble, site, kind, number))
    for number in range(moves):
        world.after(chance.uniform(DAY_S, end_s), partial(site.move, f"198.51.100.{number}"))
    for _ in range(OUTAGES):
        world.after(chance.uniform(0, end_s), partial(site.outage, chance.uniform(1, 7200)))
    site.run(days)


def _trouble(site: Site, kind: str, number: int) -> None:
    if number % 10:
        site.change(kind)
    else:
        # It strikes at the next call, between the claim and the request.
        site.trap = True


def findings(site: Site) -> list[str]:
    """All that is not as it should be; nothing of the provider may have been amiss, but what `site.lost` counts."""
    return [*_many(site), *_gaps(site), *_early(site), *_strangers(site), *_unheard(site)]


def most(site: Site) -> int:
    """So many requests are allowed: twelve, one for each change of the sender's address, one for each lost answer."""
    senders = [each.sender for each in site.provider.heard]
    moves = sum(one != two for one, two in pairwise(senders))
    return MOST + moves + site.lost


def _many(site: Site) -> Iterator[str]:
    heard = len(site.provider.heard)
    if heard > most(site):
        yield f"{heard} requests, {most(site)} are the most"


def _gaps(site: Site) -> Iterator[str]:
    """Of updates that the provider took."""
    for name in site.names:
        times = [each.at_s for each in site.provider.heard if name in each.names] + [site.world.now_s]
        for before, after in pairwise(times):
            if after - before > GAP_S:
                yield f"{name} was not told for {(after - before) / DAY_S:.2f} days"


def _early(site: Site) -> Iterator[str]:
    """Two updates within five days without a change between them, or within ten minutes."""
    for name in site.names:
        heard = [each for each in site.provider.heard if name in each.names]
        for before, after in pairwise(heard):
            apart_s = after.at_s - before.at_s
            if apart_s < LEAST_S - 10:
                yield f"{name} was told twice within {apart_s:.0f} s"
            if apart_s < EARLY_S - 60 and before.sender == after.sender and not site.lost:
                yield f"{name} was told again after {apart_s / DAY_S:.2f} days without a change"


def _strangers(site: Site) -> Iterator[str]:
    for each in site.sent:
        if not each.leads:
            yield f"{each.host} called without leading, at {each.at_s:.0f} s"


def _unheard(site: Site) -> Iterator[str]:
    """Calls after a word that asks for none; for histories in which nobody resumes."""
    for number, each in enumerate(site.provider.heard):
        if set(each.words) & set(STOPS) and site.provider.heard[number + 1 :]:
            yield f"it was called again after {', '.join(each.words)}"
