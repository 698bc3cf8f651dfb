"""Sixty days of a datacenter's managers against a provider that counts, for many seeds: what it is asked, and how well.

A hundred changes of leader each time (handed over, killed, cut off, stopped for up to two hours), every tenth at the
worst moment, between a claim and its request; five changes of address, and six times a Consul that is away for up to
two hours. Nothing leaves this process. Leaders look for an operator's word every ten minutes instead of every minute.
The anchor is what sixty days with one leader and one address cost.
"""

import time
from collections.abc import Callable

from hoploom.cli.bench import Figure, at_most
from hoploom.manager.dyfi import plan
from lab.dyfi_history import DAYS, GAP_S, STOPS, findings, most, sixty_days
from lab.dyfi_world import Site
from lab.dyndns import DAY_S

SEEDS, REST_S = 10, 600.0
LATER = "203.0.113.9"


def measure(scale: float) -> list[Figure]:
    """All seeds.

    Args:
        scale: Part of them.
    """
    plan.POLL_S = REST_S
    seeds, first = max(1, round(SEEDS * scale)), int(time.time()) // 86_400
    sites = [_lived(seed, sixty_days) for seed in range(first, first + seeds)]
    over = max(len(each.provider.heard) - most(each) for each in sites)
    quiet = len(_lived(first, lambda site: site.run(DAYS)).provider.heard)
    asked = [len(each.provider.heard) for each in sites]
    changes = min(each.changes for each in sites)
    after = sum(_after_a_stop(word) for word in STOPS)
    down = _lived(first, _down_for_three_days)
    return [
        at_most("requests in 60 days beyond 12 and one for each change of address", max(0, over), "requests", 0,
                ("changes of leader", changes)),
        at_most("requests in 60 days, mean", sum(asked) / seeds, "requests", max(map(most, sites)),
                ("one leader, one address", quiet)),
        at_most("longest time between two updates", max(map(_gap_s, sites)) / DAY_S, "days", GAP_S / DAY_S),
        at_most("promises broken", sum(len(findings(each)) for each in sites), "findings", 0),
        at_most("calls after a stopping answer", after, "calls", 0, ("stopping answers", len(STOPS))),
        at_most("calls to a provider that is down for 3 days", len(down.provider.heard) - 2, "calls", 18),
    ]  # fmt: skip


def _lived(seed: int, days: Callable[[Site], None]) -> Site:
    site = Site(seed)
    try:
        days(site)
    finally:
        site.end()
    return site


def _gap_s(site: Site) -> float:
    times = [each.at_s for each in site.provider.heard]
    return max(after - before for before, after in zip(times, [*times[1:], site.world.now_s], strict=True))


def _after_a_stop(word: str) -> int:
    def days(site: Site) -> None:
        site.provider.instead = [(200, word)]
        sixty_days(site, days=10)

    return len(_lived(1, days).provider.heard) - 1


def _down_for_three_days(site: Site) -> None:
    site.run(1)
    site.move(LATER)
    site.provider.instead, site.provider.always = [(200, "911")], True
    site.run(3)
    site.provider.instead = []
    site.run(0.3)
